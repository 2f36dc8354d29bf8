"""`groovefast-sample`: a trained model plays: new grooves, and what it makes of a user's own."""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from groovefast.cli import console
from groovefast.config import MAX_TEMPERATURE
from groovefast.drums import PITCH_CLASSES_HELP
from groovefast.errors import GrooveFastError

if TYPE_CHECKING:
    from groovefast.model.groovae import GrooVAE
    from groovefast.playing.performance import Rendition

DEFAULT_QPM = 120.0
MIDI_ENDINGS = (".mid", ".midi", ".smf", ".kar")
_MOST_GROOVES = 1 << 40
"""More than any machine has room for, and few enough to be asked for it."""
HIDDEN = (".", "__MACOSX")
"""What names begin with of folders that hold nothing of the user's."""


@dataclasses.dataclass(frozen=True)
class Request:
    """One piece of work for a mode.

    Attributes:
        mode: What is done.
        inputs: The files it works on.
        source: The one that is reworked, if any.
        name: Of the results, a path within the output folder without ending.
        num: How many results.
        groove: Whose feel to take.
        spread: How far to vary.
        qpm: Tempo of new grooves.
        replace: Whether what is added takes the place of what is there.
        options: `performance.Options` as keyword arguments.
    """

    mode: str
    inputs: Sequence[Path]
    source: Path | None
    name: Path
    num: int
    groove: Path | None
    spread: float
    qpm: float | None
    replace: bool
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

    from groovefast.playing.performance import Rendition
    from groovefast.windows.converter import GrooveConverter

    controls, qpm = None, DEFAULT_QPM
    if request.inputs:
        controls, qpm = _controls(model, request)
    temperature, seed = request.options["temperature"], request.options["seed"]
    no_memory = GrooveFastError(f"--num: no memory for {request.num:,} at once")
    if request.num > _MOST_GROOVES:
        raise no_memory
    try:
        windows = model.sample(request.num, temperature, seed, controls)
    except tf.errors.ResourceExhaustedError:
        raise no_memory from None
    converter = GrooveConverter.from_config(model.config)
    kit = request.options["pitch_classes"]
    grooves = converter.from_tensors(windows, request.qpm or qpm, kit)
    return [Rendition(groove.to_bytes()) for groove in grooves]


def _controls(model: GrooVAE, request: Request) -> tuple[Any, float]:
    """The hits of the input's first window, for models that play given hits, and its tempo."""
    from groovefast.windows.converter import GrooveConverter

    config, path = model.config.converter, request.inputs[0]
    source = {name: request.options[name] for name in ("pitch_classes", "channel", "track")}
    converter = GrooveConverter.from_config(config, **source)
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
        from groovefast.playing import performance

        return [getattr(performance, function)(request.inputs[0], model, **request.options)]

    return Mode(play, summary, uses=("amount",))


def _add_hihat(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast.playing import performance

    source, replace = request.inputs[0], request.replace
    return [performance.add_hihat(source, model, replace, **request.options)]


def _groove_transfer(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast.playing import performance

    if request.groove is None:
        raise GrooveFastError("--groove: name the performance whose feel --input is to get")
    hits_from = request.inputs[0]
    return [performance.groove_transfer(hits_from, request.groove, model, **request.options)]


def _interpolate(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast.playing import performance

    a, b = request.inputs
    return performance.interpolate(a, b, request.num, model, **request.options)


def _vary(model: GrooVAE, request: Request) -> Sequence[Rendition]:
    from groovefast.playing import performance

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
    "add-hihat": Mode(
        _add_hihat, "a closed hi-hat where there is none", uses=("amount", "replace")
    ),
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

_RESULT = re.compile(rf"(?P<source>.+)-({'|'.join(MODES)})(-\d{{3,}})?")
_SUMMARIES = "\n".join(f"  {name:<17}{mode.summary}" for name, mode in MODES.items())
_EPILOG = f"""\b
Modes:
{_SUMMARIES}

All but sample keep the input's length, tempo, meters and all that is not its drums: those are on
MIDI channel 10, or where --channel and --track say. No file is overwritten without --overwrite: new
grooves and variations go on with the numbers, other results are refused.

Exit status: 0 all was played; 3 some files could not be played, and are named; 2 none, or a mistake
in the options.

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
    help="What groovefast-train left in RUN_DIR/model, a checkpoint of Magenta, or the name of an "
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
    type=console.FloatRange(0, MAX_TEMPERATURE),
    help="How boldly to draw; 0 takes the likeliest.  [default: 0.5 for sample, else 0]",
)
@click.option(
    "--spread",
    type=console.FloatRange(0, MAX_TEMPERATURE),
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
    type=click.IntRange(min=0, max=2**31 - 1),
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
    model_path: Path | None,
    config: str | None,
    output_dir: Path,
    mode: str,
    input_paths: tuple[Path, ...],
    seed: int | None,
    overwrite: bool,
    plot: bool,
    render: str | None,
    soundfont: Path | None,
    **given: Any,
) -> int:
    """Plays drums: a trained model writes new grooves as MIDI, or reworks your own."""
    row = MODES[mode]
    _check_uses(mode, given)
    model_source = _find_model(mode, model_path)
    seed = secrets.randbelow(2**31) if seed is None else seed
    requests = list(_requests(mode, input_paths, output_dir, seed, given))
    audio = _Audio(soundfont) if render or soundfont else None
    output = _Output(output_dir, plot, audio, overwrite, "num" in row.uses)
    for request in requests if len(requests) == 1 else ():
        _check_input(request)
    output.check(requests)
    output_dir.mkdir(parents=True, exist_ok=True)

    console.load_tensorflow()  # only now: it takes seconds
    from groovefast.model.checkpoints import load_model
    from groovefast.model.models import DEFAULT_MODELS

    model = load_model(model_source, config)
    _check_hits(mode, model, len(input_paths))
    many = len(requests) > 1
    name = _name_of(model_path) if model_path else DEFAULT_MODELS[mode]
    failures = sum(not _succeeds(row, model, name, request, output, many) for request in requests)
    if failures == len(requests):
        raise GrooveFastError(f"none of the {failures} files could be played; see above")
    click.echo(f"{output.summary} (seed {seed})" + (f", {failures} failed" if failures else ""))
    return console.EXIT_SOME_FAILED if failures else 0


def _name_of(model: Path) -> str:
    """What to call a model in files that leave this machine: no path, and not just `model`."""
    folder = model.absolute()
    return folder.parent.name if folder.name == "model" else folder.name


def _succeeds(
    row: Mode, model: GrooVAE, name: str, request: Request, output: _Output, many: bool
) -> bool:
    """Does one piece of work; where it is one of many, a failure is told and does not stop them."""
    try:
        output.save(request, row.play(model, request), name)
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
    from groovefast.model.models import DEFAULT_MODELS, included_model, included_models

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
    mode: str, paths: Sequence[Path], output_dir: Path, seed: int, given: Mapping[str, Any]
) -> Iterator[Request]:
    """One piece of work for each input, or for each pair of them."""
    row = MODES[mode]
    given = {name: value for name, value in given.items() if value is not None}
    options = {
        "amount": given.get("amount", 1.0),
        "temperature": given.get("temperature", row.temperature),
        "seed": seed,
        "pitch_classes": given["pitch_classes"],
        "channel": given.get("channel"),
        "track": given.get("track"),
    }
    if "groove" in given:
        _check_readable(given["groove"])
    for option in ("channel", "track"):
        if option in given and not paths:
            raise GrooveFastError(f"--{option}: says which notes of an --input are drums; give one")
    for inputs, name in _pieces(mode, paths, output_dir):
        yield Request(
            mode,
            inputs,
            inputs[0] if row.num_inputs else None,
            name,
            num=given.get("num", row.num),
            groove=given.get("groove"),
            spread=given.get("spread", 0.5),
            qpm=given.get("qpm"),
            replace=given.get("replace", False),
            options=options,
        )


def _pieces(
    mode: str, paths: Sequence[Path], output_dir: Path
) -> Iterator[tuple[Sequence[Path], Path]]:
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
    found = ((path, name) for given in paths for path, name in _midi_files(given, output_dir))
    for path, name in found:
        name = name.with_name(f"{name.name}-{mode}")
        if name not in taken:
            taken[name] = path
            yield (path,), name
        elif not taken[name].samefile(path):
            raise GrooveFastError(
                f"--input: {taken[name]} and {path} would both become {name}.mid; rename one"
            )


def _midi_files(path: Path, output_dir: Path) -> list[tuple[Path, Path]]:
    """A file, or all in a folder, each with its path within and without its ending.

    Hidden folders are left out, and so is what was made here before.
    """
    if not path.is_dir():
        path.stat()  # a name that is none should stop the work before it begins
        return [(path, Path(path.stem))]
    output = output_dir.resolve()
    found: list[Path] = []
    seen: set[Path] = set()
    for folder, below, names in os.walk(path, onerror=_raise, followlinks=True):
        place = Path(folder).resolve()
        if place in seen or (place == output != path.resolve()):
            below.clear()
            continue
        seen.add(place)
        below[:] = sorted(name for name in below if not name.startswith(HIDDEN))
        files = [Path(folder, name) for name in sorted(names) if not name.startswith("._")]
        files = [file for file in files if file.suffix.lower() in MIDI_ENDINGS]
        stems = {file.stem for file in files}
        found += [file for file in files if not _is_result(file.stem, stems)]
    if not found:
        raise GrooveFastError(f"--input {path}: no MIDI file in it ({', '.join(MIDI_ENDINGS)})")
    return [(each, each.relative_to(path).with_suffix("")) for each in found]


def _raise(error: OSError) -> None:
    raise error


def _is_result(stem: str, stems: Collection[str]) -> bool:
    """Whether a file so named is what some mode made of another one."""
    parts = _RESULT.fullmatch(stem)
    return parts is not None and parts["source"] in stems


def _check_readable(path: Path) -> None:
    """Finds missing and broken files before TensorFlow takes its time to start."""
    from groovefast.midi.score import read_midi

    read_midi(path)


def _check_input(request: Request) -> None:
    """Finds broken files, and those without drums, likewise."""
    if request.source is None:
        return
    from groovefast.drum_part import DrumPart
    from groovefast.midi.parts import no_drums
    from groovefast.midi.score import read_score

    part = DrumPart.of(request.options["channel"], request.options["track"])
    if not len(read_score(request.source, part).notes):
        classes = request.options["pitch_classes"]
        raise no_drums(request.source, str(request.source), part, classes)


def _check_hits(mode: str, model: GrooVAE, given: int) -> None:
    """`--mode sample` takes an input exactly when the model has to be given hits."""
    from groovefast.task import Task

    wanted = Task.of(model.config.converter).wants_hits
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

    def __init__(
        self, folder: Path, plot: bool, audio: _Audio | None, overwrite: bool, numbered: bool
    ) -> None:
        self._folder = folder
        self._plot = plot
        self._audio = audio
        self._overwrite = overwrite
        self._numbered = numbered
        self._count = self._unchanged = 0

    @property
    def summary(self) -> str:
        """What was written, as in `3 MIDI files in out, 1 of them as it was`."""
        files = "1 MIDI file" if self._count == 1 else f"{self._count} MIDI files"
        same = f", {self._unchanged} of them as it was" if self._unchanged else ""
        return f"{files} in {self._folder}{same}"

    def check(self, requests: Sequence[Request]) -> None:
        """Refuses to overwrite, before the work is done."""
        if self._overwrite or self._numbered:
            return
        paths = (path for request in requests for path in self._files(self._stem(request)))
        there = [path for path in paths if os.path.lexists(path)]
        if there:
            more = f" and {len(there) - 1} more are" if len(there) > 1 else " is"
            raise GrooveFastError(
                f"{there[0]}{more} there already; --overwrite replaces what is there"
            )

    def save(self, request: Request, renditions: Sequence[Rendition], model: str) -> None:
        """Writes NAME.mid, or NAME-001.mid, NAME-002.mid, …, and what goes beside them."""
        from groovefast.midi.score import read_bytes

        stem = self._stem(request)
        stem.parent.mkdir(parents=True, exist_ok=True)
        for message in renditions[0].messages:
            click.echo(f"{request.source}: {message}", err=True)
        original = None if request.source is None else read_bytes(request.source)[0]
        number = 1 + (0 if self._overwrite else self._last_number(stem))
        digits = max(3, len(str(number + len(renditions) - 1)))
        for index, rendition in enumerate(renditions):
            signed = _signed(request, rendition, index + 1, model)
            path, number = self._write(signed, stem, number, digits), number + 1
            self._count += 1
            self._unchanged += rendition.midi == original
            if self._plot:
                self._draw(request, rendition, path)
            if self._audio is not None:
                self._audio.save(request, rendition, path.with_suffix(".wav"))

    def _write(self, rendition: Rendition, stem: Path, number: int, digits: int) -> Path:
        """Writes a file under its number, or the next that is free, as others may write too."""
        while True:
            name = f"{stem.name}-{number:0{digits}}.mid" if self._numbered else f"{stem.name}.mid"
            path = stem.with_name(name)
            try:
                rendition.save(path, overwrite=self._overwrite)
            except FileExistsError:
                if not self._numbered:
                    raise
                number += 1
            else:
                return path

    def _stem(self, request: Request) -> Path:
        return self._folder / request.name

    def _files(self, stem: Path) -> Iterator[Path]:
        """What is written for a result without a number, and pages of a picture that are there."""
        endings = [".mid", *([".png"] if self._plot else []), *([".wav"] if self._audio else [])]
        yield from (stem.with_name(stem.name + ending) for ending in endings)
        if self._plot:
            yield from _pages_there(stem)

    @staticmethod
    def _last_number(stem: Path) -> int:
        """The highest number of files called so, whatever their kind; 0 if there are none."""
        pattern = re.compile(rf"{re.escape(stem.name)}-(\d+)(-p\d+)?\.(mid|png|wav)")
        names = (pattern.fullmatch(file.name) for file in stem.parent.iterdir())
        return max((int(name[1]) for name in names if name), default=0)

    def _draw(self, request: Request, rendition: Rendition, path: Path) -> None:
        from groovefast.midi.groove import Groove
        from groovefast.midi.plot import page_path, pages_of
        from groovefast.pictures.style import save

        grooves, titles = [rendition.groove], None
        channel, track, kit = (
            request.options[name] for name in ("channel", "track", "pitch_classes")
        )
        if request.source is not None:
            grooves.insert(0, Groove.from_midi(request.source, channel, track))
            titles = [request.source.name, path.name]
        for page in _pages_there(path.with_suffix("")):
            page.unlink()
        for number, figure in enumerate(pages_of(grooves, titles, kit), start=1):
            save(figure, page_path(path.with_suffix(".png"), number))


def _pages_there(stem: Path) -> list[Path]:
    """The pages after the first that are there of the picture of a result."""
    if not stem.parent.is_dir():
        return []
    pattern = re.compile(rf"{re.escape(stem.name)}-p\d+\.png")
    return sorted(file for file in stem.parent.iterdir() if pattern.fullmatch(file.name))


def _signed(request: Request, rendition: Rendition, number: int, model: str) -> Rendition:
    """A result that says how it was drawn, where another seed would have made another."""
    temperature, seed = request.options["temperature"], request.options["seed"]
    spread = request.spread if request.mode == "vary" else 0.0
    if request.mode != "sample" and not temperature and not spread:
        return rendition
    from groovefast.midi.tracks import MidiTracks

    facts = [
        f"groovefast {request.mode}, model {model}, seed {seed}, temperature {temperature:g}",
        *([f"spread {spread:g}"] if spread else []),
        *([f"number {number} of {request.num}"] if "num" in MODES[request.mode].uses else []),
    ]
    midi = MidiTracks.parse(rendition.midi).with_text(", ".join(facts)).to_bytes()
    return dataclasses.replace(rendition, midi=midi)


class _Audio:
    """How results become sound."""

    def __init__(self, soundfont: Path | None) -> None:
        if soundfont is not None:
            from groovefast.sound.synth import check_soundfont

            check_soundfont(soundfont)
        self._soundfont = soundfont

    def save(self, request: Request, rendition: Rendition, path: Path) -> None:
        from groovefast.sound import synth

        if self._soundfont is not None:
            synth.save_with_soundfont(rendition.midi, self._soundfont, path)
            return
        kit, part = request.options["pitch_classes"], rendition.part
        synth.save_wav(synth.render(rendition.midi, kit, part.channel, part.track), path)


def main() -> None:
    """Entry point of `groovefast-sample`."""
    console.run(command)
