"""Folders of drum MIDI to TFRecord shards: `convert`.

Here it is decided what goes into which shard, and what of an earlier run can stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from groovefast.conversion.corpus import Corpus, Listing, StrPath
from groovefast.conversion.differences import why_not_resume
from groovefast.conversion.elsewhere import Run, run_elsewhere
from groovefast.conversion.job import Job, Made, PlannedShard, Progress, failure, plan_shards
from groovefast.conversion.metadata import Metadata, is_set_name
from groovefast.conversion.options import OnError, OnUnmapped, Options, Representation
from groovefast.conversion.output import OutputFolder
from groovefast.conversion.output_url import open_output
from groovefast.conversion.report import ConversionReport
from groovefast.drum_part import Channel, Track
from groovefast.drums import PitchClasses
from groovefast.errors import GrooveFastError, OptionError, check_whole, wanting_extras
from groovefast.remote import READERS, is_url
from groovefast.shards import manifest
from groovefast.shards.manifest import ShardEntry

_SET_NAME = "data"
_MAX_WORKERS = 1024

Make: TypeAlias = Callable[
    [Job, Corpus, OutputFolder, Mapping[str, ShardEntry], Callable[[Progress], None] | None], Made
]
"""Makes a job's shards but those that are kept, each entered into the folder when complete."""


def convert(
    inputs: StrPath | Sequence[StrPath],
    output_dir: StrPath,
    *,
    workers: int | None = None,
    steps_per_quarter: int = 4,
    pitch_classes: PitchClasses = "roland",
    channel: Channel = None,
    track: Track = None,
    magenta_compat: bool = False,
    representation: Representation = "performances",
    metadata: StrPath | None = None,
    metadata_columns: Sequence[str] | None = None,
    name: str = _SET_NAME,
    shards: int | None = None,
    on_error: OnError = "skip",
    unmapped_pitches: OnUnmapped = "drop",
    dedupe: bool = False,
    resume: bool = False,
    runner: str | Run | None = None,
    runner_options: Sequence[str] = (),
    on_progress: Callable[[Progress], None] | None = None,
    on_message: Callable[[str], None] | None = None,
) -> ConversionReport:
    """Converts MIDI files to TFRecord shards, of performances or tokens.

    Each record is a `tf.train.Example`.

    A record is a whole performance, or what is played of it in one meter: the hits, velocities and
    offsets of all its steps. Windows of any length are cut from it when it is read, see
    `load_dataset`, so that one conversion serves all models. MusicVAE's tokens are of other grids,
    begun anew at each change of tempo, and of other instruments: under another `representation`
    a record holds them, of a whole file; see `windows.token_dataset`.

    The shards are `NAME-00000-of-00008.tfrecord` and so on, beside a `manifest.json` with their
    counts and CRC-32C, and what makes the folder a data set of TFDS, see `shards.tfds_files`. Their
    bytes depend on the files and the options, not on the number of workers. Shards of an earlier
    conversion in the folder are removed first, so that a pattern never matches a mixture; shards
    that no manifest there knows are refused.

    Args:
        inputs: MIDI files (.mid, .midi, .smf, .kar), zips of them, up to 8 in one another, and
            folders of both. Hidden folders are left out, unless they are inputs themselves. Or URLs
            that fsspec knows, below which zips are not looked into.
        output_dir: Where the shards go; made if need be. What lies in it is left out of the inputs.
            At a URL nothing but the shards themselves says that a conversion is at work there, and
            there is room needed here for those on their way.
        workers: Threads; None means one for each CPU, or many where files are read from URLs.
        steps_per_quarter: Grid steps in a quarter note.
        pitch_classes: Which pitches are which drum, in any form that `resolve_pitch_classes` takes.
        channel: The MIDI channel of the drums, from 1, or several; channel 10 if None, or every
            channel of `track` where that is given.
        track: The track of the drums in each file: its number, from 1, or its name.
        magenta_compat: Drop what Magenta drops: files with any change of tempo or meter.
        representation: "performances", of drums with velocities and exact times; or MusicVAE's
            tokens of "drums" on channel 10, of the "melody" of each other instrument, or of each
            "trio" of melody, bass and drums. Tokens are of 16ths, and of General MIDI's drums.
        metadata: A CSV such as the dataset's `info.csv`: there is one set of shards for each value
            of its column `split`, and the other columns go into each record. A file belongs to the
            row whose `midi_filename` is the longest tail of its path; others are left out.
        metadata_columns: The columns to copy; None means all but `split`.
        name: Name of the set of shards where there is no metadata, or no column `split` in it.
        shards: Shards in each set. None makes one for every 128 files up to eight, and more only
            beyond 16,000 files.
        on_error: Files that cannot be read are skipped and counted, or the first one ends the run,
            or of a damaged one the notes up to the damage are kept.
        unmapped_pitches: Drop notes of no class, or count their file as failed.
        dedupe: Leave out performances whose grid an earlier one of the same set has. Remembers each
            in some 50 bytes.
        resume: Keep the shards that an earlier run of the same conversion completed. A missing or
            altered one is named and made again. An earlier conversion of other files, or with
            other options, is left as it is, and what differs is named.
        runner: Converts on Apache Beam, by the runner of this name, instead of in threads of this
            process. The bytes are the same. Its workers need GrooveFast, and the inputs and the
            output folder under the same paths. Or anything else that has work done; see
            `conversion.elsewhere.Run`.
        runner_options: Options of Beam and the runner, as on a command line.
        on_progress: Called some ten times a second.
        on_message: Called with a line for each thing worth knowing.

    Returns:
        What became of the files.

    Raises:
        GrooveFastError: A mistake in the options, no MIDI, no such place; under
            `on_error="fail"` the first file that failed; under `resume` another conversion.
        RemoteError: What is at a URL cannot be listed, read or written, however often it is tried.
        OSError: The folder cannot be written to, or the disk is full, or that of temporary files,
            where zips in zips are unpacked. What is complete stays, for `resume`.
    """
    started = time.perf_counter()
    if not is_set_name(name):
        raise OptionError("name", f"{name!r} cannot be part of a file name")
    if shards is not None:
        check_whole("shards", shards, 1, manifest.MAX_SHARDS)
    if metadata is None and metadata_columns is not None:
        raise OptionError("metadata_columns", "there is no `metadata` to take them from")
    if runner is not None and is_url(output_dir):
        raise OptionError("runner", f"its workers share a folder, and {output_dir} is a URL")
    make = _maker(workers, runner, runner_options)
    options = Options.of(
        steps_per_quarter=steps_per_quarter,
        pitch_classes=pitch_classes,
        channel=channel,
        track=track,
        magenta_compat=magenta_compat,
        on_error=on_error,
        unmapped_pitches=unmapped_pitches,
        dedupe=dedupe,
        representation=representation,
    )
    table = None if metadata is None else Metadata(metadata, metadata_columns, name)
    places = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    corpus = Corpus(places, output_dir)
    with contextlib.closing(corpus):
        if on_error == "fail" and corpus.unreadable:
            raise GrooveFastError("{}: {}".format(*corpus.unreadable[0]))
        listing = Listing(corpus, table, name)
        planned = plan_shards(listing, shards)
        plan = _describe(options, corpus, listing, planned, table)
        with open_output(output_dir, resume) as folder:
            kept = _find_complete(folder, plan, planned, corpus, on_message) if resume else {}
            entries = dict(kept)
            if len(kept) < len(planned) or not folder.is_finished(plan, kept.values()):
                replaced = folder.begin(plan, kept.values())
                if replaced and on_message and not resume:
                    on_message(f"replacing the {replaced} shards of an earlier conversion there")
                job = Job(corpus, listing, options, planned, folder.path)
                made = make(job, corpus, folder, kept, on_progress)
                if made.failed:
                    raise failure(corpus.place(made.failed["file"]), made.failed)
                entries.update({entry.name: entry for entry in made.entries})
                folder.finish(plan, [entries[shard.name] for shard in planned])
    return ConversionReport(
        output_dir=os.fspath(output_dir) if is_url(output_dir) else Path(output_dir),
        shards=[entries[shard.name] for shard in planned],
        corpus=corpus,
        listing=listing,
        steps_per_quarter=options.steps_per_quarter,
        representation=options.representation,
        seconds=time.perf_counter() - started,
        reused=len(kept),
    )


def _describe(
    options: Options,
    corpus: Corpus,
    listing: Listing,
    planned: Sequence[PlannedShard],
    metadata: Metadata | None,
) -> manifest.Plan:
    """What decides the bytes of all shards: equal plans, equal shards."""
    sets = [list(listing.sets)[shard.set_number] for shard in planned]
    said = dataclasses.asdict(options)
    if options.representation == "performances":  # of which earlier versions do not speak
        del said["representation"]
    plan = {
        "format": manifest.FORMAT,
        "options": said,
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


def _maker(workers: int | None, runner: str | Run | None, runner_options: Sequence[str]) -> Make:
    """What makes the shards of a job: threads of this process, or the workers of a runner."""
    if runner_options and not isinstance(runner, str):
        raise OptionError("runner", "none is named that the options after -- are for")
    if runner is None:
        num_workers = _num_workers(workers)

        def run(job: Job, corpus: Corpus, folder: OutputFolder, kept: Any, show: Any) -> Made:
            waits = workers is None and corpus.is_remote
            return job.run(kept, READERS if waits else num_workers, folder.add, show)

        return run
    if workers is not None:
        raise OptionError("workers", "is of threads; how many a runner has, its own options say")
    if isinstance(runner, str):
        with wanting_extras():
            from groovefast.conversion.beam import run_on  # which takes seconds

            runner = run_on(runner, runner_options)
    return functools.partial(run_elsewhere, runner)


def _find_complete(
    folder: OutputFolder,
    plan: manifest.Plan,
    planned: Sequence[PlannedShard],
    corpus: Corpus,
    say: Callable[[str], None] | None,
) -> dict[str, ShardEntry]:
    """The shards of an earlier run of the same plan that are as they should be.

    Raises:
        GrooveFastError: What is there is of another plan.
    """
    ledger = manifest.read_last_ledger(folder.path)
    if ledger is None:
        return {}
    if why := why_not_resume(ledger.plan, plan, corpus.name):
        raise GrooveFastError(f"{folder.path}: {why}")
    known = dict(ledger.shards)
    folder.take_up(known)
    complete = {}
    newest: dict[int, int] = {}
    for shard in planned:
        entry, dedupe = known.get(shard.name), plan["options"]["dedupe"]
        if entry or dedupe:
            changed = corpus.newest_change(shard.files)
        if dedupe:  # what it leaves out depends on those before it
            changed = newest[shard.set_number] = max(changed, newest.get(shard.set_number, 0))
        if entry:
            path = folder.path / shard.name
            wrong = manifest.what_is_wrong(path, entry)
            if not wrong and changed > path.stat().st_mtime_ns:
                wrong = "a file that went into it was changed since"
            if not wrong:
                complete[shard.name] = entry
            elif say:
                say(folder.told(f"{path}: {wrong}; making it again"))
    return complete


def _num_workers(workers: int | None) -> int:
    if workers is not None:
        return check_whole("workers", workers, 1, _MAX_WORKERS)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
