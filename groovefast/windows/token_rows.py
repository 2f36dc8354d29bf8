"""What a row of the model is where it is of tokens: a one-hot for each part of the music.

One implementation for both array libraries: `xp` is `numpy` or `tensorflow`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from groovefast.config import Config, TokensConfig
from groovefast.drums import NUM_CLASSES
from groovefast.errors import OptionError
from groovefast.windows.rows import Array, RowLayout

DRUM_TOKENS = 2**NUM_CLASSES
"""One for each set of drum classes: the sum of 2 to the power of each of them."""
MELODY_TOKENS = 90
"""Nothing, the end of a note, and the pitches from 21 to 108."""
TOKENS = {
    "drums": (DRUM_TOKENS,),
    "melody": (MELODY_TOKENS,),
    "trio": (MELODY_TOKENS, MELODY_TOKENS, DRUM_TOKENS),
}
"""How many there are of each part of a representation, without one that ends the music."""
STEPS_PER_BAR = 16


class TokenLayout(NamedTuple):
    """The columns of a row of tokens: the one-hots of its parts, side by side.

    Attributes:
        tokens: How many there are of each part.
        roll_input: Whether the encoder hears, of drums, the classes hit, the end of the music
            where there is a token for it, and a 1 for silence.
        end_token: The one that ends the music, after all others of a single part, if there is one.
    """

    tokens: tuple[int, ...]
    roll_input: bool = False
    end_token: int | None = None

    @classmethod
    def of(cls, config: TokensConfig) -> TokenLayout:
        """Returns the rows of a representation."""
        tokens = TOKENS[config.representation]
        if not config.add_end_token:
            return cls(tokens, config.roll_input)
        (end_token,) = tokens
        return cls((end_token + 1,), config.roll_input, end_token)

    @property
    def depth(self) -> int:
        """Width of a row of outputs."""
        return sum(self.tokens)

    @property
    def input_depth(self) -> int:
        """Width of a row of inputs."""
        return sum(table.shape[1] for table in self._input_tables())

    @property
    def drums(self) -> int:
        """Hits that can be kept as given: none."""
        return 0

    @property
    def rows_per_step(self) -> int:
        """Rows for each grid step."""
        return 1

    @property
    def control_depth(self) -> int:
        """Width of a row of controls: there are none."""
        return 0

    def controls_without_hits(self, xp: Any, rows: Any) -> Array:
        """Returns controls of no width, (rows, 0)."""
        return xp.zeros((rows, 0), np.float32)

    def shape(self, n: Any, steps: Any) -> tuple[Any, ...]:
        """Returns the shape of the tokens of windows: with a last axis only of several parts."""
        return (n, steps, len(self.tokens)) if len(self.tokens) > 1 else (n, steps)

    def inputs(self, xp: Any, tokens: Array) -> Array:
        """Returns what the encoder hears, (n, steps, input_depth), of (n, steps[, parts])."""
        return self._rows(xp, tokens, self._input_tables())

    def outputs(self, xp: Any, tokens: Array) -> Array:
        """Returns what the decoder is to write, (n, steps, depth), of (n, steps[, parts])."""
        return self._rows(xp, tokens, map(_one_hots, self.tokens))

    def told(self, xp: Any, rows: Array) -> Array:
        """Returns the tokens, int64 (n, steps[, parts]), that are largest in rows or logits."""
        found = [xp.argmax(part, axis=-1) for part in self.split(xp, rows)]
        return xp.stack(found, axis=-1) if len(found) > 1 else found[0]

    def split(self, xp: Any, rows: Array) -> list[Array]:
        """Returns the columns of each part of rows, (..., depth)."""
        if xp is np:
            return np.split(rows, np.cumsum(self.tokens[:-1]), axis=-1)
        return list(xp.split(rows, self.tokens, -1))

    def check(self, name: str, tokens: Array) -> None:
        """Raises where there is no such token.

        Args:
            name: What to call them.
            tokens: Whole numbers, an array (n, steps[, parts]).

        Raises:
            OptionError: There is none; says which there are.
        """
        parts = [tokens] if len(self.tokens) == 1 else np.moveaxis(tokens, -1, 0)
        for number, (part, size) in enumerate(zip(parts, self.tokens, strict=True)):
            unknown = part[(part < 0) | (part >= size)]
            if unknown.size:
                of = f" of part {number}" if len(self.tokens) > 1 else ""
                raise OptionError(name, f"no such token {unknown[0]}{of}; they are 0 to {size - 1}")

    def _input_tables(self) -> list[Array]:
        return [_roll(size) if self.roll_input else _one_hots(size) for size in self.tokens]

    def _rows(self, xp: Any, tokens: Array, tables: Iterable[Array]) -> Array:
        """The rows of tables, one for each part, that tokens name, side by side."""
        parts = [tokens] if len(self.tokens) == 1 else xp.split(tokens, len(self.tokens), -1)
        shape = (*tokens.shape[:2],) if xp is np else xp.shape(tokens)[:2]
        named = [
            table[xp.reshape(part, shape)]
            if xp is np
            else xp.gather(table, xp.reshape(part, shape))
            for part, table in zip(parts, tables, strict=True)
        ]
        return xp.concat(named, axis=-1)


Layout: TypeAlias = "RowLayout | TokenLayout"


def layout_of(config: Config) -> Layout:
    """Returns the rows of a config."""
    return TokenLayout.of(config.tokens) if config.tokens else RowLayout.of(config.converter)


@functools.cache
def _one_hots(size: int) -> Array:
    return np.eye(size, dtype=np.float32)


@functools.cache
def _roll(size: int) -> Array:
    """What is heard of each of so many drum tokens, see `TokenLayout.roll_input`."""
    sets = np.array(list(itertools.product((0, 1), repeat=NUM_CLASSES)), np.float32)[:, ::-1]
    ends = np.zeros((size, size - DRUM_TOKENS), np.float32)
    ends[DRUM_TOKENS:] = 1
    hits = np.concatenate([sets, np.zeros((size - DRUM_TOKENS, NUM_CLASSES), np.float32)])
    heard = np.concatenate([hits, ends], axis=-1)
    return np.concatenate([heard, ~heard.any(axis=-1, keepdims=True)], axis=-1, dtype=np.float32)
