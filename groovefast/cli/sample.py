"""`groovefast-sample`: a trained model plays: new grooves, and what it makes of a user's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groovefast import playing
from groovefast.cli import console
from groovefast.cli.results import Audio, Output, Request
from groovefast.config import BACKENDS, FASTEST_QPM, MAX_SEED, MAX_TEMPERATURE, SLOWEST_QPM
from groovefast.drum_part import DrumPart
from groovefast.drums import PITCH_CLASSES_HELP
from groovefast.errors import GrooveFastError, OptionError
from groovefast.midi.folder import midi_files
from groovefast.midi.parts import no_drums
from groovefast.midi.score import read_midi, read_score
from groovefast.model.prior import MAX_VARIETY, PRIORS
from groovefast.playing import MODES, Mode
from groovefast.playing.modes import NEW_QPM, check_options, check_sources, name_of_model
from groovefast.playing.token_music import heard_of

if TYPE_CHECKING:
    from groovefast.config import Config
    from groovefast.model.in_use import InUse


_RESULT = re.compile(rf"(?P<source>.+)-({'|'.join(MODES)})(-\d{{3,}})?")
_SUMMARIES = "\n".join(f"  {each.name:<17}{each.summary}" for each in MODES.values())
_EPILOG = f"""\b
Modes:
{_SUMMARIES}

An input keeps its length, tempo, meters and all that is not its drums: those are on MIDI channel
10, or where --channel and --track say; continue keeps its drums too, and adds bars. A model of
MusicVAE's tokens, with sample, reconstruct, interpolate and vary, hears the first bars that it can
of an input, and writes a file of its own: drums, a melody or a trio, on the grid. No file is
overwritten without --overwrite: new grooves and variations go on with the numbers, other results
are refused.

Exit status: 0 all was played; 3 some files could not be played, and are named; 2 none, or a mistake
in the options.

\b
groovefast-sample --num 4 --plot --render wav --output-dir grooves
groovefast-sample --mode humanize --input stiff.mid --output-dir played
groovefast-sample --mode groove-transfer --input a.mid --groove b.mid --output-dir played"""


@console.command("groovefast-sample", epilog=_EPILOG)
@click.option(
    "--model",
    type=console.model_path,
    metavar="DIR",
    help="What groovefast-train left in RUN_DIR/model, a checkpoint of Magenta, the URL of either, "
    "or the name of an included model.  [default: the one included for the mode]",
)
@click.option(
    "--config", help="What a checkpoint of Magenta was trained as, if its name does not tell."
)
@click.option(
    "--backend",
    type=console.Choice(BACKENDS),
    default="numpy",
    show_default=True,
    help="What the model computes with: the result is the same. tensorflow takes seconds to start.",
)
@click.option(
    "--output-dir",
    required=True,
    type=console.LocalPath(),
    metavar="DIR",
    help="Where the files go.",
)
@click.option(
    "--mode",
    type=console.Choice(list(MODES)),
    default="sample",
    show_default=True,
    metavar="MODE",
    help="What to play: one of those below.",
)
@click.option(
    "--input",
    "source",
    multiple=True,
    type=Path,
    metavar="MIDI",
    help="A file or a folder of them, looked through however deep; may be given again. "
    "interpolate takes two files, sample one if the model has to be given the hits.",
)
@click.option("--groove", "groove_from", type=Path, metavar="FILE.mid", help="Whose feel to take.")
@click.option(
    "--amount",
    type=console.FloatRange(0, 1),
    help="How far to go from the input, 0, to what the model plays, 1.  [default: 1]",
)
@click.option(
    "--timing",
    type=console.FloatRange(0, 1),
    help="How far hits move in time; added ones, from the grid.  [default: --amount]",
)
@click.option(
    "--dynamics",
    type=console.FloatRange(0, 1),
    help="How far velocities go; those of added hits, from one for each drum.  [default: --amount]",
)
@click.option(
    "--temperature",
    type=console.FloatRange(0, MAX_TEMPERATURE),
    help="How boldly to draw; 0 takes the likeliest.  [default: "
    + ", ".join(
        f"{each.options['temperature']:g} for {each.name}"
        for each in MODES.values()
        if each.options.get("temperature")
    )
    + ", else 0]",
)
@click.option(
    "--spread",
    type=console.FloatRange(0, MAX_TEMPERATURE),
    help="How far a variation goes from the input.  [default: 0.5]",
)
@click.option(
    "--touch",
    type=console.FloatRange(0, 1),
    help="How much of a player's scatter there is in velocities and times: 0 as they are to be "
    "expected, 1 all of it.  [default: "
    + ", ".join(f"{each.touch:g} for {each.name}" for each in MODES.values() if each.touch)
    + ", else 0]",
)
@click.option(
    "--style",
    metavar="NAME",
    help="The style of new grooves, as in funk; an unknown one is answered with a list.",
)
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    callback=console.attributes,
    metavar="NAME=AMOUNT",
    help="Make it busier, softer, …: density, loudness, laid-back, syncopation, kick, ride, toms "
    "or ghost-notes, by so many standard deviations, as in density=+0.5. May be given again.",
)
@click.option(
    "--variety",
    type=console.FloatRange(0, MAX_VARIETY),
    help="How far new grooves go from what is typical.  [default: 1]",
)
@click.option(
    "--prior",
    type=console.Choice(list(PRIORS)),
    help="Where new grooves are drawn from: fitted to played ones, or normal, as Magenta does.  "
    "[default: fitted]",
)
@click.option(
    "--num",
    type=click.IntRange(min=1),
    help="How many grooves, steps or variations.  [default: "
    + ", ".join(
        f"{each.options['num']} for {each.name}" for each in MODES.values() if each.is_numbered
    )
    + "]",
)
@click.option(
    "--bars",
    type=click.IntRange(min=1),
    help=f"With continue: how many bars to play.  [default: {MODES['continue'].options['bars']}]",
)
@click.option(
    "--at",
    type=console.FloatRange(0, 1),
    help="With interpolate: only the groove so far between the first input, 0, and the second, 1.",
)
@click.option(
    "--qpm",
    type=console.FloatRange(min=SLOWEST_QPM, max=FASTEST_QPM),
    help=f"Tempo of new grooves in quarters a minute.  [default: {NEW_QPM:g}]",
)
@click.option(
    "--pitch-classes",
    callback=console.pitch_classes,
    default="general-midi",
    show_default=True,
    metavar="MAP",
    help=f"Which pitch is which drum, in the input and in what is written: {PITCH_CLASSES_HELP}.",
)
@console.drum_part
@click.option(
    "--replace",
    is_flag=True,
    default=None,
    help="With add-hihat: play the closed hi-hat anew where there is one.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=MAX_SEED),
    help="The same seed plays the same. Where it matters, it is noted in the files.  "
    "[default: a new one, which is printed]",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--plot", is_flag=True, help="Also draw each result, below its input.")
@click.option("--render", type=console.Choice(["wav"]), help="Also write each result as sound.")
@click.option(
    "--soundfont",
    type=Path,
    metavar="FILE.sf2",
    help="Render with FluidSynth and this SoundFont, not with the built-in drums.",
)
def command(
    model: Path | None,
    config: str | None,
    backend: str,
    output_dir: Path,
    mode: str,
    source: tuple[Path, ...],
    seed: int | None,
    overwrite: bool,
    plot: bool,
    render: str | None,
    soundfont: Path | None,
    **given: Any,
) -> int:
    """Plays drums: a trained model writes new grooves as MIDI, or reworks your own."""
    row = MODES[mode]
    check_options(mode, given)
    from groovefast.model.folder import find_model_folder
    from groovefast.model.which_config import known_config

    model_source = _find_model(row, model)
    seed = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
    requests = list(_requests(row, source, output_dir, {**given, "seed": seed}))
    audio = Audio(soundfont) if render or soundfont else None
    output = Output(output_dir, plot, audio, overwrite)
    known = known_config(model_source, config)
    if known is not None:
        row.check(known)
        if len(requests) == 1:
            _check_music(requests[0], known)
    output.check(requests)
    output_dir.mkdir(parents=True, exist_ok=True)

    if backend == "tensorflow" or find_model_folder(Path(model_source)) is None:
        console.load_tensorflow()  # only now: it takes seconds
    from groovefast.model.checkpoints import load_model

    player = load_model(model_source, config, backend=backend)
    name = name_of_model(model or row.model)
    many = len(requests) > 1
    failures = sum(not _succeeds(request, player, name, output, many) for request in requests)
    if failures == len(requests):
        raise GrooveFastError(f"none of the {failures} files could be played; see above")
    click.echo(f"{output.summary} (seed {seed})" + (f", {failures} failed" if failures else ""))
    return console.EXIT_SOME_FAILED if failures else 0


def _succeeds(request: Request, model: InUse, name: str, output: Output, many: bool) -> bool:
    """Does one piece of work; where it is one of many, a failure is told and does not stop them."""
    try:
        played = playing.play(
            request.mode.name, request.sources, model, model_name=name, **request.options
        )
        for message in played[0].messages:
            click.echo(f"{request.source}: {console.in_words_of(command, message)}", err=True)
        output.save(request, played)
    except (GrooveFastError, OSError) as error:
        if not many:
            raise
        click.echo(f"failed: {console.describe(error, command)}", err=True)
        return False
    return True


# --- What is asked for ----------------------------------------------------------------------


def _find_model(mode: Mode, path: Path | None) -> Path:
    """The model to load; says that there is none before TensorFlow takes its time to start."""
    from groovefast.model.folder import is_on_disk
    from groovefast.model.models import included_model, included_models

    included = included_model(mode.model if path is None else str(path))
    if path is None and included is None:
        raise GrooveFastError(
            f"--model is missing: {mode.model}, which --mode {mode.name} would take, is not "
            "included here; groovefast-train leaves a model in RUN_DIR/model"
        )
    if path is not None and is_on_disk(path):
        return path
    if included is None:
        raise GrooveFastError(
            f"--model {path}: no such model; groovefast-train leaves one in RUN_DIR/model, and "
            f"included are {', '.join(included_models())}"
        )
    return included


def _requests(
    mode: Mode, paths: Sequence[Path], output_dir: Path, options: Mapping[str, Any]
) -> Iterator[Request]:
    """One piece of work for each input, or for each pair of them."""
    if mode.inputs != (1, 1):
        check_sources(mode.name, paths, options)
    if options["groove_from"] is not None:
        read_midi(options["groove_from"])
    for sources, name in _pieces(mode, paths, output_dir):
        yield Request(mode, sources, name, options)


def _pieces(
    mode: Mode, paths: Sequence[Path], output_dir: Path
) -> Iterator[tuple[Sequence[Path], Path]]:
    """The inputs of each piece of work, and what to call its results."""
    if mode.inputs != (1, 1):
        for path in paths:
            read_midi(path)  # missing and broken files are found before TensorFlow starts
        yield paths, Path(f"{paths[0].stem}-{mode.name}" if mode.inputs[0] else mode.name)
        return
    if not paths:
        raise OptionError("source", f"0 given, but `mode` {mode.name} works on 1 or more")
    taken: dict[Path, Path] = {}
    found = ((path, name) for given in paths for path, name in _midi_files(given, output_dir))
    for path, name in found:
        name = name.with_name(f"{name.name}-{mode.name}")
        if name not in taken:
            taken[name] = path
            yield (path,), name
        elif not taken[name].samefile(path):
            raise OptionError(
                "source", f"{taken[name]} and {path} would both become {name}.mid; rename one"
            )


def _midi_files(path: Path, output_dir: Path) -> list[tuple[Path, Path]]:
    """A file, or all in a folder but what was made here before.

    With each comes its path within the folder and without its ending.
    """
    if not path.is_dir():
        path.stat()  # a name that is none should stop the work before it begins
        return [(path, Path(path.stem))]
    names = midi_files(path, leave_out=output_dir)
    stems = {name.with_suffix("") for name in names}
    found = [name for name in names if not _is_result(name.with_suffix(""), stems)]
    if not found:
        raise GrooveFastError(f"--input {path}: no MIDI file in it (.mid, .midi, .smf, .kar)")
    return [(path / name, name.with_suffix("")) for name in found]


def _is_result(stem: Path, stems: Collection[Path]) -> bool:
    """Whether a file so named is what some mode made of another one."""
    parts = _RESULT.fullmatch(stem.name)
    return parts is not None and stem.with_name(parts["source"]) in stems


def _check_music(request: Request, config: Config) -> None:
    """Finds files with nothing to hear before TensorFlow takes its time to start."""
    if request.source is None:
        return
    if config.tokens:
        for source in request.sources if request.mode.inputs[0] else ():
            heard_of(source, config)
        return
    options = request.options
    part = DrumPart.of(options["channel"], options["track"])
    if not len(read_score(request.source, part).notes):
        raise no_drums(request.source, str(request.source), part, options["pitch_classes"])


def main() -> None:
    """Entry point of `groovefast-sample`."""
    console.run(command)
