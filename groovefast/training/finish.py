"""What is done when a run is through: the models it leaves get what is fitted to them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from groovefast.fitting.fit import fit_all
from groovefast.model.checkpoints import load_model, save_fitted
from groovefast.model.fitted import fingerprint, is_fitted_to
from groovefast.model.folder import FITTED_FILES
from groovefast.model.groovae import GrooVAE
from groovefast.windows.cutting import Cutting

_log = logging.getLogger(__name__)


def fit_models(
    folders: Iterable[Path],
    shards: Sequence[Path],
    cutting: Cutting,
    unseen: Sequence[Path] | None,
    seed: int,
) -> None:
    """Fits what goes beside the weights of models, where it is not there yet.

    Args:
        folders: The models; those of the same weights share what is fitted to one of them.
        shards: What they were trained on.
        cutting: Which windows were cut from that.
        unseen: What they were evaluated on, if on anything.
        seed: The run's.
    """
    fitted: dict[str, GrooVAE] = {}
    for folder in folders:
        model = load_model(folder, backend="tensorflow", fitted=False)
        weights = fingerprint(model.weights)
        if all(is_fitted_to(folder / name, weights) for name in FITTED_FILES):
            continue
        if weights not in fitted:
            _log.info("fitting prior and touch of %s/", folder.name)
            fit_all(model, shards, cutting, unseen, seed=seed)
            fitted[weights] = model
        save_fitted(fitted[weights], folder)
