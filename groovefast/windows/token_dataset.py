"""Records of tokens to windows, as the converters cut them from the files themselves.

A config's are kept in memory, and given out as tokens: rows of 512 numbers are made of them where
the model is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.errors import GrooveFastError, check_choice, check_whole
from groovefast.shards.find import DataPattern, find_shards
from groovefast.shards.origin import check_shards
from groovefast.shards.token_records import FileTracks, read_tracks
from groovefast.windows.order import Place
from groovefast.windows.token_rows import STEPS_PER_BAR, TOKENS
from groovefast.windows.token_search import whole_programs
from groovefast.windows.token_tensors import draw_windows
from groovefast.windows.transposition import semitones, transposed

_STEPS_PER_QUARTER = 4
_TRANSPOSITION = 0
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
    reader: str | None = None,
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
        reader: What reads them, for errors.

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
    reader = reader or f"a model of {representation}"
    check_shards(shards, reader, _STEPS_PER_QUARTER, representation)
    sizes = TOKENS[representation]
    shape = (0, slice_bars * STEPS_PER_BAR, *([len(sizes)] if len(sizes) > 1 else []))
    found = [np.zeros(shape, np.int16)]
    files = 0
    for files, tracks in enumerate(read_tracks(shards, representation, sizes, reader), 1):
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


class TokenWindows:
    """The windows of converted files that a config of tokens is trained on, all in memory.

    A reference is the number of a window.

    Attributes:
        tokens: int16 (n, steps), of several parts (n, steps, parts).
        max_transpose: As of `TokensConfig`.
    """

    def __init__(self, tokens: NDArray[np.int16], max_transpose: int = 0) -> None:
        """Keeps windows."""
        self.max_transpose = max_transpose
        self.count = len(tokens)
        self.nbytes = tokens.nbytes
        with tf.device("CPU"):
            self.tokens = tf.constant(tokens)

    @classmethod
    def read(cls, data: DataPattern, config: Config, seed: int = 0) -> TokenWindows:
        """Reads the windows of a config.

        Args:
            data: What to read, see `shards.find.find_shards`.
            config: What for.
            seed: Decides which are taken of a file.

        Raises:
            GrooveFastError: As `read_token_windows`.
        """
        kept, split_bars = config.tokens, config.converter.split_bars
        assert kept is not None
        assert split_bars is not None
        tokens = read_token_windows(
            data,
            kept.representation,
            split_bars,
            programs=range(kept.num_programs),
            max_windows=kept.max_windows,
            seed=seed,
            reader=config.name,
        )
        return cls(tokens, kept.max_transpose)

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """One pass of references, in an order drawn from `seed`, or as stored."""
        numbers = tf.range(self.count)
        if seed is not None:
            numbers = tf.random.experimental.stateless_shuffle(numbers, seed)
        return tf.data.Dataset.from_tensor_slices(numbers)

    def examples(self, varied: bool) -> Callable[[Place, tf.Tensor], tuple[tf.Tensor, ...]]:
        """Returns what makes (inputs, outputs, controls) of references, see `order.in_batches`.

        Args:
            varied: Whether to transpose windows where the config does so.
        """

        def example(place: Place, references: tf.Tensor) -> tuple[tf.Tensor, ...]:
            tokens = tf.gather(self.tokens, references)
            n, steps = tf.shape(tokens)[0], tokens.shape[1]
            if varied and self.max_transpose:
                draws = place.draws(_TRANSPOSITION, n, 1)[:, 0]
                tokens = transposed(tokens, semitones(draws, self.max_transpose))
            return tokens, tokens, tf.zeros([n, steps, 0])

        return example


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
