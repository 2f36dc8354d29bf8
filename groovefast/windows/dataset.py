"""TFRecords to batches of (inputs, outputs, controls), as a `tf.data.Dataset`.

The records hold whole performances as played, so one converted data set serves every config: its
windows are cut here, and what it does to its inputs happens here, on whole batches, after the
cache, in the order of `windows.order`. Windows of tokens are those of `windows.token_dataset`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from groovefast.config import Config, ConverterConfig, check_performances, get_config
from groovefast.drums import NUM_CLASSES
from groovefast.errors import GrooveFastError, OptionError
from groovefast.shards.find import DataPattern, find_shards
from groovefast.shards.origin import check_origin
from groovefast.shards.records import (
    MAX_VELOCITY,
    STEP_BYTES,
    Bars,
    Origins,
    Tempos,
    bars_of,
    blame,
    check,
    origins_of,
    parse,
    records_of,
    tempos_of,
    why_no_window,
)
from groovefast.windows import transforms
from groovefast.windows.augmentation import Augmentation
from groovefast.windows.cutting import Cutting, Sieve
from groovefast.windows.order import (
    PHILOX_WIDTH,
    Order,
    Ordered,
    Place,
    as_it_is,
    in_batches,
)
from groovefast.windows.rows import Grid
from groovefast.windows.token_dataset import TokenWindows

_READ_BATCH = 32
"""Records, some of which may be of hours."""
_SHUFFLE_BUFFER = 1 << 14
_SHARDS_AT_ONCE = 16
_DROPOUT, _AUGMENTATION, _THINNING = range(3)


def load_dataset(
    data: DataPattern,
    config: str | Config,
    batch_size: int | None = None,
    *,
    hop_bars: int | None = None,
    dedupe: bool = False,
    min_hits: int = 0,
    shuffle: bool = True,
    seed: int = 0,
    repeat: bool = False,
    start: int = 0,
    cache: bool = True,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Returns windows of converted performances, or of tokens, ready for the model.

    They are cut from the performances in the config's meter: as many bars as it says, one every
    `hop_bars` bars from the first on, all that fit whole. Of tokens one begins with every bar, and
    at most `TokensConfig.max_windows` are taken of a file.

    Args:
        data: Pattern, folder, file or list of shards, see `shards.find.find_shards`.
        config: A config or its name; decides which windows are cut, and the transforms of the
            inputs.
        batch_size: Windows in a batch; that of the config if None.
        hop_bars: Bars from the start of a window to the start of the next; those of the config if
            None.
        dedupe: Whether to leave out windows whose hits, velocities and offsets are those of an
            earlier window of the data. Remembers 17 bytes a window while it reads the data.
        min_hits: Windows with fewer hits are left out.
        shuffle: Whether each pass has an order, note dropout and transpositions of its own. If
            False every pass is the same, in the order of the files: for evaluation.
        seed: Decides all that is drawn.
        repeat: Whether to go on for ever, in full batches only.
        start: Batches to leave out at the beginning: where an earlier run left off.
        cache: Whether to keep the performances in memory, in their compact form: 45 bytes a step,
            in however many windows it is, and 8 bytes a window. If not, the shards are read once to
            check and count them and then again in each pass, and shuffling is as good as a buffer
            of 16,384 windows over shuffled shards. Windows of tokens are always kept.
        drop_remainder: Whether to leave out a last batch that is not full.

    Returns:
        A data set of (inputs, outputs, controls), float32 of shapes (n, rows, depth),
        (n, rows, depth) and (n, rows, control_depth); rows are steps, or 9 * steps with
        `split_instruments`. Where these are tokens, inputs and outputs are the tokens themselves,
        int16 (n, steps) or (n, steps, parts), of which the model makes rows.

    Raises:
        GrooveFastError: No shard matches, one is missing, cannot be read, is of another grid or
            representation, or not what the manifest beside it says, see
            `shards.origin.check_origin`; or there is no window at all.
        OptionError: An option out of its range, or one that tokens have no use for.
    """
    config = get_config(config)
    order = Order(seed=seed, shuffle=shuffle, repeat=repeat, start=start)
    cutting = Cutting.of(config, hop_bars, dedupe, min_hits)
    return batches(
        open_windows(data, config, cutting, cache=cache, seed=seed),
        config.converter,
        order,
        config.hparams.batch_size if batch_size is None else batch_size,
        drop_remainder=drop_remainder,
    )


class Windows(Ordered, Protocol):
    """The windows of converted performances: references to them, in some order."""

    def read(self, references: Any) -> Grid:
        """The windows of a batch of references."""


class PlayedWindows(NamedTuple):
    """Windows as they were played."""

    grid: Grid
    """float32 (n, steps, 9)."""
    qpms: NDArray[np.float64]
    """(n,), the tempo at the first step of each."""
    performances: NDArray[np.int64]
    """(n,), the number of the performance each is of: records of one source are one."""
    styles: NDArray[np.str_]
    """(n,), the main style of each: of `funk/fast`, `funk`; empty where the records tell none."""


class _Cells(NamedTuple):
    """Bars or windows as they are stored, of shape (n, ..., steps * 9)."""

    velocities: Any
    """uint8, as in MIDI; where it is not 0 there is a hit."""
    offsets: Any
    """float32."""

    def grid(self, steps: int) -> Grid:
        """Windows of so many steps."""
        midi, offsets = (tf.reshape(cells, [-1, steps, NUM_CLASSES]) for cells in self)
        # In float32 TensorFlow's optimizer makes a product of x / 127, which rounds otherwise.
        velocities = tf.cast(tf.cast(midi, tf.float64) / MAX_VELOCITY, tf.float32)
        return Grid(tf.cast(midi > 0, tf.float32), velocities, offsets)


class _Performances(NamedTuple):
    """All bars of some shards, and the windows cut from them."""

    bars: _Cells
    """(bars, steps of a bar * 9)."""
    first_bars: NDArray[np.int64]
    """(windows,), where in `bars` each begins."""
    qpms: NDArray[np.float32]
    """(windows,)."""
    records: NDArray[np.int64]
    """(windows,), the record each is cut from."""
    origins: Origins
    """Of the records."""

    def performances(self) -> NDArray[np.int64]:
        """The performance of each window, (windows,)."""
        sources = [source or number for number, source in enumerate(self.origins.sources)]
        numbers = {source: number for number, source in enumerate(dict.fromkeys(sources))}
        of_records = np.array([numbers[source] for source in sources], np.int64)
        return of_records[self.records]

    def styles(self) -> NDArray[np.str_]:
        """The main style of each window, (windows,)."""
        styles = [style.decode(errors="replace") for style in self.origins.styles]
        return np.array([style.partition("/")[0] for style in styles], np.str_)[self.records]


class _Survey(NamedTuple):
    """What is known of shards that have been read once."""

    kept: NDArray[np.bool_]
    """Of all windows of all shards those that are not left out."""
    first_windows: NDArray[np.int64]
    """(shards,), how many windows lie before each."""


class _CachedWindows:
    """All bars in memory, each once; a reference is the number of a window's first bar."""

    def __init__(self, performances: _Performances, cutting: Cutting, steps: int) -> None:
        kept = (*performances.bars, performances.first_bars)
        self.count = len(performances.first_bars)
        self.nbytes = sum(array.nbytes for array in kept)
        self._cutting = cutting
        self._steps = steps
        with tf.device("CPU"):
            # A constant would keep the array it was made of as well.
            self._bars = _Cells(*(tf.identity(cells) for cells in performances.bars))
            self._first_bars = tf.constant(performances.first_bars)

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        first_bars = self._first_bars
        if seed is not None:
            first_bars = tf.random.experimental.stateless_shuffle(first_bars, seed)
        return tf.data.Dataset.from_tensor_slices(first_bars)

    def read(self, references: tf.Tensor) -> Grid:
        bars = self._cutting.bars(references)
        return _Cells(*(tf.gather(array, bars) for array in self._bars)).grid(self._steps)


class _StreamedWindows:
    """Windows that stay in their files; a reference is the window itself."""

    def __init__(
        self, shards: Sequence[Path], survey: _Survey, config: ConverterConfig, cutting: Cutting
    ) -> None:
        self.count = int(np.count_nonzero(survey.kept))
        self.nbytes = survey.kept.nbytes + survey.first_windows.nbytes
        self._config = config
        self._cutting = cutting
        with tf.device("CPU"):
            self._paths = tf.constant([os.fsencode(shard) for shard in shards])
            self._kept = tf.constant(survey.kept)
            self._first_windows = tf.constant(survey.first_windows)

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        shards = tf.range(tf.size(self._paths))
        if seed is None:
            return tf.data.Dataset.from_tensor_slices(shards).flat_map(self._windows)
        shards = tf.random.experimental.stateless_shuffle(shards, seed)
        mixed = tf.data.Dataset.from_tensor_slices(shards).interleave(
            self._windows, cycle_length=_SHARDS_AT_ONCE, num_parallel_calls=tf.data.AUTOTUNE
        )
        return mixed.shuffle(_SHUFFLE_BUFFER, seed=seed[0], reshuffle_each_iteration=False)

    def read(self, references: _Cells) -> Grid:
        assert self._config.window_steps is not None
        return references.grid(self._config.window_steps)

    @as_it_is
    def _windows(self, shard: tf.Tensor) -> tf.data.Dataset:
        """Those of one shard."""
        windows = records_of(tf.gather(self._paths, shard)).batch(_READ_BATCH).map(self._cut)
        if self._cutting.leaves_out:
            windows = windows.scan(tf.gather(self._first_windows, shard), self._sieve)
        return windows.unbatch()

    @as_it_is
    def _cut(self, records: tf.Tensor) -> _Cells:
        """Those of some records."""
        bars = bars_of(parse(records), self._config)
        windows = self._cutting.bars(self._cutting.first_bars(bars.counts))
        return _Cells(tf.gather(bars.velocities, windows), tf.gather(bars.offsets, windows))

    @as_it_is
    def _sieve(self, seen: tf.Tensor, windows: _Cells) -> tuple[tf.Tensor, _Cells]:
        """Those that are kept of windows before which so many were seen."""
        end = seen + tf.shape(windows.velocities, tf.int64)[0]
        kept = self._kept[seen:end]
        return end, _Cells(*(tf.boolean_mask(cells, kept) for cells in windows))


def open_windows(
    data: DataPattern,
    config: Config,
    cutting: Cutting | None = None,
    *,
    cache: bool = True,
    seed: int = 0,
) -> Windows | TokenWindows:
    """Finds, checks and, with `cache`, reads the shards for a config; see `load_dataset`.

    Args:
        data: What to read.
        config: What for.
        cutting: Which windows to cut; those of the config if None.
        cache: Whether to keep the performances in memory.
        seed: Decides which windows of tokens are taken of a file.

    Raises:
        GrooveFastError: As `load_dataset`.
    """
    cutting = cutting or Cutting.of(config)
    shards = _checked_shards(data, config)
    if config.tokens:
        if not cache:
            raise OptionError("cache", f"of no use to {config.name}: tokens are kept in memory")
        return TokenWindows.read(shards, config, seed)
    if not cache:
        survey = _survey(shards, config, cutting)
        return _StreamedWindows(shards, survey, config.converter, cutting)
    return _CachedWindows(_read(shards, config, cutting), cutting, _window_steps(config))


def read_windows(
    data: DataPattern, config: Config, cutting: Cutting | None = None
) -> PlayedWindows:
    """Returns all windows of converted performances, in the order of the files.

    Args:
        data: What to read, see `shards.find.find_shards`.
        config: What for.
        cutting: Which windows to cut; those of the config if None.

    Raises:
        GrooveFastError: As `load_dataset`.
    """
    check_performances(config)
    cutting = cutting or Cutting.of(config)
    read = _read(_checked_shards(data, config), config, cutting)
    windows = cutting.bars(read.first_bars)
    grid = _Cells(*(cells[windows] for cells in read.bars)).grid(_window_steps(config))
    return PlayedWindows(
        Grid(*(x.numpy() for x in grid)),
        read.qpms.astype(np.float64),
        read.performances(),
        read.styles(),
    )


def _checked_shards(data: DataPattern, config: Config) -> list[Path]:
    shards = find_shards(data)
    check_origin(shards, config)
    return shards


def _window_steps(config: Config) -> int:
    steps = config.converter.window_steps
    assert steps is not None  # or there would be no `Cutting`
    return steps


def _read(shards: Sequence[Path], config: Config, cutting: Cutting) -> _Performances:
    """Reads everything into memory."""
    bars = _room_for(shards, config.converter)
    first_bars, qpms, records, origins = [], [], [], []
    sieve, num_bars, num_records = Sieve(cutting), 0, 0
    for part in _parts(shards, config, cutting):
        sieve.add(part.bars.velocities, part.bars.offsets, part.first_bars)
        first_bars.append(part.first_bars + num_bars)
        qpms.append(part.qpms(config.converter.steps_per_bar))
        records.append(part.records() + num_records)
        origins.append(part.origins)
        num_records += len(part.bars.counts)
        added = slice(num_bars, num_bars + len(part.bars.velocities))
        bars.velocities[added], bars.offsets[added] = part.bars.velocities, part.bars.offsets
        num_bars = added.stop
    kept = _some_kept(sieve, shards, config, cutting)
    return _Performances(
        _Cells(*(cells[:num_bars] for cells in bars)),
        np.concatenate(first_bars)[kept],
        np.concatenate(qpms)[kept],
        np.concatenate(records)[kept],
        Origins(*map(np.concatenate, zip(*origins, strict=True))),
    )


def _room_for(shards: Sequence[Path], config: ConverterConfig) -> _Cells:
    """Arrays for as many bars as fit into the shards; what is never written to takes no memory."""
    size = sum(shard.stat().st_size for shard in shards)
    shape = size // (STEP_BYTES * config.steps_per_bar), config.steps_per_bar * NUM_CLASSES
    return _Cells(np.empty(shape, np.uint8), np.empty(shape, np.float32))


def _survey(shards: Sequence[Path], config: Config, cutting: Cutting) -> _Survey:
    """Reads everything and keeps none of it."""
    sieve, windows = Sieve(cutting), np.zeros(len(shards), np.int64)
    for part in _parts(shards, config, cutting):
        sieve.add(part.bars.velocities, part.bars.offsets, part.first_bars)
        windows[part.shard] += len(part.first_bars)
    return _Survey(_some_kept(sieve, shards, config, cutting), np.cumsum(windows) - windows)


def _some_kept(
    sieve: Sieve, shards: Sequence[Path], config: Config, cutting: Cutting
) -> NDArray[np.bool_]:
    """Which windows are kept, if any is."""
    kept = sieve.kept()
    if kept.any():
        return kept
    if len(kept):
        fullest = f"the fullest has {sieve.most_hits}"
        raise OptionError("min_hits", f"no window has {cutting.min_hits} hits, {fullest}")
    raise GrooveFastError(f"{shards[0]}: {why_no_window(shards, config)}")


class _Part(NamedTuple):
    """What some records of a shard hold."""

    shard: int
    bars: Bars
    first_bars: NDArray[np.int64]
    """(windows,), where in `bars` each begins."""
    tempos: Tempos
    origins: Origins

    def records(self) -> NDArray[np.int64]:
        """Which of the records each window is cut from."""
        ends = np.cumsum(self.bars.counts)
        return np.searchsorted(ends, self.first_bars, side="right").astype(np.int64)

    def qpms(self, steps_per_bar: int) -> NDArray[np.float32]:
        """The tempo at the start of each window."""
        first_steps = self.first_bars * steps_per_bar
        order = np.argsort(self.tempos.steps)
        latest = np.searchsorted(self.tempos.steps[order], first_steps, side="right") - 1
        qpms: NDArray[np.float32] = self.tempos.qpms[order][latest]
        return qpms


def _parts(shards: Sequence[Path], config: Config, cutting: Cutting) -> Iterator[_Part]:
    """What the shards hold, in order.

    Raises:
        GrooveFastError: One cannot be read, or holds something else.
    """

    @as_it_is
    def batched(number: tf.Tensor, path: tf.Tensor) -> tf.data.Dataset:
        numbers = tf.data.Dataset.from_tensors(number).repeat()
        return tf.data.Dataset.zip(numbers, records_of(path).batch(_READ_BATCH))

    @as_it_is
    def part(number: tf.Tensor, records: tf.Tensor) -> _Part:
        features = parse(records)
        check(features, config.converter)
        bars = bars_of(features, config.converter)
        tempos = tempos_of(features, config.converter)
        origins = origins_of(features, config.converter)
        return _Part(number, bars, cutting.first_bars(bars.counts), tempos, origins)

    paths = tf.data.Dataset.from_tensor_slices([os.fsencode(shard) for shard in shards])
    records = paths.enumerate().flat_map(batched)
    parts = records.map(part, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    try:
        yield from parts.as_numpy_iterator()
    except tf.errors.OpError as error:
        raise GrooveFastError(blame(shards, config) or str(error)) from error


def batches(
    windows: Windows | TokenWindows,
    config: ConverterConfig,
    order: Order,
    batch_size: int,
    *,
    drop_remainder: bool = False,
    shard: tuple[int, int] = (0, 1),
    augmentation: Augmentation | None = None,
) -> tf.data.Dataset:
    """Returns (inputs, outputs, controls) batches of windows, as `load_dataset` describes them.

    Args:
        windows: What `open_windows` gave.
        config: The transforms of the inputs; of performances.
        order: The order, and where to start.
        batch_size: Windows in a batch.
        drop_remainder: Whether to leave out a last batch that is not full.
        shard: (k, m) gives the k-th of the m parts, each of `batch_size` windows, that larger
            batches are made of: one replica's share.
        augmentation: How to vary performances, for training. Bars and limbs are taken from
            the next window of the order.
    """
    neighbours = False
    if isinstance(windows, TokenWindows):
        example = windows.examples(order.shuffle)
    else:
        example = _played_examples(windows, config, augmentation)
        neighbours = bool(augmentation and augmentation.needs_others)
    return in_batches(
        windows,
        order,
        batch_size,
        example,
        drop_remainder=drop_remainder,
        shard=shard,
        neighbours=neighbours,
    )


def _played_examples(
    windows: Windows, config: ConverterConfig, augmentation: Augmentation | None
) -> Callable[..., tuple[tf.Tensor, ...]]:
    """What makes examples of references to performances, see `in_batches`."""

    def example(place: Place, references: Any, *following: Any) -> tuple[tf.Tensor, ...]:
        grid = windows.read(references)
        n, steps = tf.shape(grid.hits)[0], grid.hits.shape[1]
        if augmentation:
            others = windows.read(*following) if following else grid
            draws = place.draws(_AUGMENTATION, n, augmentation.num_draws)
            grid = augmentation.apply(grid, others, draws)
        dropout = None
        if config.max_note_dropout_probability:
            dropout = _dropout_draws(place, n, steps)
        heard = None
        if augmentation and augmentation.thin:
            width = augmentation.num_thinning_draws(steps)
            heard = augmentation.heard(grid, place.draws(_THINNING, n, width))
        examples = transforms.apply(config, tf, *grid, dropout=dropout, heard=heard)
        return tuple(tf.ensure_shape(x, [grid.hits.shape[0], *x.shape[1:]]) for x in examples)

    return example


def _dropout_draws(place: Place, n: tf.Tensor, steps: int) -> transforms.DropoutDraws:
    """Draws for n windows of so many steps."""
    draws = place.draws(_DROPOUT, n, PHILOX_WIDTH + steps * NUM_CLASSES)
    hits = tf.reshape(draws[:, PHILOX_WIDTH:], [-1, steps, NUM_CLASSES])
    return transforms.DropoutDraws(draws[:, :1, tf.newaxis], hits)
