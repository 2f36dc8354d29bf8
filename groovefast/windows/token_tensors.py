"""Windows of tokens as a model takes them, and which of a file's windows training takes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groovefast.drums import NUM_CLASSES
from groovefast.errors import GrooveFastError, OptionError

DRUM_TOKENS = 2**NUM_CLASSES
"""One for each set of drum classes: the sum of 2 to the power of each of them."""
MELODY_TOKENS = 90
"""Nothing, the end of a note, and the pitches from 21 to 108."""
STEPS_PER_BAR = 16


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Which tokens there are.

    Attributes:
        sizes: How many of each part, without the one that ends the music.
        add_end_token: Whether there is one more, after all others; of a single part only.
        roll_input: Whether inputs are the drums hit rather than one-hots.
    """

    sizes: tuple[int, ...]
    add_end_token: bool = False
    roll_input: bool = False

    @property
    def depths(self) -> tuple[int, ...]:
        """Columns of each part in a row of outputs."""
        return tuple(size + self.add_end_token for size in self.sizes)

    @property
    def end_token(self) -> int | None:
        """The token that ends the music, if there is one."""
        return self.sizes[0] if self.add_end_token else None

    def inputs(self, tokens: NDArray[np.int16]) -> NDArray[np.float32]:
        """Returns what an encoder hears of tokens, float32 (n, steps, depth)."""
        return _roll(self.depths[0])[tokens] if self.roll_input else self.outputs(tokens)

    def outputs(self, tokens: NDArray[np.int16]) -> NDArray[np.float32]:
        """Returns the one-hots of tokens, float32 (n, steps, depth), those of parts side by side.

        Args:
            tokens: (n, steps), of several parts (n, steps, parts).
        """
        parts = tokens[..., np.newaxis] if len(self.sizes) == 1 else tokens
        rows = [
            np.eye(depth, dtype=np.float32)[parts[..., i]] for i, depth in enumerate(self.depths)
        ]
        return np.concatenate(rows, axis=-1) if len(rows) > 1 else rows[0]

    def read(self, samples: ArrayLike) -> list[NDArray[np.int64]]:
        """Returns the tokens of each of some windows, up to the end of the music.

        Args:
            samples: Tokens, whole numbers (steps,) or (n, steps), with a last axis of the parts if
                there are several; or rows, floats (steps, depth) or any numbers
                (n, steps, depth), of which the largest of each part counts; or a sequence of such
                of different lengths.

        Raises:
            OptionError: Another shape, unknown tokens, or a value that is not finite.
        """
        if isinstance(samples, (list, tuple)) and _is_ragged(samples):
            return [tokens for each in samples for tokens in self.read(each)]
        array = np.asarray(samples)
        is_rows = array.ndim == 3 and array.shape[-1] == sum(self.depths)
        tokens = array if array.dtype.kind in "iu" and not is_rows else self._largest(array)
        last = () if len(self.sizes) == 1 else (len(self.sizes),)
        ndim = 2 + len(last)
        if tokens.ndim == ndim - 1:
            tokens = tokens[np.newaxis]
        if tokens.ndim != ndim or tokens.shape[2:] != last:
            steps = ", ".join(["steps", *map(str, last)])
            raise OptionError("tokens", f"({steps}) or (n, {steps}) wanted, not {array.shape}")
        self._check(tokens)
        return [self._up_to_end(each) for each in tokens.astype(np.int64)]

    def _largest(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        depth = sum(self.depths)
        if rows.dtype.kind not in "fbiu" or rows.ndim not in (2, 3) or rows.shape[-1] != depth:
            raise OptionError(
                "tokens",
                f"whole numbers, or rows (steps, {depth}) or (n, steps, {depth}) wanted, not "
                f"{rows.dtype} {rows.shape}",
            )
        if not np.isfinite(rows).all():
            raise OptionError("tokens", "a value is not finite")
        parts = np.split(rows, np.cumsum(self.depths[:-1]), axis=-1)
        tokens = np.stack([part.argmax(axis=-1) for part in parts], axis=-1)
        return tokens if len(parts) > 1 else tokens[..., 0]

    def _check(self, tokens: NDArray[Any]) -> None:
        for part, depth in enumerate(self.depths):
            own = tokens[..., part] if len(self.depths) > 1 else tokens
            wrong = own[(own < 0) | (own >= depth)]
            if wrong.size:
                of = f" of part {part}" if len(self.depths) > 1 else ""
                raise OptionError(
                    "tokens", f"no such token {wrong[0]}{of}; they are 0 to {depth - 1}"
                )

    def _up_to_end(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.end_token is None:
            return tokens
        return tokens[: int(np.argmax(np.append(tokens, self.end_token) == self.end_token))]


@dataclasses.dataclass(frozen=True, eq=False)
class TokenTensors:
    """The windows of one file: n of them, in the order of the music.

    Attributes:
        tokens: int16 (n, steps), of several parts (n, steps, parts).
        sub_sequences: int64 (n,), which stretch of one tempo and meter each is of, counted from 0.
        start_steps: int64 (n,), the first step of each within its sub-sequence.
        offsets: float64 (sub-sequences,), where each sub-sequence begins, in seconds.
        vocabulary: What the tokens are.
        why_none: Why there are no windows, in words; empty if there are some.
    """

    tokens: NDArray[np.int16]
    sub_sequences: NDArray[np.int64]
    start_steps: NDArray[np.int64]
    offsets: NDArray[np.float64]
    vocabulary: Vocabulary
    why_none: str = ""

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def inputs(self) -> NDArray[np.float32]:
        """What the encoder hears, float32 (n, steps, depth)."""
        return self.vocabulary.inputs(self.tokens)

    @functools.cached_property
    def outputs(self) -> NDArray[np.float32]:
        """What the decoder is to write, float32 (n, steps, depth): a one-hot for each part."""
        return self.vocabulary.outputs(self.tokens)

    def checked(self, name: str) -> TokenTensors:
        """Returns these windows, if there are some.

        Args:
            name: What to call the file they are of.

        Raises:
            GrooveFastError: There are none; says why.
        """
        if not len(self):
            raise GrooveFastError(f"{name}: {self.why_none}")
        return self

    def take(self, chosen: NDArray[np.int64]) -> TokenTensors:
        """Returns some of the windows."""
        return dataclasses.replace(
            self,
            tokens=self.tokens[chosen],
            sub_sequences=self.sub_sequences[chosen],
            start_steps=self.start_steps[chosen],
        )


def draw_windows(
    sub_sequences: NDArray[np.int64], most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Returns which windows of a file training takes, as Magenta draws them.

    At most so many of each sub-sequence, and then so many of these, all without replacement.

    Args:
        sub_sequences: The one of each window.
        most: How many to take.
        rng: What they are drawn with.

    Returns:
        Their indices, in order.
    """
    drawn = [
        rng.permutation(np.flatnonzero(sub_sequences == number))[:most]
        for number in np.unique(sub_sequences)
    ]
    chosen = np.concatenate([np.zeros(0, np.int64), *drawn])
    return np.sort(rng.permutation(chosen)[:most])


def _is_ragged(samples: Sequence[Any]) -> bool:
    return len({np.shape(each) for each in samples}) > 1


@functools.cache
def _roll(depth: int) -> NDArray[np.float32]:
    """What is heard of each drum token: the classes hit, the end if there is one, and silence."""
    tokens = np.arange(depth)
    hits = (tokens[:, np.newaxis] >> np.arange(NUM_CLASSES)) & 1
    ends = np.eye(depth, depth - DRUM_TOKENS, -DRUM_TOKENS)
    heard = np.concatenate([hits, ends], axis=-1)
    return np.concatenate([heard, ~heard.any(axis=-1, keepdims=True)], axis=-1, dtype=np.float32)
