"""Windows of tokens as a model takes them, and which of a file's windows training takes."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from groovefast.errors import GrooveFastError
from groovefast.windows.token_rows import TokenLayout


@dataclasses.dataclass(frozen=True, eq=False)
class TokenTensors:
    """The windows of one file: n of them, in the order of the music.

    Attributes:
        tokens: int16 (n, steps), of several parts (n, steps, parts).
        sub_sequences: int64 (n,), which stretch of one tempo and meter each is of, counted from 0.
        start_steps: int64 (n,), the first step of each within its sub-sequence.
        offsets: float64 (sub-sequences,), where each sub-sequence begins, in seconds.
        layout: What the tokens are, and what rows of them are.
        why_none: Why there are no windows, in words; empty if there are some.
    """

    tokens: NDArray[np.int16]
    sub_sequences: NDArray[np.int64]
    start_steps: NDArray[np.int64]
    offsets: NDArray[np.float64]
    layout: TokenLayout
    why_none: str = ""

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def inputs(self) -> NDArray[np.float32]:
        """What the encoder hears, float32 (n, steps, depth)."""
        rows: NDArray[np.float32] = self.layout.inputs(np, self.tokens)
        return rows

    @functools.cached_property
    def outputs(self) -> NDArray[np.float32]:
        """What the decoder is to write, float32 (n, steps, depth): a one-hot for each part."""
        rows: NDArray[np.float32] = self.layout.outputs(np, self.tokens)
        return rows

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
