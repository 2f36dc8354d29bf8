"""What a model in another form says of itself, for those who have only that."""

from __future__ import annotations

import groovefast
from groovefast.config import Config
from groovefast.drums import DRUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.windows.rows import RowLayout


def about_rows(config: Config) -> dict[str, str]:
    """Returns what whoever gives and takes rows of a model has to know, by name."""
    layout, steps = RowLayout.of(config.converter), config.converter.window_steps
    hits, velocities, offsets = layout.widths
    told = {
        "config": config.name,
        "groovefast_version": groovefast.__version__,
        "row": f"{hits} of hits (0, 1), {velocities} of velocities (0..1), {offsets} of offsets "
        "(-1..1 in half steps, positive is early)",
        "velocity_bins": str(layout.velocity_bins),
        "offset_bins": str(layout.offset_bins),
        "drums": ", ".join(DRUM_CLASSES),
        "rows_per_step": str(layout.rows_per_step),
        "steps_per_quarter": str(config.converter.steps_per_quarter),
    }
    if steps is not None:
        told["window_rows"] = str(steps * layout.rows_per_step)
    return told


def check_exportable(config: Config, form: str, bar_by_bar: bool = True) -> None:
    """Raises unless models of a config have such a form, as in "ONNX files".

    Args:
        config: That of the model.
        form: As messages name it.
        bar_by_bar: Whether models have it that read or write bar by bar.

    Raises:
        GrooveFastError: Those without z or of tokens have none.
    """
    hparams = config.hparams
    problem = None
    if not hparams.z_size:
        problem = "has no z"
    elif config.tokens:
        problem = "is of tokens"
    elif not bar_by_bar and hparams.goes_by_bars:
        problem = "goes bar by bar"
    if problem:
        raise GrooveFastError(
            f"a model of {config.name} {problem}: {form} are of models of performances with z"
            f"{'' if bar_by_bar else ', written in one go'}"
        )
