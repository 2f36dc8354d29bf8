"""`groovefast-prior`: fits to a trained model what new grooves are drawn from."""

from __future__ import annotations

from pathlib import Path

import click

from groovefast.cli import console
from groovefast.cli.progress import Stage, display
from groovefast.config import MAX_SEED
from groovefast.errors import GrooveFastError

_SECONDS_BETWEEN_LINES = 10.0
_PARTS = 1000


@console.command("groovefast-prior")
@click.argument("model", metavar="MODEL", type=console.PathOrUrl())
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="PATTERN",
    help="Converted performances, those it was trained on, as in 'records/train-*.tfrecord'. "
    "May be given several times.",
)
@click.option(
    "--eval-data",
    "unseen",
    metavar="PATTERN",
    help="Others, that it was not trained on, as in 'records/validation-*.tfrecord': they tell how "
    "far its velocities and times can be trusted.",
)
@console.cutting("model")
@click.option(
    "--out",
    "output",
    type=console.LocalPath(),
    metavar="FOLDER",
    help="Write the model with both there.  [default: both beside the weights of MODEL]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=MAX_SEED),
    default=0,
    show_default=True,
    help="The same seed gives the same prior.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace what was fitted before, or what FOLDER holds."
)
def command(
    model: Path | str,
    data: tuple[str, ...],
    unseen: str | None,
    hop_bars: int | None,
    dedupe: bool,
    min_hits: int,
    output: Path | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Fits to the trained model MODEL what new grooves are drawn from.

    That is a prior, where in the latent space grooves lie, with directions for --attribute, and a
    touch, how a player scatters around the velocities and times that the model writes.

    MODEL is a model folder, such as RUN_DIR/model of groovefast-train, or with --out also the name
    of an included one or a checkpoint of Magenta. groovefast-train fits both by itself.
    """
    from groovefast.shards.find import find_shards

    folder = _check_output(model, output, overwrite)
    shards = find_shards(data)
    unseen_shards = find_shards(unseen) if unseen else None

    console.load_tensorflow()
    from groovefast.fitting.fit import fit_all
    from groovefast.model.checkpoints import load_model, save_fitted, save_model, saved_step
    from groovefast.windows.cutting import Cutting

    trained = load_model(model, backend="tensorflow", fitted=False)
    cutting = Cutting.of(trained.config, hop_bars, dedupe, min_hits)
    with display(_SECONDS_BETWEEN_LINES) as (show, _):
        fit_all(
            trained,
            shards,
            cutting,
            unseen_shards,
            seed=seed,
            progress=lambda share, doing: show(
                Stage(round(_PARTS * share), _PARTS, f"{share:.0%}  {doing}")
            ),
        )
    if output:
        save_model(trained, output, saved_step(model))
    else:
        save_fitted(trained, folder)
    prior = trained.prior
    assert prior
    fitted = prior.fitted_to
    click.echo(
        f"{folder}: prior and touch of {fitted.config} fitted to {fitted.windows:,} windows of "
        f"{fitted.performances:,} performances; styles: {', '.join(prior.styles) or 'none'}; "
        f"attributes: {', '.join(prior.attributes) or 'none'}"
    )


def _check_output(model: Path | str, output: Path | None, overwrite: bool) -> Path:
    """Returns the folder to write to, and raises if that may not be."""
    from groovefast.model.folder import find_model_folder, fitted_in, is_on_disk

    if output:
        console.check_no_model(output, overwrite)
        return output
    if not isinstance(model, Path):
        raise GrooveFastError(f"{model}: stays as it is; give --out FOLDER to write a copy")
    folder = find_model_folder(model)
    if folder is None and is_on_disk(model):
        raise GrooveFastError(f"{model}: no model folder; give --out FOLDER to write one")
    if folder is None:
        raise GrooveFastError(f"{model}: no such model, neither on disk nor included")
    if not is_on_disk(model):
        raise GrooveFastError(
            f"{model}: an included model, which stays as it is; give --out FOLDER to write a copy "
            "with what is fitted"
        )
    there = fitted_in(folder)
    if there and not overwrite:
        raise GrooveFastError(
            f"{there[0]}: is there already; replace it with --overwrite, or choose "
            "another folder with --out"
        )
    return folder


def main() -> None:
    """Entry point of `groovefast-prior`."""
    console.run(command)
