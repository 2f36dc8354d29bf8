"""`groovefast-sample`: a trained model plays: new grooves, and what it makes of a user's own."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from groovefast.cli import console
from groovefast.errors import GrooveFastError

if TYPE_CHECKING:
    from groovefast.groove import Groove
    from groovefast.model import GrooVAE
    from groovefast.performance import Rendition

DEFAULT_QPM = 120.0
MIDI_ENDINGS = (".mid", ".midi", ".smf", ".kar")


@dataclasses.dataclass(frozen=True)
class Request:
    """One piece of work for a mode.

    Attributes:
        inputs: The files it works on.
        source: The one that is reworked, if any.
        name: Of the results, a path within the output folder without ending.
        num: How many results.
        groove: Whose feel to take.
        spread: How far to vary.
        qpm: Tempo of new grooves.
        options: `performance.Options` as keyword arguments.
    """

    inputs: Sequence[Path]
    source: Path | None
    name: Path
    num: int
    groove: Path | None
    spread: float
    qpm: float | None
    options: Mapping[str, Any]


Player: TypeAlias = "Callable[[GrooVAE, Request], Sequence[Rendition]]"


@dataclasses.dataclass(frozen=True)
class Mode:
    """One thing a model can do.

    Attributes:
        play: Does it.
        summary: What it is, for `--help`.
        num_inputs: How many `--input` files make one piece of work.
        uses: Options that not all modes have.
        num: `--num` unless given.
        least: The smallest `--num` that makes sense.
        temperature: `--temperature` unless given.
    """

    play: Player
    summary: str
    num_inputs: int = 1
    uses: Collection[str] = ()
    num: int = 1
    least: int = 1
    temperature: float = 0.0


def _sample(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    """New windows from z ~ N(0, 1); over the first hits of the input where the model wants hits."""
    import tensorflow as tf

    from groovefast.converter import GrooveConverter
    from groovefast.performance import Rendition

    controls, qpm = None, DEFAULT_QPM
    if request.inputs:
        controls, qpm = _controls(model, request)
    temperature, seed = request.options["temperature"], request.options["seed"]
    try:
        windows = model.sample(request.num, temperature, seed, controls)
    except tf.errors.ResourceExhaustedError:
        raise GrooveFastError(f"--num: no memory for {request.num:,} at once") from None
    converter = GrooveConverter.from_config(model.config)
    grooves = converter.from_tensors(windows, request.qpm or qpm)
    return [Rendition(groove.to_bytes()) for groove in grooves]


def _controls(model: GrooVAE, request: Request) -> tuple[Any, float]:
    """The hits of the input's first window, for models that play given hits, and its tempo."""
    from groovefast.converter import GrooveConverter

    config, path = model.config.converter, request.inputs[0]
    pitch_classes, channels = request.options["pitch_classes"], request.options["channels"]
    converter = GrooveConverter.from_config(config, pitch_classes=pitch_classes, channels=channels)
    tensors = converter.to_tensors(path)
    if not len(tensors):
        raise GrooveFastError(
            f"--input {path}: has no {config.split_bars} whole bars of drums in 4/4, which is what "
            "this model works on; give a longer drum performance"
        )
    return tensors.controls[0], float(tensors.qpms[0])


def _rework(function: str, summary: str) -> Mode:
    """A mode that is a function of `performance` on one input."""

    def play(model: GrooVAE, request: Request) -> Sequence[Rendition]:
        from groovefast import performance

        return [getattr(performance, function)(request.inputs[0], model, **request.options)]

    return Mode(play, summary, uses=("amount",))


def _groove_transfer(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast import performance

    if request.groove is None:
        raise GrooveFastError("--groove: name the performance whose feel --input is to get")
    hits_from = request.inputs[0]
    return [performance.groove_transfer(hits_from, request.groove, model, **request.options)]


def _interpolate(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast import performance

    a, b = request.inputs
    return performance.interpolate(a, b, request.num, model, **request.options)


def _vary(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast import performance

    source, spread = request.inputs[0], request.spread
    seed = request.options["seed"]
    return [
        performance.vary(source, model, spread, **{**request.options, "seed": seed + number})
        for number in range(request.num)
    ]


MODES: Mapping[str, Mode] = {
    "sample": Mode(
        _sample,
        "new grooves",
        num_inputs=0,
        uses=("num", "qpm"),
        num=8,
        temperature=0.5,
    ),
    "humanize": _rework("humanize", "timing and dynamics for a stiff performance"),
    "tap2drum": _rework("tap2drum", "a beat from a tapped rhythm"),
    "add-hihat": _rework("add_hihat", "a closed hi-hat beside what is played"),
    "groove-transfer": Mode(
        _groove_transfer,
        "the hits of --input with the feel of --groove",
        uses=("amount", "groove"),
    ),
    "reconstruct": _rework("reconstruct", "the input as the model understands it"),
    "interpolate": Mode(
        _interpolate,
        "from one input to a second, in the tempo and length of the first",
        num_inputs=2,
        uses=("num",),
        num=5,
        least=2,
    ),
    "vary": Mode(_vary, "something like the input", uses=("amount", "spread", "num")),
}

_SUMMARIES = "\n".join(f"  {name:<17}{mode.summary}" for name, mode in MODES.items())
_EPILOG = f"""\b
Modes:
{_SUMMARIES}

All but sample keep the input's length, tempo, meter and other tracks. Bars in another meter than
the model's stay as they are.

\b
groovefast-sample --num 4 --plot --render wav --output-dir grooves
groovefast-sample --mode humanize --input stiff.mid --output-dir played
groovefast-sample --mode groove-transfer --input a.mid --groove b.mid --output-dir played"""


@console.command("groovefast-sample", epilog=_EPILOG)
@click.option(
    "--model",
    "model_path",
    type=Path,
    metavar="DIR",
    help="What groovefast-train left in RUN_DIR/model, a checkpoint of Magenta, or the name of a "
    "included model.  [default: the one included for the mode]",
)
@click.option(
    "--config", help="What a checkpoint of Magenta was trained as, if its name does not tell."
)
@click.option("--output-dir", required=True, type=Path, metavar="DIR", help="Where the files go.")
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
    "input_paths",
    multiple=True,
    type=Path,
    metavar="MIDI",
    help="A file or a folder of them, looked through however deep; may be given again. "
    "interpolate takes two files, sample one if the model has to be given the hits.",
)
@click.option("--groove", type=Path, metavar="FILE.mid", help="Whose feel to take.")
@click.option(
    "--amount",
    type=console.FloatRange(0, 1),
    help="How far to go from the input, 0, to what the model plays, 1.  [default: 1]",
)
@click.option(
    "--temperature",
    type=console.FloatRange(min=0),
    help="How boldly to draw; 0 takes the likeliest.  [default: 0.5 for sample, else 0]",
)
@click.option(
    "--spread",
    type=console.FloatRange(min=0),
    help="How far a variation goes from the input.  [default: 0.5]",
)
@click.option(
    "--num",
    type=click.IntRange(min=1),
    help="How many grooves, steps or variations.  [default: "
    + ", ".join(f"{mode.num} for {name}" for name, mode in MODES.items() if "num" in mode.uses)
    + "]",
)
@click.option(
    "--qpm",
    type=console.FloatRange(min=4, max=1000),
    help=f"Tempo of new grooves in quarters a minute.  [default: {DEFAULT_QPM:g}]",
)
@click.option(
    "--pitch-classes",
    type=console.Choice(["roland", "reduced"]),
    default="reduced",
    show_default=True,
    help="Which drums the pitches of the input are: those of a Roland TD-11, as in the Groove "
    "MIDI Dataset, or General MIDI reduced to nine.",
)
@click.option(
    "--channels",
    type=console.Choice(["drums", "all"]),
    default="drums",
    show_default=True,
    help="Which notes of the input are drums: those of MIDI channel 10, or all.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**31 - 1),
    help="The same seed writes the same files.  [default: a new one, which is printed]",
)
@click.option("--plot", is_flag=True, help="Also draw each result, below its input.")
@click.option("--render", type=console.Choice(["wav"]), help="Also write each result as sound.")
@click.option(
    "--soundfont",
    type=Path,
    metavar="FILE.sf2",
    help="Render with FluidSynth and this SoundFont, not with the built-in drums.",
)
def command(
    model_path: Path | None,
    config: str | None,
    output_dir: Path,
    mode: str,
    input_paths: tuple[Path, ...],
    seed: int | None,
    plot: bool,
    render: str | None,
    soundfont: Path | None,
    **given: Any,
) -> None:
    """Plays drums: a trained model writes new grooves as MIDI, or reworks your own."""
    row = MODES[mode]
    _check_uses(mode, given)
    model_source = _find_model(mode, model_path)
    seed = secrets.randbelow(2**31) if seed is None else seed
    requests = list(_requests(mode, input_paths, seed, given))
    audio = _Audio(soundfont) if render or soundfont else None
    output_dir.mkdir(parents=True, exist_ok=True)

    console.load_tensorflow()  # only now: it takes seconds
    from groovefast.checkpoints import load_model

    model = load_model(model_source, config)
    _check_hits(mode, model, len(input_paths))
    output = _Output(output_dir, plot, audio)
    many = len(requests) > 1
    failures = sum(not _succeeds(row, model, request, output, many) for request in requests)
    if failures == len(requests):
        raise GrooveFastError(f"none of the {failures} files could be played; see above")
    failed = f", {failures} failed" if failures else ""
    files = "1 MIDI file" if output.count == 1 else f"{output.count} MIDI files"
    click.echo(f"{files} in {output_dir} (seed {seed}){failed}")


def _succeeds(row: Mode, model: GrooVAE, request: Request, output: _Output, many: bool) -> bool:
    """Does one piece of work; where it is one of many, a failure is told and does not stop them."""
    try:
        output.save(request, row.play(model, request), numbered="num" in row.uses)
    except (GrooveFastError, OSError) as error:
        if not many:
            raise
        click.echo(f"failed: {console.describe(error)}", err=True)
        return False
    return True


# --- What is asked for ----------------------------------------------------------------------


def _check_uses(mode: str, given: Mapping[str, Any]) -> None:
    """Refuses options that the mode would not heed."""
    special = {name for row in MODES.values() for name in row.uses}
    for name in sorted(special - set(MODES[mode].uses)):
        if given[name] is not None:
            users = " or ".join(other for other, row in MODES.items() if name in row.uses)
            raise GrooveFastError(f"--{name}: of no use to --mode {mode}; it is for {users}")
    num, least = given["num"], MODES[mode].least
    if num is not None and num < least:
        raise GrooveFastError(f"--num: {num} is too few; --mode {mode} makes at least {least}")


def _find_model(mode: str, path: Path | None) -> Path:
    """The model to load; says that there is none before TensorFlow takes its time to start."""
    from groovefast.models import DEFAULT_MODELS, included_model, included_models

    name = DEFAULT_MODELS[mode] if path is None else str(path)
    included = included_model(name)
    if path is None and included is None:
        raise GrooveFastError(
            f"--model is missing: {name}, which --mode {mode} would take, is not included here; "
            "groovefast-train leaves a model in RUN_DIR/model"
        )
    if path is not None and (path.exists() or path.with_name(f"{path.name}.index").exists()):
        return path
    if included is None:
        raise GrooveFastError(
            f"--model {path}: no such model; groovefast-train leaves one in RUN_DIR/model, and "
            f"included are {', '.join(included_models())}"
        )
    return included


def _requests(
    mode: str, paths: Sequence[Path], seed: int, given: Mapping[str, Any]
) -> Iterator[Request]:
    """One piece of work for each input, or for each pair of them."""
    row = MODES[mode]
    given = {name: value for name, value in given.items() if value is not None}
    options = {
        "amount": given.get("amount", 1.0),
        "temperature": given.get("temperature", row.temperature),
        "seed": seed,
        "pitch_classes": given["pitch_classes"],
        "channels": given["channels"],
    }
    if "groove" in given:
        _check_readable(given["groove"])
    for inputs, name in _pieces(mode, paths):
        yield Request(
            inputs,
            inputs[0] if row.num_inputs else None,
            name,
            num=given.get("num", row.num),
            groove=given.get("groove"),
            spread=given.get("spread", 0.5),
            qpm=given.get("qpm"),
            options=options,
        )


def _pieces(mode: str, paths: Sequence[Path]) -> Iterator[tuple[Sequence[Path], Path]]:
    """The inputs of each piece of work, and what to call its results."""
    row = MODES[mode]
    if row.num_inputs != 1:
        if not row.num_inputs <= len(paths) <= max(row.num_inputs, 1):
            wanted = row.num_inputs or "none"
            raise GrooveFastError(
                f"--input: {len(paths)} given, but --mode {mode} works on {wanted}"
            )
        for path in paths:
            _check_readable(path)
        yield paths, Path(f"{paths[0].stem}-{mode}" if row.num_inputs else mode)
        return
    if not paths:
        raise GrooveFastError(f"--input: 0 given, but --mode {mode} works on 1 or more")
    taken: dict[Path, Path] = {}
    for path, name in ((path, name) for given in paths for path, name in _midi_files(given)):
        name = name.with_name(f"{name.name}-{mode}")
        other = taken.setdefault(name, path)
        if other != path:
            raise GrooveFastError(
                f"--input: {other} and {path} would both become {name}.mid; rename one"
            )
        yield (path,), name


def _midi_files(path: Path) -> list[tuple[Path, Path]]:
    """A file, or all in a folder, each with its path within and without its ending."""
    if not path.is_dir():
        _check_readable(path)
        return [(path, Path(path.stem))]
    found = sorted(each for each in path.rglob("*") if each.suffix.lower() in MIDI_ENDINGS)
    if not found:
        raise GrooveFastError(f"--input {path}: no MIDI file in it ({', '.join(MIDI_ENDINGS)})")
    return [(each, each.relative_to(path).with_suffix("")) for each in found]


def _check_readable(path: Path) -> None:
    """Finds missing and broken files before TensorFlow takes its time to start."""
    from groovefast.score import read_midi

    read_midi(path)


def _check_hits(mode: str, model: GrooVAE, given: int) -> None:
    """`--mode sample` takes an input exactly when the model has to be given hits."""
    wanted = model.config.converter.hits_as_controls
    if mode != "sample" or given == int(wanted):
        return
    raise GrooveFastError(
        "--input: this model plays given hits; name a MIDI file that has them"
        if wanted
        else "--input: this model makes up its own hits; leave it out or take --mode reconstruct"
    )


# --- What is written ------------------------------------------------------------------------


class _Output:
    """The output folder."""

    def __init__(self, folder: Path, plot: bool, audio: _Audio | None) -> None:
        self.count = 0
        self._folder = folder
        self._plot = plot
        self._audio = audio

    def save(self, request: Request, renditions: Sequence[Rendition], numbered: bool) -> None:
        """Writes NAME.mid, or NAME-001.mid, NAME-002.mid, …, and what goes beside them."""
        digits = max(3, len(str(len(renditions))))
        stem = self._folder / request.name
        stem.parent.mkdir(parents=True, exist_ok=True)
        for message in renditions[0].messages:
            click.echo(f"{request.source}: {message}", err=True)
        for number, rendition in enumerate(renditions, start=1):
            name = f"{stem.name}-{number:0{digits}}" if numbered else stem.name
            path = stem.with_name(f"{name}.mid")
            rendition.save(path)
            self.count += 1
            if self._plot:
                self._draw(request, rendition, path)
            if self._audio is not None:
                self._audio.save(request, rendition.midi, path.with_suffix(".wav"))

    def _draw(self, request: Request, rendition: Rendition, path: Path) -> None:
        from groovefast.plots import plot_grooves

        channels = request.options["channels"]
        grooves, titles = [self._read(rendition.midi, channels)], None
        if request.source is not None:
            grooves.insert(0, self._read(request.source, channels))
            titles = [request.source.name, path.name]
        plot_grooves(grooves, path.with_suffix(".png"), titles)

    @staticmethod
    def _read(source: Path | bytes, channels: str) -> Groove:
        from groovefast.groove import Groove

        return Groove.from_midi(source, channels)


class _Audio:
    """How results become sound."""

    def __init__(self, soundfont: Path | None) -> None:
        if soundfont is not None:
            from groovefast.synth import check_soundfont

            check_soundfont(soundfont)
        self._soundfont = soundfont

    def save(self, request: Request, midi: bytes, path: Path) -> None:
        from groovefast import synth

        if self._soundfont is not None:
            synth.save_with_soundfont(midi, self._soundfont, path)
            return
        # What is new has General MIDI's pitches, whatever those of the input are.
        pitch_classes = request.options["pitch_classes"] if request.source else "reduced"
        synth.save_wav(synth.render(midi, pitch_classes, request.options["channels"]), path)


def main() -> None:
    """Entry point of `groovefast-sample`."""
    console.run(command)
