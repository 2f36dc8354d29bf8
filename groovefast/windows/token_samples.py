"""Samples of a model of tokens, in any form, to the tokens of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groovefast.errors import OptionError
from groovefast.windows.token_rows import TokenLayout


def read_samples(layout: TokenLayout, samples: ArrayLike) -> list[NDArray[np.int64]]:
    """Returns the tokens of each of some windows, up to the end of the music.

    Args:
        layout: What the tokens are.
        samples: Tokens, whole numbers (steps,) or (n, steps), with a last axis of the parts if
            there are several; or rows, floats (steps, depth) or any numbers (n, steps, depth), of
            which the largest of each part counts; or a sequence of such of different lengths.

    Raises:
        OptionError: Another shape, unknown tokens, or a value that is not finite.
    """
    if isinstance(samples, (list, tuple)) and _is_ragged(samples):
        return [tokens for each in samples for tokens in read_samples(layout, each)]
    array = np.asarray(samples)
    is_rows = array.ndim == 3 and array.shape[-1] == layout.depth
    tokens = array if array.dtype.kind in "iu" and not is_rows else _largest(layout, array)
    _, *wanted = layout.shape("n", "steps")
    if tokens.ndim == len(wanted):
        tokens = tokens[np.newaxis]
    if tokens.ndim != len(wanted) + 1 or list(tokens.shape[2:]) != wanted[1:]:
        steps = ", ".join(map(str, wanted))
        raise OptionError("tokens", f"({steps}) or (n, {steps}) wanted, not {array.shape}")
    layout.check("tokens", tokens)
    return [_up_to_end(layout, each) for each in tokens.astype(np.int64)]


def _is_ragged(samples: Sequence[Any]) -> bool:
    return len({np.shape(each) for each in samples}) > 1


def _largest(layout: TokenLayout, rows: NDArray[Any]) -> NDArray[np.int64]:
    depth = layout.depth
    if rows.dtype.kind not in "fbiu" or rows.ndim not in (2, 3) or rows.shape[-1] != depth:
        raise OptionError(
            "tokens",
            f"whole numbers, or rows (steps, {depth}) or (n, steps, {depth}) wanted, not "
            f"{rows.dtype} {rows.shape}",
        )
    if not np.isfinite(rows).all():
        raise OptionError("tokens", "a value is not finite")
    tokens: NDArray[np.int64] = layout.told(np, rows)
    return tokens


def _up_to_end(layout: TokenLayout, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    if layout.end_token is None:
        return tokens
    return tokens[: int(np.argmax(np.append(tokens, layout.end_token) == layout.end_token))]
