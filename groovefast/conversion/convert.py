"""Folders of drum MIDI to TFRecord shards: `convert`.

The work is done in `csrc/convert.*`. Here it is decided what goes into which shard, and each shard
is entered into the folder's journal when it is complete.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from groovefast import _records
from groovefast.config import MAX_STEPS, Config, get_config
from groovefast.conversion.corpus import Corpus, Listing, StrPath
from groovefast.conversion.differences import why_not_resume
from groovefast.conversion.metadata import Metadata, is_set_name
from groovefast.conversion.output import OutputFolder
from groovefast.conversion.report import ConversionReport
from groovefast.drum_part import Channel, DrumPart, Track
from groovefast.drums import PitchClasses, pitch_table, resolve_pitch_classes
from groovefast.errors import GrooveFastError, MidiError, check_choice
from groovefast.windows import manifest
from groovefast.windows.manifest import ShardEntry

OnError = Literal["skip", "fail", "salvage"]
OnUnmapped = Literal["drop", "error"]

_FORMAT = "groovefast-shards 2"
"""Counts up whenever the same files would give other bytes."""

_SET_NAME = "data"
_FILES_PER_SHARD = 128
_FEW_SHARDS = 8
_MANY_FILES_PER_SHARD = 2000
_MAX_SHARDS = 99_999
_PATIENCE_MS = 100


_Hashed = collections.deque[concurrent.futures.Future[ShardEntry]]


class Progress(NamedTuple):
    """How far a conversion is.

    Attributes:
        files: Files looked at.
        total: Files there are.
        windows: Windows written.
        seconds: Time since it began to look at files.
    """

    files: int
    total: int
    windows: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Options:
    """What decides the content of the shards, apart from the files.

    Attributes:
        split_bars: Length of a window; None makes a whole file one window.
        hop_bars: Bars from the start of a window to the start of the next.
        steps_per_quarter: Grid steps in a quarter note.
        quarters_per_bar: Only music in this meter gives windows.
        pitch_classes: The pitches of each drum class.
        channel: The MIDI channels of the drums, see `DrumPart`.
        track: The track of the drums, see `DrumPart`.
        magenta_compat: Whether to drop what Magenta drops.
        on_error: What to do with a damaged file: leave it out, stop, or keep what came before.
        unmapped_pitches: Whether a pitch of no class makes its file a failed one.
        dedupe: Whether to leave out windows whose grid an earlier one of the set has.
        min_hits: Windows with fewer are left out.
    """

    split_bars: int | None
    hop_bars: int
    steps_per_quarter: int
    quarters_per_bar: int
    pitch_classes: Sequence[Sequence[int]]
    channel: tuple[int, ...] | None
    track: int | str | None
    magenta_compat: bool
    on_error: OnError
    unmapped_pitches: OnUnmapped
    dedupe: bool
    min_hits: int

    def __post_init__(self) -> None:
        for name in ("hop_bars", "steps_per_quarter", "quarters_per_bar"):
            _check_at_least(name, getattr(self, name), 1)
        _check_at_least("min_hits", self.min_hits, 0)
        if self.split_bars is not None:
            _check_at_least("split_bars", self.split_bars, 1)
        if self.bar_steps * max(self.split_bars or 1, self.hop_bars) > MAX_STEPS:
            raise GrooveFastError(
                f"split_bars, hop_bars: more than {MAX_STEPS:,} steps; choose fewer bars"
            )
        check_choice("on_error", self.on_error, get_args(OnError))
        check_choice("unmapped_pitches", self.unmapped_pitches, get_args(OnUnmapped))

    @property
    def bar_steps(self) -> int:
        """Steps in a bar."""
        return self.steps_per_quarter * self.quarters_per_bar

    def for_core(self) -> dict[str, Any]:
        """Returns the options as `_records.Conversion` takes them."""
        return {
            "pitch_table": pitch_table(self.pitch_classes),
            "steps_per_quarter": self.steps_per_quarter,
            "quarters_per_bar": self.quarters_per_bar,
            "window_steps": self.bar_steps * (self.split_bars or 0),
            "hop_steps": self.bar_steps * self.hop_bars,
            "part": DrumPart(self.channel, self.track).for_core(),
            "magenta_compat": self.magenta_compat,
            "on_error": self.on_error,
            "unmapped_is_error": self.unmapped_pitches == "error",
            "dedupe": self.dedupe,
            "min_hits": self.min_hits,
        }


def convert(
    inputs: StrPath | Sequence[StrPath],
    output_dir: StrPath,
    config: str | Config = "groovae_4bar",
    workers: int | None = None,
    *,
    split_bars: int | Literal["all"] | None = None,
    hop_bars: int | None = None,
    steps_per_quarter: int | None = None,
    quarters_per_bar: int | None = None,
    pitch_classes: PitchClasses | None = None,
    channel: Channel = None,
    track: Track = None,
    magenta_compat: bool = False,
    metadata: StrPath | None = None,
    metadata_columns: Sequence[str] | None = None,
    name: str = _SET_NAME,
    shards: int | None = None,
    on_error: OnError = "skip",
    unmapped_pitches: OnUnmapped = "drop",
    dedupe: bool = False,
    min_hits: int = 0,
    resume: bool = False,
    sha256: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
    on_message: Callable[[str], None] | None = None,
) -> ConversionReport:
    """Converts MIDI files to windows in TFRecord shards, each record a `tf.train.Example`.

    The shards are `NAME-00000-of-00008.tfrecord` and so on, beside a `manifest.json` with their
    counts and SHA-256. Their bytes depend on the files and the options, not on the number of
    workers. Shards of an earlier conversion in the folder are removed first, so that a pattern
    never matches a mixture; shards that no manifest there knows are refused.

    Args:
        inputs: MIDI files (.mid, .midi, .smf, .kar), zips of them, up to 8 in one another, and
            folders of both. Hidden folders are left out, unless they are inputs themselves.
        output_dir: Where the shards go; made if need be. What lies in it is left out of the inputs.
        config: Gives the window, the grid and the pitch classes, where no option does.
        workers: Threads; None means one for each CPU.
        split_bars: Length of a window, or "all" for one window of each whole file.
        hop_bars: Bars from the start of a window to the start of the next.
        steps_per_quarter: Grid steps in a quarter note.
        quarters_per_bar: Only music in this meter gives windows.
        pitch_classes: Which pitches are which drum, in any form that `resolve_pitch_classes` takes.
        channel: The MIDI channel of the drums, from 1, or several; channel 10 if None, or every
            channel of `track` where that is given.
        track: The track of the drums in each file: its number, from 1, or its name.
        magenta_compat: Drop what Magenta drops: files with any change of tempo or meter.
        metadata: A CSV such as the dataset's `info.csv`: there is one set of shards for each value
            of its column `split`, and the other columns go into each record. A file belongs to the
            row whose `midi_filename` is the longest tail of its path; others are left out.
        metadata_columns: The columns to copy; None means all but `split`.
        name: Name of the set of shards where there is no metadata.
        shards: Shards in each set. None makes one for every 128 files up to eight, and more only
            beyond 16,000 files.
        on_error: Files that cannot be read are skipped and counted, or the first one ends the run,
            or of a damaged one the notes up to the damage are kept.
        unmapped_pitches: Drop notes of no class, or count their file as failed.
        dedupe: Leave out windows whose grid an earlier window of the same set has. Remembers each
            window in some 50 bytes.
        min_hits: Leave out windows with fewer hits.
        resume: Keep the shards that an earlier run of the same conversion completed. A missing or
            altered one is named and made again. An earlier conversion of other files, or with
            other options, is left as it is, and what differs is named.
        sha256: Put the SHA-256 of each shard into the manifest. This takes as long as all else;
            each record has its CRC-32C either way.
        on_progress: Called some ten times a second.
        on_message: Called with a line for each thing worth knowing.

    Returns:
        What became of the files.

    Raises:
        GrooveFastError: A mistake in the options, no MIDI, no such place; under
            `on_error="fail"` the first file that failed; under `resume` another conversion.
        OSError: The folder cannot be written to, or the disk is full, or that of temporary files,
            where zips in zips are unpacked. What is complete stays, for `resume`.
    """
    started = time.perf_counter()
    if not is_set_name(name):
        raise GrooveFastError(f"name: {name!r} cannot be part of a file name")
    if shards is not None:
        _check_at_least("shards", shards, 1)
        if shards > _MAX_SHARDS:
            raise GrooveFastError(f"shards: {shards} is too many, the most is {_MAX_SHARDS}")
    num_workers = _num_workers(workers)
    settings = get_config(config).converter
    part = DrumPart.of(channel, track)
    options = Options(
        split_bars=_window(split_bars, settings.split_bars),
        hop_bars=_either(hop_bars, settings.hop_bars),
        steps_per_quarter=_either(steps_per_quarter, settings.steps_per_quarter),
        quarters_per_bar=_either(quarters_per_bar, settings.quarters_per_bar),
        pitch_classes=resolve_pitch_classes(_either(pitch_classes, settings.pitch_classes)),
        channel=part.channel,
        track=part.track,
        magenta_compat=magenta_compat,
        on_error=on_error,
        unmapped_pitches=unmapped_pitches,
        dedupe=dedupe,
        min_hits=min_hits,
    )
    table = None if metadata is None else Metadata(metadata, metadata_columns, name)
    places = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    corpus = Corpus(places, output_dir)
    with contextlib.closing(corpus):
        if on_error == "fail" and corpus.unreadable:
            raise GrooveFastError("{}: {}".format(*corpus.unreadable[0]))
        listing = Listing(corpus, table, name)
        planned = _plan_shards(listing, shards)
        plan = _describe(options, corpus, listing, planned, table)
        with OutputFolder(output_dir) as folder:
            kept = _find_complete(folder.path, plan, planned, corpus, on_message) if resume else {}
            entries = dict(kept)
            if len(kept) < len(planned) or not folder.is_finished():
                replaced = folder.begin(plan, kept.values())
                if replaced and on_message and not resume:
                    on_message(f"replacing the {replaced} shards of an earlier conversion there")
                job = _Job(corpus, listing, options, planned, folder, sha256)
                entries.update(job.run(kept, num_workers, on_progress))
                folder.finish(plan, [entries[shard.name] for shard in planned])
    return ConversionReport(
        output_dir=Path(output_dir),
        shards=[entries[shard.name] for shard in planned],
        corpus=corpus,
        listing=listing,
        seconds=time.perf_counter() - started,
        reused=len(kept),
    )


class _PlannedShard(NamedTuple):
    name: str
    set_number: int
    files: Sequence[int]


def _plan_shards(listing: Listing, shards: int | None) -> list[_PlannedShard]:
    """Deals each set's files to its shards in turn, which makes them alike in size and content."""
    planned = []
    for number, (name, files) in enumerate(listing.sets.items()):
        count = shards or _default_shards(len(files))
        for index in range(count):
            shard = manifest.shard_name(name, index, count)
            planned.append(_PlannedShard(shard, number, files[index::count]))
    return planned


def _default_shards(files: int) -> int:
    few = min(math.ceil(files / _FILES_PER_SHARD), _FEW_SHARDS)
    return max(1, few, math.ceil(files / _MANY_FILES_PER_SHARD))


def _describe(
    options: Options,
    corpus: Corpus,
    listing: Listing,
    planned: Sequence[_PlannedShard],
    metadata: Metadata | None,
) -> manifest.Plan:
    """What decides the bytes of all shards: equal plans, equal shards."""
    sets = [list(listing.sets)[shard.set_number] for shard in planned]
    plan = {
        "format": _FORMAT,
        "options": dataclasses.asdict(options),
        "files": {
            "number": len(corpus),
            "names_sha256": corpus.names_sha256(),
            "names_marks": corpus.names_marks(),
        },
        "metadata": metadata and {"sha256": metadata.sha256, "columns": metadata.columns},
        "sets": {name: sets.count(name) for name in listing.sets},
    }
    described: manifest.Plan = json.loads(json.dumps(plan))
    return described


def _find_complete(
    folder: Path,
    plan: manifest.Plan,
    planned: Sequence[_PlannedShard],
    corpus: Corpus,
    say: Callable[[str], None] | None,
) -> dict[str, ShardEntry]:
    """The shards of an earlier run of the same plan that are as they should be.

    Raises:
        GrooveFastError: What is there is of another plan.
    """
    record = manifest.read_last_record(folder)
    if record is None:
        return {}
    if why := why_not_resume(record.plan, plan, corpus.name):
        raise GrooveFastError(f"{folder}: {why}")
    complete = {}
    for shard in planned:
        if entry := record.shards.get(shard.name):
            path = folder / shard.name
            wrong = manifest.what_is_wrong(path, entry)
            if not wrong and corpus.newest_change(shard.files) > path.stat().st_mtime_ns:
                wrong = "a file that went into it was changed since"
            if not wrong:
                complete[shard.name] = entry
            elif say:
                say(f"{path}: {wrong}; making it again")
    return complete


@dataclasses.dataclass(frozen=True)
class _Job:
    """Everything a run needs."""

    corpus: Corpus
    listing: Listing
    options: Options
    planned: Sequence[_PlannedShard]
    folder: OutputFolder
    sha256: bool

    def run(
        self,
        kept: Mapping[str, ShardEntry],
        workers: int,
        on_progress: Callable[[Progress], None] | None,
    ) -> dict[str, ShardEntry]:
        """Makes all shards but those kept, and returns their entries."""
        plan = self._plan_for_core(kept)
        total = sum(len(shard.files) for shard in self.planned if shard.name not in kept)
        entries: dict[str, ShardEntry] = {}
        started = time.perf_counter()
        with (
            concurrent.futures.ThreadPoolExecutor(1) as hasher,
            _records.Conversion(
                self.corpus.files,
                plan,
                **self.options.for_core(),
                read_member=self.corpus.read_member,
                workers=workers,
            ) as conversion,
        ):
            hashed: _Hashed = collections.deque()
            try:
                while not conversion.done():
                    index = conversion.wait(_PATIENCE_MS)
                    if index is not None:
                        result = conversion.take_result(index)
                        hashed.append(hasher.submit(self._entry, self.planned[index], *result))
                    elif problem := conversion.failure():
                        raise self._failure(*problem)
                    while hashed and hashed[0].done():
                        self._enter(hashed, entries)
                    if on_progress:
                        files, windows = conversion.progress()
                        seconds = time.perf_counter() - started
                        on_progress(Progress(files, total, windows, seconds))
            except BaseException:  # a resumed run keeps what is complete
                with contextlib.suppress(OSError):
                    while hashed:
                        self._enter(hashed, entries)
                raise
            while hashed:
                self._enter(hashed, entries)
        return entries

    def _enter(self, hashed: _Hashed, entries: dict[str, ShardEntry]) -> None:
        """Enters the first of the shards being hashed into the journal."""
        entry = hashed.popleft().result()
        self.folder.add(entry)
        entries[entry.name] = entry

    def _plan_for_core(self, kept: Mapping[str, ShardEntry]) -> _records.Plan:
        plan = _records.Plan(self.listing.num_groups)
        for shard in self.planned:
            if isinstance(shard.files, range):
                plan.add_range(shard.files)
            else:
                for file in shard.files:
                    plan.add_file(file, self.listing.group(file), self.listing.features(file))
            path = os.fsencode(self.folder.path / shard.name)
            plan.end_shard(path, shard.set_number, shard.name in kept)
        return plan

    def _entry(
        self,
        shard: _PlannedShard,
        size: int,
        counts: Mapping[str, Any],
        problems: Sequence[tuple[Any, ...]],
    ) -> ShardEntry:
        return ShardEntry(
            name=shard.name,
            files=len(shard.files),
            records=counts["windows"],
            bytes=size,
            sha256=manifest.sha256_of(self.folder.path / shard.name) if self.sha256 else None,
            counts=counts,
            problems=json.dumps(problems, separators=(",", ":")),
        )

    def _failure(self, file: int, message: str, damage: tuple[str, int] | None) -> GrooveFastError:
        """The error that stops the run at a file under `on_error="fail"`."""
        place = self.corpus.place(file)
        if damage:
            return MidiError(*damage, place)
        return GrooveFastError(f"{place}: {message}")


def _window(bars: int | Literal["all"] | None, default: int | None) -> int | None:
    return None if bars == "all" else default if bars is None else bars


def _either(value: Any, default: Any) -> Any:
    return default if value is None else value


def _num_workers(workers: int | None) -> int:
    if workers is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    _check_at_least("workers", workers, 1)
    return workers


def _check_at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GrooveFastError(f"{name}: a whole number wanted, not {value!r}")
    if value < least:
        raise GrooveFastError(f"{name}: {value} is too small, the least is {least}")
