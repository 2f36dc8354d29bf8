"""`groovefast-convert`: MIDI files to TFRecord shards."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groovefast.cli import console
from groovefast.cli.progress import Stage, display
from groovefast.drums import PITCH_CLASSES_HELP
from groovefast.errors import GrooveFastError, OptionError

if TYPE_CHECKING:
    from groovefast.conversion.job import Progress
    from groovefast.conversion.options import OnUnmapped
    from groovefast.conversion.report import ConversionReport

_NAMED_FAILURES = 10
_SECONDS_BETWEEN_LINES = 2.0
_MANY_UNMAPPED = 0.05

_EPILOG = """\b
groovefast-convert data/groove records --metadata data/groove/info.csv
groovefast-convert --tfds groove/full-midionly records
groovefast-convert --verify records

With DIR alone, --verify checks what an earlier run wrote there: checksums, counts, manifest.

Exit status: 0 if every file was read, those skipped or salvaged included; 3 if records were
written, but a file failed or a folder or zip could not be looked into; 2 if none was written, for
any mistake, and where --verify finds something wrong."""


_RUNNER_OPTIONS = "groovefast.runner_options"


class _Command(click.Command):
    """A command whose words after `--` are for the runner, where one is named before them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        if any(word.partition("=")[0] == "--runner" for word in args[:end]):
            args, ctx.meta[_RUNNER_OPTIONS] = args[:end], args[end + 1 :]
        return super().parse_args(ctx, args)


_CUT_LATER = "windows are now cut while training, so that one conversion serves every config"
_MOVED = {
    "--config": "leave it out",
    "--split-bars": "leave it out",
    "--quarters-per-bar": "leave it out",
    "--hop-bars": "give it to groovefast-train",
    "--min-hits": "give it to groovefast-train",
}
"""Options of once, and what to do instead."""


def _moved_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Answers options of once with a line of what to do instead."""

    def tell(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        del ctx
        if value is not None:
            raise click.BadParameter(f"{_CUT_LATER}; {_MOVED[param.opts[0]]}")

    for name in _MOVED:
        hidden = click.option(name, hidden=True, expose_value=False, callback=tell)
        function = hidden(function)
    return function


@console.command(
    "groovefast-convert",
    cls=_Command,
    epilog=_EPILOG,
    options_metavar="[OPTIONS]",
)
@click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUTPUT_DIR")
@_moved_options
@console.tfds("Convert, without INPUT,")
@click.option(
    "--representation",
    type=console.Choice(["performances", "drums", "melody", "trio"]),
    default="performances",
    show_default=True,
    help="Performances for groovae_…; MusicVAE's tokens for …-drums_…, …-mel_… and …-trio_….",
)
@click.option(
    "--steps-per-quarter",
    type=int,
    default=4,
    show_default=True,
    help="Grid steps in a quarter note.",
)
@click.option(
    "--pitch-classes",
    callback=console.pitch_classes,
    default="roland",
    show_default=True,
    metavar="MAP",
    help=f"Which pitch is which drum: {PITCH_CLASSES_HELP}.",
)
@console.drum_part
@click.option(
    "--magenta-compat",
    is_flag=True,
    help="Drop files with changes of tempo or meter, and hits of no length, as Magenta does.",
)
@click.option(
    "--metadata",
    type=click.Path(),
    metavar="CSV",
    help="One set of shards per value of its column `split`; other columns go into the records.",
)
@click.option("--metadata-columns", metavar="A,B,…", help="The columns to copy; all by default.")
@click.option(
    "--name", default="data", show_default=True, help="Set of what no metadata puts into one."
)
@click.option("--shards", type=int, help="Shards in each set.")
@click.option("--workers", type=int, help="Threads; one per CPU by default.")
@click.option(
    "--runner",
    metavar="NAME",
    help="Convert on Apache Beam instead: DirectRunner, DaskRunner, FlinkRunner, SparkRunner, "
    "DataflowRunner; Beam's own options come last, after --.",
)
@click.option(
    "--on-error",
    type=console.Choice(["skip", "fail", "salvage"]),
    default="skip",
    show_default=True,
    help="A damaged file is skipped, ends the run, or gives the notes before the damage.",
)
@click.option(
    "--on-unmapped",
    "unmapped_pitches",
    type=console.Choice(["drop", "error"]),
    default="drop",
    show_default=True,
    help="Notes of no drum class are dropped, or make the file a failed one.",
)
@click.option(
    "--dedupe", is_flag=True, help="Leave out performances that an earlier one is equal to."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Keep the shards that an interrupted run of the same files and options completed.",
)
@click.option(
    "--verify", is_flag=True, help="Check the shards afterwards; with DIR alone, only that."
)
@click.option(
    "--report", type=console.LocalPath(), metavar="JSON", help="Write all that is known here."
)
@click.option("--plot", type=console.LocalPath(), metavar="PNG", help="Draw the corpus.")
def command(paths: Sequence[str], verify: bool, tfds: str | None, **options: Any) -> int:
    """Converts drum MIDI (.mid, .midi, .smf, .kar, and .zip of them) to TFRecord shards.

    Each INPUT is a file, a folder or a URL, looked through however deep, and so are zips in
    zips, up to 8 in one another. OUTPUT_DIR may be a URL too. Hidden folders and OUTPUT_DIR are
    left out. A record is a whole performance, or what is played of it in one meter; windows are
    cut when it is read, so that one conversion serves every config. Unless --on-error fail says so,
    one bad file does not stop a conversion: it is counted and named, and the rest goes on.
    """
    if verify and len(paths) == 1 and tfds is None:
        _verify_folder(paths[0])
        return 0
    if paths[0] == "verify" and not os.path.lexists("verify"):
        raise GrooveFastError(
            "verify: no such file or folder; groovefast-convert --verify DIR checks a conversion"
        )
    if len(paths) == 1 and tfds is None:
        raise GrooveFastError("OUTPUT_DIR is missing: name where the shards go after the inputs")
    if len(paths) > 1 and tfds is not None:
        raise OptionError("tfds", f"brings its own MIDI; leave it out, or {paths[0]}")
    complete = _convert(paths[:-1], paths[-1], tfds=tfds, **options)
    if verify:
        _verify_folder(paths[-1])
    return 0 if complete else console.EXIT_SOME_FAILED


def _convert(
    inputs: Sequence[str],
    output_dir: str,
    *,
    tfds: str | None,
    tfds_data_dir: str | None,
    unmapped_pitches: OnUnmapped,
    metadata_columns: str | None,
    report: Path | None,
    plot: Path | None,
    **options: Any,
) -> bool:
    """Converts, tells what came of it, and returns whether everything could be read."""
    if tfds_data_dir is not None and tfds is None:
        raise OptionError("tfds_data_dir", "there is no `tfds` to look for there")
    if plot is not None and options["representation"] != "performances":
        raise OptionError(
            "plot", "is of performances; records of tokens have no velocities to draw"
        )
    for path in (report, plot):
        if path is not None:
            _check_writable(path)
    columns = None if metadata_columns is None else metadata_columns.split(",")
    with display(_SECONDS_BETWEEN_LINES, err=True) as (show, say):
        result = _conversion(inputs, tfds, tfds_data_dir, options)(
            output_dir,
            unmapped_pitches=unmapped_pitches,
            metadata_columns=columns,
            on_progress=lambda progress: show(_stage(progress)),
            on_message=say,
            runner_options=click.get_current_context().meta.get(_RUNNER_OPTIONS, ()),
            **options,
        )
    if report is not None:
        result.save(report)
    if plot is not None:
        result.plot(plot)
    _print_failures(result)
    _print_table(result)
    without_drums = _why_no_drums(result, options)
    _print_hints(result, without_drums)
    if not result.performances:
        raise without_drums if without_drums and result.files == 1 else _why_nothing(result)
    return result.complete


def _conversion(
    inputs: Sequence[str], tfds: str | None, data_dir: str | None, options: dict[str, Any]
) -> Callable[..., ConversionReport]:
    """What converts the inputs, or the data set of TFDS, which has its own metadata."""
    if tfds is None:
        from groovefast.conversion.convert import convert

        return functools.partial(convert, inputs)
    if options.pop("metadata") is not None:
        raise OptionError("metadata", "is for files; `tfds` has its own")
    console.load_tensorflow()
    from groovefast.conversion.prepared import convert_prepared

    return functools.partial(convert_prepared, tfds, data_dir=data_dir)


def _check_writable(path: Path) -> None:
    """Says now, not after the work, that a file cannot be written."""
    folder = path.absolute().parent
    if path.is_dir():
        raise GrooveFastError(f"{path}: a folder; name a file")
    if not os.access(folder, os.W_OK):
        raise GrooveFastError(f"{path}: its folder {folder} is not there or cannot be written to")


def _stage(progress: Progress) -> Stage:
    """How far a conversion is, in words."""
    rate = progress.files / max(progress.seconds, 1e-9)
    words = f"{progress.files:,} of {progress.total:,} files"
    if progress.files:
        left = (progress.total - progress.files) / rate
        words += f", {rate:,.0f} files/s, {left:,.0f} s left"
    return Stage(progress.files, progress.total, words)


def _print_failures(report: ConversionReport) -> None:
    """Names the first of what could not be read, on stderr."""
    total = sum(report.failed.values()) + report.unopened
    if not total:
        return
    failures = (problem for problem in report.problems() if problem.outcome.is_failure)
    for _, problem in zip(range(_NAMED_FAILURES), failures, strict=False):
        click.echo(f"failed: {problem}", err=True)
    if total > _NAMED_FAILURES:
        click.echo(f"… and {total - _NAMED_FAILURES:,} more; --report names all", err=True)


def _print_table(report: ConversionReport) -> None:
    rows = [(label, f"{count:,}") for label, count in _counts(report)]
    rows.append(("seconds", f"{report.seconds:.3f}"))
    rows.append(("files/s", f"{report.files_per_second:,.0f}"))
    left = max(len(label) for label, _ in rows)
    right = max(len(value) for _, value in rows)
    for label, value in rows:
        click.echo(f"{label:<{left}}  {value:>{right}}")


def _counts(report: ConversionReport) -> Iterator[tuple[str, int]]:
    """The table's rows; what happens seldom only where it did."""
    failed = sum(report.failed.values())
    yield "files read", report.files - failed
    yield "  converted", report.converted
    if report.salvaged:
        yield "    of these salvaged", report.salvaged
    yield "  skipped", sum(report.skipped.values())
    for reason, count in report.skipped.items():
        yield f"    {reason}", count
    yield "failed", failed
    for reason, count in report.failed.items():
        yield f"    {reason}", count
    if report.unopened:
        yield "folders and zips not looked into", report.unopened
    is_of_tokens = report.representation != "performances"
    yield "files written" if is_of_tokens else "performances written", report.performances
    yield from _by_set(report.performances_by_set)
    if report.duplicates:
        yield "performances left out as duplicates", report.duplicates
    yield "bars", report.bars
    yield from _by_set(report.bars_by_set)
    for bars, count in report.windows_by_length.items():
        yield f"windows of {bars} bars in 4/4{', equal ones too' if is_of_tokens else ''}", count
    if not is_of_tokens:
        yield from _note_counts(report)
    if report.reused:
        yield "shards kept of an earlier run", report.reused


def _note_counts(report: ConversionReport) -> Iterator[tuple[str, int]]:
    """What became of the notes."""
    yield "notes kept", report.notes
    yield "notes dropped", report.merged + report.outside + sum(report.unmapped.values())
    yield "    louder one on the same step", report.merged
    if report.outside:
        yield "    in no whole bar of whole steps", report.outside
    yield "    unmapped", sum(report.unmapped.values())


def _by_set(counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The counts of each set, if there are several."""
    if len(counts) > 1:
        for name, count in counts.items():
            yield f"    {name}", count


def _why_no_drums(report: ConversionReport, options: Mapping[str, Any]) -> GrooveFastError | None:
    """What a file without drums has instead, where many are without."""
    from groovefast.conversion.outcomes import Outcome

    place = report.first_place(Outcome.NO_DRUMS)
    if place is None or report.outcomes[Outcome.NO_DRUMS] <= report.converted:
        return None
    from groovefast.drum_part import DrumPart
    from groovefast.midi.parts import no_drums

    part = DrumPart.of(options["channel"], options["track"])
    try:
        is_of_tokens = report.representation != "performances"
        kit = "reduced" if is_of_tokens else options["pitch_classes"]
        return no_drums(place, place, part, kit)
    except (OSError, GrooveFastError):  # changed or gone by now
        return None


def _print_hints(report: ConversionReport, without_drums: GrooveFastError | None) -> None:
    """What a user may not have meant."""
    if without_drums and report.files > 1:
        from groovefast.conversion.outcomes import Outcome

        count = report.outcomes[Outcome.NO_DRUMS]
        why = console.describe(without_drums, command)
        click.echo(f"hint: {count:,} files have no drums, such as {why}", err=True)
    unmapped = sum(report.unmapped.values())
    if unmapped > _MANY_UNMAPPED * (report.notes + report.merged + unmapped):
        pitches = sorted(report.unmapped, key=lambda pitch: -report.unmapped[pitch])
        click.echo(
            f"hint: many notes are unmapped (pitches {_first(pitches)}); "
            "--pitch-classes tells which is which drum, reduced is for General MIDI",
            err=True,
        )
    if missing := len(report.listing.missing):
        click.echo(
            f"hint: {missing:,} files of the metadata are not among the inputs, "
            f"such as {report.listing.missing[0]}",
            err=True,
        )


def _first(words: Sequence[object], most: int = 5) -> str:
    """The first few of a list, and whether there are more."""
    return ", ".join([*map(str, words[:most]), *(["…"] if len(words) > most else [])])


def _why_nothing(report: ConversionReport) -> GrooveFastError:
    """The line for a conversion without any record."""
    problems = list(zip(range(2), report.problems(), strict=False))
    if len(problems) == 1:
        return GrooveFastError(f"no record was written: {problems[0][1]}")
    reasons = {**report.failed, **report.skipped}
    if report.unopened:
        reasons["folders and zips not looked into"] = report.unopened
    causes = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    return GrooveFastError(
        f"no record was written: {causes or 'all were left out'}; see --report for each file"
    )


def _verify_folder(folder: str) -> None:
    """Checks a conversion, and names what is not as it should be."""
    from groovefast.remote import is_url
    from groovefast.shards.manifest import verify

    entries, wrong = [], 0
    for name, entry, message in verify(folder):
        if message:
            wrong += 1
            place = f"{folder.rstrip('/')}/{name}" if is_url(folder) else Path(folder) / name
            click.echo(f"{place}: {message}", err=True)
        elif entry:
            entries.append(entry)
    if wrong:
        raise GrooveFastError(
            f"{folder}: {wrong} of {wrong + len(entries)} shards not as they should be; "
            "convert again, with --resume to keep the others"
        )
    records, size = (sum(getattr(e, name) for e in entries) for name in ("records", "bytes"))
    click.echo(f"{folder}: {len(entries):,} shards, {records:,} records, {size:,} bytes: all right")


def main() -> None:
    """Runs `groovefast-convert`."""
    console.run(command)
