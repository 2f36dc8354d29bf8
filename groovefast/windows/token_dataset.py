"""Records of tokens to windows, as the converters cut them from the files themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from groovefast.errors import GrooveFastError, check_choice, check_whole
from groovefast.shards.find import DataPattern, find_shards
from groovefast.shards.origin import check_shards
from groovefast.shards.token_records import FileTracks, read_tracks
from groovefast.windows.token_rows import STEPS_PER_BAR, TOKENS
from groovefast.windows.token_search import whole_programs
from groovefast.windows.token_tensors import draw_windows

_STEPS_PER_QUARTER = 4
_NO_TOKEN_OF_NOTES = 1
"""The last of those that are no pitch."""


def read_token_windows(
    data: DataPattern,
    representation: str,
    slice_bars: int,
    *,
    programs: Iterable[int] | None = None,
    max_windows: int | None = None,
    seed: int = 0,
) -> NDArray[np.int16]:
    """Returns all windows of converted files, in their order.

    They are those of `DrumsConverter`, `MelodyConverter` or `TrioConverter` with the same options,
    and with what is usual of all others.

    Args:
        data: Pattern, folder, file or list of shards, see `shards.find.find_shards`.
        representation: "drums", "melody" or "trio".
        slice_bars: Length of a window; of trios 16 at least.
        programs: Of melodies, as of `MelodyConverter`; None for all.
        max_windows: Take no more of a file, drawn at random; Magenta trains with 5. None for all.
        seed: Of these draws.

    Returns:
        int16 (n, steps), of trios (n, steps, 3).

    Raises:
        OptionError: An option out of its range.
        GrooveFastError: No shard matches, or one cannot be read, or holds something else, or there
            is no window at all.
    """
    check_choice("representation", representation, TOKENS)
    check_whole("slice_bars", slice_bars, 16 if representation == "trio" else 1)
    if max_windows is not None:
        check_whole("max_windows", max_windows, 1)
    wanted = np.array(whole_programs(programs))
    shards = find_shards(data)
    check_shards(shards, f"a model of {representation}", _STEPS_PER_QUARTER, representation)
    sizes = TOKENS[representation]
    shape = (0, slice_bars * STEPS_PER_BAR, *([len(sizes)] if len(sizes) > 1 else []))
    found = [np.zeros(shape, np.int16)]
    files = 0
    for files, tracks in enumerate(read_tracks(shards, representation, sizes), start=1):
        tokens, sub_sequences = _windows(tracks, representation, slice_bars, wanted)
        if max_windows is not None:
            rng = np.random.default_rng((seed, files))
            tokens = tokens[draw_windows(sub_sequences, max_windows, rng)]
        found.append(tokens)
    windows = np.concatenate([each for each in found if len(each)] or found[:1])
    if not len(windows):
        longest = f"of {files:,} files none goes on for {slice_bars} bars in one tempo and meter"
        raise GrooveFastError(f"{shards[0]}: no window of {representation}: {longest}")
    return windows


def _windows(
    tracks: FileTracks, representation: str, slice_bars: int, programs: NDArray[np.int64]
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """The windows of a file, and the sub-sequence of each."""
    size = slice_bars * STEPS_PER_BAR
    firsts = np.cumsum(tracks.steps) - tracks.steps
    is_melody = representation == "melody"
    kept = np.isin(tracks.programs, programs) if is_melody else np.ones(len(firsts), bool)
    places = [
        (sub, start + at, first + at)
        for sub, start, first, steps in zip(
            tracks.sub_sequences[kept].tolist(),
            tracks.start_steps[kept].tolist(),
            firsts[kept].tolist(),
            tracks.steps[kept].tolist(),
            strict=True,
        )
        for at in range(0, steps - size + 1, STEPS_PER_BAR)
    ]
    # Stable: windows that begin together keep the order of their tracks.
    places.sort(key=lambda place: place[:2])
    subs = np.array([place[0] for place in places], np.int64)
    starts = np.array([place[2] for place in places], np.int64)
    windows = tracks.tokens[starts[:, np.newaxis] + np.arange(size)]
    if is_melody:
        sounding = np.maximum.accumulate(windows > _NO_TOKEN_OF_NOTES, axis=1)
        windows = windows * sounding
    if representation == "trio" or not len(windows):
        return windows, subs
    keyed = np.concatenate([subs[:, np.newaxis], windows], axis=1)
    chosen = np.sort(np.unique(keyed, axis=0, return_index=True)[1])
    return windows[chosen], subs[chosen]
