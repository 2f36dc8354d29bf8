"""`groovefast-sample`: a trained model writes new grooves as MIDI."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groovefast.cli import console
from groovefast.errors import GrooveFastError

if TYPE_CHECKING:
    from groovefast.config import ConverterConfig
    from groovefast.converter import GrooveTensors
    from groovefast.groove import Groove
    from groovefast.model import GrooVAE

DEFAULT_QPM = 120.0


@dataclasses.dataclass(frozen=True)
class Request:
    """What a mode is asked for.

    Attributes:
        inputs: The windows of each `--input` file, one or more.
        num: How many grooves; None means as many as the inputs give.
        temperature: How boldly to draw, 0 to take the likeliest.
        seed: What all randomness comes from.
    """

    inputs: Sequence[GrooveTensors]
    num: int | None
    temperature: float
    seed: int


Played = tuple[Any, Sequence[float]]
"""Windows, (n, steps, depth), and the tempo of each; no tempos where no input sets them."""


@dataclasses.dataclass(frozen=True)
class Mode:
    """One way to make grooves.

    Attributes:
        play: Makes them.
        num_inputs: How many `--input` files it works on.
        num: `--num` unless given.
        least: The smallest `--num` that makes sense.
        temperature: `--temperature` unless given.
    """

    play: Callable[[GrooVAE, Request], Played]
    num_inputs: int
    num: int | None = 8
    least: int = 1
    temperature: float = 0.0


def _sample(model: GrooVAE, request: Request) -> Played:
    """New windows from z ~ N(0, 1); over the first hits of the input where the model wants hits."""
    num = request.num or 0
    controls = request.inputs[0].controls[0] if request.inputs else None
    windows = model.sample(num, request.temperature, request.seed, controls)
    return windows, [tensors.qpms[0] for tensors in request.inputs] * num


def _interpolate(model: GrooVAE, request: Request) -> Played:
    """From the first window of one input to that of the other; also from tempo to tempo."""
    num = request.num or 0
    a, b = (model.encode(x.inputs[:1], x.controls[:1])[0][0] for x in request.inputs)
    controls = request.inputs[0].controls[0]
    windows = model.interpolate(a, b, num, controls, request.temperature, request.seed)
    start, end = (float(tensors.qpms[0]) for tensors in request.inputs)
    return windows, [start + (end - start) * step / (num - 1) for step in range(num)]


def _reconstruct(model: GrooVAE, request: Request) -> Played:
    """The input's windows, each as the model writes it back from its `mu`."""
    tensors, chosen = request.inputs[0], slice(request.num)
    controls = tensors.controls[chosen]
    mu, _ = model.encode(tensors.inputs[chosen], controls)
    windows = model.decode(mu, controls, request.temperature, request.seed)
    return windows, tensors.qpms[chosen].tolist()


MODES: Mapping[str, Mode] = {
    "sample": Mode(_sample, num_inputs=0, temperature=0.5),
    "interpolate": Mode(_interpolate, num_inputs=2, least=2),
    "reconstruct": Mode(_reconstruct, num_inputs=1, num=None),
}


@console.command("groovefast-sample")
@click.option(
    "--model",
    "model_path",
    required=True,
    type=Path,
    metavar="DIR",
    help="What groovefast-train left in RUN_DIR/model, or a checkpoint of Magenta.",
)
@click.option(
    "--config", help="What a checkpoint of Magenta was trained as, if its name does not tell."
)
@click.option(
    "--output-dir", required=True, type=Path, metavar="DIR", help="Where the MIDI files go."
)
@click.option(
    "--mode",
    type=console.Choice(list(MODES)),
    default="sample",
    show_default=True,
    help="sample: new grooves. interpolate: from one input to another. "
    "reconstruct: the windows of one input as the model writes them back.",
)
@click.option(
    "--input",
    "input_paths",
    multiple=True,
    type=Path,
    metavar="FILE.mid",
    help="Performance to start from: twice for interpolate, once for reconstruct, and once for "
    "sample if the model has to be given the hits.",
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
    "--num",
    type=click.IntRange(min=1),
    help="How many grooves.  [default: 8; reconstruct: every window]",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    help="How boldly hits are drawn; 0 takes the likeliest.  [default: 0.5 for sample, else 0]",
)
@click.option(
    "--qpm",
    type=click.FloatRange(min=4, max=1000),
    help=f"Tempo in quarters a minute.  [default: the input's, or {DEFAULT_QPM:g}]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**31 - 1),
    help="The same seed writes the same files.  [default: a new one, which is printed]",
)
@click.option("--plot", is_flag=True, help="Also write a picture of each groove.")
def command(
    model_path: Path,
    config: str | None,
    output_dir: Path,
    mode: str,
    input_paths: tuple[Path, ...],
    pitch_classes: str,
    num: int | None,
    temperature: float | None,
    qpm: float | None,
    seed: int | None,
    plot: bool,
) -> None:
    """Writes new grooves as MIDI files: a trained model plays."""
    row = MODES[mode]
    _check_paths(model_path, input_paths)
    _check_numbers(mode, num, len(input_paths))
    output_dir.mkdir(parents=True, exist_ok=True)
    seed = secrets.randbelow(2**31) if seed is None else seed

    console.load_tensorflow()  # only now: it takes seconds
    from groovefast.checkpoints import load_model

    model = load_model(model_path, config)
    converter = model.config.converter
    _check_controls(mode, converter, len(input_paths))
    windows, qpms = row.play(
        model,
        Request(
            inputs=[_read_windows(path, converter, pitch_classes) for path in input_paths],
            num=row.num if num is None else num,
            temperature=row.temperature if temperature is None else temperature,
            seed=seed,
        ),
    )
    grooves = _to_grooves(windows, [qpm] * len(windows) if qpm else qpms, converter)
    _save(grooves, output_dir, mode, plot)
    click.echo(f"{len(grooves)} grooves in {output_dir} (seed {seed})")


def _check_paths(model: Path, inputs: Iterable[Path]) -> None:
    """Finds missing and unreadable files before TensorFlow takes its time to start."""
    if not (model.exists() or model.with_name(f"{model.name}.index").exists()):
        raise GrooveFastError(
            f"--model {model}: no such model; groovefast-train leaves one in RUN_DIR/model"
        )
    from groovefast.score import read_midi

    for path in inputs:
        read_midi(path)


def _check_numbers(mode: str, num: int | None, given: int) -> None:
    row = MODES[mode]
    if not row.num_inputs <= given <= max(row.num_inputs, 1):
        raise GrooveFastError(
            f"--input: {given} given, but --mode {mode} works on {row.num_inputs or 'none'}"
        )
    if num is not None and num < row.least:
        raise GrooveFastError(f"--num: {num} is too few; --mode {mode} makes at least {row.least}")


def _check_controls(mode: str, config: ConverterConfig, given: int) -> None:
    """`--mode sample` takes an input exactly when the model has to be given hits."""
    if mode != "sample" or given == int(config.hits_as_controls):
        return
    raise GrooveFastError(
        "--input: this model plays given hits; name a MIDI file that has them"
        if config.hits_as_controls
        else "--input: this model makes up its own hits; leave it out or take --mode reconstruct"
    )


def _read_windows(path: Path, config: ConverterConfig, pitch_classes: str) -> GrooveTensors:
    """The windows of a file, one after the other, as the model hears them."""
    from groovefast.converter import GrooveConverter

    converter = GrooveConverter.from_config(
        config,
        hop_bars=config.split_bars,
        pitch_classes=pitch_classes,
        max_note_dropout_probability=0.0,
    )
    tensors = converter.to_tensors(path)
    if not len(tensors):
        raise GrooveFastError(
            f"--input {path}: has no {config.split_bars} whole bars of drums in 4/4, which is what "
            "this model works on; give a longer drum performance"
        )
    return tensors


def _to_grooves(windows: Any, qpms: Sequence[float], config: ConverterConfig) -> list[Groove]:
    from groovefast.converter import GrooveConverter

    converter = GrooveConverter.from_config(config)
    qpms = qpms or [DEFAULT_QPM] * len(windows)
    return [
        groove
        for window, qpm in zip(windows, qpms, strict=True)
        for groove in converter.from_tensors(window, qpm)
    ]


def _save(grooves: Sequence[Groove], folder: Path, name: str, plot: bool) -> None:
    """Writes the grooves as NAME-001.mid, NAME-002.mid, …, and pictures beside them."""
    digits = max(3, len(str(len(grooves))))
    for number, groove in enumerate(grooves, start=1):
        path = folder / f"{name}-{number:0{digits}}.mid"
        groove.save(path)
        if plot:
            from groovefast.plots import plot_grooves

            plot_grooves([groove], path.with_suffix(".png"))


def main() -> None:
    """Entry point of `groovefast-sample`."""
    console.run(command)
