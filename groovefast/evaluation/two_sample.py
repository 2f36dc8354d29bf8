"""Can samples be told from played windows? Classifier two-sample tests.

From Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests" (ICLR 2017): if two sets are drawn
from one distribution, no classifier tells held-out members of one from the other's more often than
by chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 4
BOOSTER = {
    "max_iter": 80,
    "learning_rate": 0.15,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}
"""Settings of scikit-learn's `HistGradientBoostingClassifier`."""


def two_sample_accuracy(
    samples: NDArray[np.float32],
    played: NDArray[np.float32],
    played_groups: NDArray[Any],
    sample_groups: NDArray[Any] | None = None,
    seed: int = 0,
) -> float:
    """Returns how often boosted trees tell held-out samples from played windows.

    Balanced accuracy, of four folds: the mean of the shares of samples and of played windows that
    are told right. 0.5 is by chance. Of the larger set as many are taken, at random, as the
    smaller has: the accuracy grows with their number.

    Args:
        samples: Features, (m, features), NaN where there is none.
        played: The same of windows that were played, (n, features).
        played_groups: The performance of each, (n,): all its windows are in one fold, or the
            classifier would know them again.
        sample_groups: The same of samples that come in groups, (m,).
        seed: Of what is taken, and of the folds.

    Returns:
        NaN of fewer than four windows, or of windows of fewer than four performances.
    """
    rng = np.random.default_rng(seed)
    size = min(len(samples), len(played))
    if sample_groups is None:
        sample_groups = np.arange(len(samples))
    of_samples, of_played = (
        np.sort(rng.permutation(len(each))[:size]) for each in (samples, played)
    )
    folds = [
        _folds(groups[chosen], rng)
        for groups, chosen in ((sample_groups, of_samples), (played_groups, of_played))
    ]
    if not all(len(np.unique(each)) == FOLDS for each in folds):
        return float("nan")
    features = np.concatenate([samples[of_samples], played[of_played]])
    truth = np.repeat([1, 0], size)
    predicted = out_of_fold(features, truth, np.concatenate(folds))
    return balanced_accuracy(truth, predicted)


def out_of_fold(
    features: NDArray[np.float32], labels: NDArray[Any], folds: NDArray[np.intp]
) -> NDArray[Any]:
    """Returns what boosted trees take each row for that learned from the other folds, (n,)."""
    predicted = np.empty_like(labels)
    for fold in np.unique(folds):
        held_out = folds == fold
        trees = fit(features[~held_out], labels[~held_out])
        predicted[held_out] = trees.predict(features[held_out])
    return predicted


def fit(features: NDArray[np.float32], labels: NDArray[Any]) -> Any:
    """Returns boosted trees that have learned to tell the labels."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**BOOSTER).fit(features, labels)


def balanced_accuracy(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Returns the mean over the labels of the share of their rows that is told right."""
    right = [np.mean(predicted[truth == label] == label) for label in np.unique(truth)]
    return float(np.mean(right))


def _folds(groups: NDArray[Any], rng: np.random.Generator) -> NDArray[np.intp]:
    """Puts whole groups into folds of about one size, (n,): the largest first, where there is room.

    Groups of one size come in a random order.
    """
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = rng.permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold_of, filled = np.empty(len(sizes), np.intp), np.zeros(FOLDS, np.intp)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[numbers]
