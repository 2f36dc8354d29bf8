"""`groovefast-prior`: fits to a trained model where new grooves are to be drawn."""

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
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="PATTERN",
    help="Converted performances, best those it was trained on, as in 'records/train-*.tfrecord'. "
    "May be given several times.",
)
@console.cutting("model")
@click.option(
    "--out",
    "output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write the model with its prior there.  [default: the prior beside the weights of MODEL]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=MAX_SEED),
    default=0,
    show_default=True,
    help="The same seed gives the same prior.",
)
@click.option("--overwrite", is_flag=True, help="Replace a prior, or what FOLDER holds already.")
def command(
    model: Path,
    data: tuple[str, ...],
    hop_bars: int | None,
    dedupe: bool,
    min_hits: int,
    output: Path | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Fits a prior to the trained model MODEL: where groovefast-sample draws new grooves.

    MODEL is a model folder, such as RUN_DIR/model of groovefast-train, or with --out also the name
    of an included one or a checkpoint of Magenta. groovefast-train fits one by itself.
    """
    from groovefast.shards.find import find_shards

    folder = _check_output(model, output, overwrite)
    shards = find_shards(data)

    console.load_tensorflow()
    from groovefast.fitting.prior import fit_prior
    from groovefast.model.checkpoints import load_model, save_fitted, save_model, saved_step

    trained = load_model(model, fitted=False)
    with display(_SECONDS_BETWEEN_LINES) as (show, _):
        prior = fit_prior(
            trained,
            shards,
            hop_bars=hop_bars,
            dedupe=dedupe,
            min_hits=min_hits,
            seed=seed,
            progress=lambda share, doing: show(
                Stage(round(_PARTS * share), _PARTS, f"{share:.0%}  {doing}")
            ),
        )
    trained.prior = prior
    if output:
        save_model(trained, output, saved_step(model))
    else:
        save_fitted(trained, folder)
    fitted = prior.fitted_to
    click.echo(
        f"{folder}: prior of {fitted.config} fitted to {fitted.windows:,} windows of "
        f"{fitted.performances:,} performances; styles: {', '.join(prior.styles) or 'none'}; "
        f"attributes: {', '.join(prior.attributes) or 'none'}"
    )


def _check_output(model: Path, output: Path | None, overwrite: bool) -> Path:
    """Returns the folder to write to, and raises if that may not be."""
    from groovefast.model.folder import PRIOR_FILE, find_model_folder, is_on_disk, model_in

    if output:
        if not overwrite and (file := model_in(output)):
            raise GrooveFastError(
                f"{output}: holds a model ({file}); choose another folder, or replace it with "
                "--overwrite"
            )
        return output
    folder = find_model_folder(model)
    if folder is None and is_on_disk(model):
        raise GrooveFastError(f"{model}: no model folder; give --out FOLDER to write one")
    if folder is None:
        raise GrooveFastError(f"{model}: no such model, neither on disk nor included")
    if not is_on_disk(model):
        raise GrooveFastError(
            f"{model}: an included model, which stays as it is; give --out FOLDER to write a copy "
            "with the prior"
        )
    if not overwrite and (folder / PRIOR_FILE).exists():
        raise GrooveFastError(
            f"{folder / PRIOR_FILE}: is there already; replace it with --overwrite, or choose "
            "another folder with --out"
        )
    return folder


def main() -> None:
    """Entry point of `groovefast-prior`."""
    console.run(command)
