"""`groovefast-import` and `groovefast-export`: models of other forms in, and out again."""

from __future__ import annotations

from pathlib import Path

import click

from groovefast.cli import console
from groovefast.errors import GrooveFastError

_OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace what OUT_DIR holds already.")


@console.command("groovefast-import")
@click.argument("checkpoint", metavar="CKPT", type=console.model_path)
@click.argument("output", metavar="OUT_DIR", type=console.LocalPath())
@click.option(
    "--config",
    metavar="NAME",
    help="What it was trained as, such as groovae_2bar_humanize; taken from its name, or else its "
    "variables, if not given.",
)
@_OVERWRITE
def import_checkpoint(checkpoint: Path, output: Path, config: str | None, overwrite: bool) -> None:
    """Makes a model folder OUT_DIR of Magenta's checkpoint CKPT.

    CKPT is a prefix (…/model.ckpt-3668), a folder or a .tar. Layers and sizes are read from it.
    """
    console.check_no_model(output, overwrite)
    console.load_tensorflow()
    from groovefast.model.checkpoints import load_model, save_model, saved_step

    model = load_model(checkpoint, config)
    step = saved_step(checkpoint)
    save_model(model, output, step)
    hparams = model.config.hparams
    click.echo(
        f"{output}: {model.config.name} after {step:,} steps, z {hparams.z_size}, "
        f"encoder {list(hparams.enc_rnn_size)}, decoder {list(hparams.dec_rnn_size)}"
    )


@console.command("groovefast-export")
@click.argument("model", metavar="MODEL", type=console.model_path)
@click.argument("output", metavar="OUT_DIR", type=console.LocalPath())
@click.option(
    "--format",
    "form",
    type=console.Choice(["tf1", "onnx", "saved-model"]),
    default="tf1",
    show_default=True,
    help="tf1: a TensorFlow 1 checkpoint with Magenta's variable names; onnx: encoder and decoder, "
    "the latter also step by step, for onnxruntime; saved-model: both in OUT_DIR/1, the first "
    "version of a model for TensorFlow Serving.",
)
@_OVERWRITE
def export_checkpoint(model: Path, output: Path, form: str, overwrite: bool) -> None:
    """Writes the model folder MODEL in another form into OUT_DIR."""
    export = {"tf1": _export_tf1, "onnx": _export_onnx, "saved-model": _export_saved_model}[form]
    export(model, output, overwrite)


def _export_tf1(model: Path, output: Path, overwrite: bool) -> None:
    from groovefast.model.folder import checkpoint_prefix

    step = _step_of(model)
    prefix = checkpoint_prefix(output, step)
    # Of several checkpoints in a folder, the file `checkpoint` says which one counts.
    pointer = output / "checkpoint"
    there = prefix if any(output.glob(f"{prefix.name}.*")) else pointer
    if there is prefix or pointer.exists():
        _check_replaceable(there, overwrite)
    console.load_tensorflow()
    from groovefast.model.checkpoints import load_model
    from groovefast.model.magenta import export_tf1

    export_tf1(load_model(model), output, step)
    click.echo(f"{prefix}: readable by TensorFlow 1")


def _export_onnx(model: Path, output: Path, overwrite: bool) -> None:
    from groovefast.model.folder import ONNX_FILES, find_model_folder

    for name in ONNX_FILES:
        if (output / name).exists():
            _check_replaceable(output / name, overwrite)
    if not find_model_folder(model):  # a checkpoint of Magenta's
        console.load_tensorflow()
    from groovefast.model.checkpoints import load_model
    from groovefast.model.onnx_files import export_onnx

    for path in export_onnx(load_model(model), output):
        click.echo(path)


def _export_saved_model(model: Path, output: Path, overwrite: bool) -> None:
    from groovefast.model.folder import SAVED_MODEL_VERSION, later_versions

    for later in later_versions(output):
        raise GrooveFastError(f"{later}: would be served instead; choose another folder")
    version = output / SAVED_MODEL_VERSION
    if version.exists():
        _check_replaceable(version, overwrite)
    console.load_tensorflow()
    from groovefast.model.checkpoints import load_model
    from groovefast.model.saved_model import export_saved_model

    export_saved_model(load_model(model), output)
    click.echo(f"{version}: for TensorFlow Serving, whose model_base_path is {output}")


def _check_replaceable(there: Path, overwrite: bool) -> None:
    """Raises for what is there already, unless it is to be replaced."""
    if not overwrite:
        raise GrooveFastError(
            f"{there}: is there already; choose another folder, or replace it with --overwrite"
        )


def _step_of(model: Path) -> int:
    """The training steps behind a model; only those of a checkpoint need TensorFlow."""
    from groovefast.model.folder import find_model_folder, read_description

    if folder := find_model_folder(model):
        return read_description(folder).step
    console.load_tensorflow()
    from groovefast.model.checkpoints import saved_step

    return saved_step(model)


def import_main() -> None:
    """Entry point of `groovefast-import`."""
    console.run(import_checkpoint)


def export_main() -> None:
    """Entry point of `groovefast-export`."""
    console.run(export_checkpoint)
