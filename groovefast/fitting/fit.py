"""All that is fitted to a trained model, in one call."""

from __future__ import annotations

from groovefast.fitting.prior import Report, fit_prior, silent
from groovefast.fitting.touch import fit_touch
from groovefast.model.groovae import GrooVAE
from groovefast.shards.find import DataPattern
from groovefast.windows.cutting import Cutting

_OF_PRIOR = 0.6
"""The share of the work that is the prior."""


def fit_all(
    model: GrooVAE,
    data: DataPattern,
    cutting: Cutting,
    unseen: DataPattern | None = None,
    *,
    seed: int = 0,
    progress: Report | None = None,
) -> None:
    """Fits to a model what is kept beside its weights, and gives it to the model.

    Args:
        model: A trained model; its weights stay as they are.
        data: What it was trained on, see `shards.find.find_shards`.
        cutting: Which windows were cut from that.
        unseen: What it was not trained on, if there is any; see `fit_touch`.
        seed: The same seed gives the same on the same machine.
        progress: Told how far it is.

    Raises:
        GrooveFastError: Data that cannot be used.
    """
    report = progress or silent
    model.prior = fit_prior(
        model,
        data,
        hop_bars=cutting.hop_bars,
        dedupe=cutting.dedupe,
        min_hits=cutting.min_hits,
        seed=seed,
        progress=lambda share, doing: report(_OF_PRIOR * share, doing),
    )
    report(_OF_PRIOR, "measuring touch")
    model.touch = fit_touch(model, data, unseen, hop_bars=cutting.hop_bars, seed=seed)
    report(1.0, "fitted")
