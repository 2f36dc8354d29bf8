"""How like played windows grooves are, by several measures, none of which says all.

What each means, and its source, is in docs/measures.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groovefast.evaluation.copying import Copying
from groovefast.evaluation.features import likeness_of_bars, matrix, structure, touch
from groovefast.evaluation.form import Form, measure_form
from groovefast.evaluation.measures import ALL, Distances, Performances, distances, finite
from groovefast.evaluation.two_sample import two_sample_accuracy
from groovefast.evaluation.yang_lerch import Overlap, overlap
from groovefast.windows.nearest import nearest

NAN = float("nan")


@dataclasses.dataclass(frozen=True)
class Likeness:
    """The measures of one set of grooves. NaN is what was not, or could not be, measured.

    Attributes:
        hits_accuracy: How often boosted trees tell held-out grooves from played windows by hits
            and structure, balanced: 0.5 is by chance.
        accuracy: The same by velocities and offsets too.
        bar_likeness: Mean Jaccard likeness of pairs of bars of a window.
        overlap: Area and divergence of Yang & Lerch, means over features.
        distances: 1-Wasserstein distances by drum class and under `ALL`.
        copying: How near the hits are to those of training windows.
        form: What comes back after some bars, and where phrases end, of windows long enough.
    """

    hits_accuracy: float = NAN
    accuracy: float = NAN
    bar_likeness: float = NAN
    overlap: Overlap = dataclasses.field(default_factory=Overlap)
    distances: Mapping[str, Distances] = dataclasses.field(
        default_factory=lambda: {ALL: Distances(NAN, NAN, NAN)}
    )
    copying: Copying = dataclasses.field(default_factory=Copying)
    form: Form = dataclasses.field(default_factory=Form)

    def to_json(self) -> dict[str, Any]:
        """Returns all numbers as plain values; None for what was not measured."""
        return {
            "hits_accuracy": finite(self.hits_accuracy),
            "accuracy": finite(self.accuracy),
            "bar_likeness": finite(self.bar_likeness),
            "overlap": _numbers(self.overlap),
            "distances": {name: of.to_json() for name, of in self.distances.items()},
            "copying": _numbers(self.copying),
        }


class Yardstick:
    """Played windows, and those a model was trained on, that grooves are held against."""

    def __init__(
        self, played: Performances, train: Performances | None = None, seed: int = 0
    ) -> None:
        """Takes the windows.

        Args:
            played: What grooves are to be like; with the performance of each window.
            train: What they may be copied from; without it copying is not measured.
            seed: Of what is drawn where there are more windows than are looked at.
        """
        self._played, self._train, self._seed = played, train, seed
        self._structure, self._features = _matrices(played)

    def measure(self, grooves: Performances, of_training: bool = False) -> Likeness:
        """Measures grooves; NaN where there are too few for a measure.

        Args:
            grooves: Windows of the length of those played, of other performances.
            of_training: Whether they are of performances of the training split, by whose number
                they are grouped: none counts as a copy of its own performance.
        """
        hits, features = _matrices(grooves)
        return Likeness(
            self._accuracy(hits, self._structure, grooves),
            self._accuracy(features, self._features, grooves),
            _bar_likeness(grooves),
            overlap(grooves, self._played, self._seed),
            distances(grooves, self._played),
            self._copying(grooves, of_training),
            measure_form(grooves),
        )

    def measure_played(self) -> Likeness:
        """Measures what can be of the played windows by themselves."""
        copying = self._copying(self._played, of_training=False)
        form = measure_form(self._played)
        return Likeness(bar_likeness=_bar_likeness(self._played), copying=copying, form=form)

    def _accuracy(self, features: Any, played_features: Any, grooves: Performances) -> float:
        groups = self._played.groups
        return two_sample_accuracy(features, played_features, groups, grooves.groups, self._seed)

    def _copying(self, grooves: Performances, of_training: bool) -> Copying:
        if self._train is None:
            return Copying()
        groups = (grooves.groups, self._train.groups) if of_training else (None, None)
        return Copying.of(nearest(grooves.hits, self._train.hits, *groups))


def _matrices(grooves: Performances) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is known of the hits, and that with what is known of velocities and offsets."""
    hits = structure(grooves)
    return matrix(hits), matrix(hits | touch(grooves))


def _bar_likeness(grooves: Performances) -> float:
    likeness = likeness_of_bars(grooves)
    return float(likeness.mean()) if likeness.size else NAN


def _numbers(values: Any) -> dict[str, float | None]:
    return {name: finite(value) for name, value in dataclasses.asdict(values).items()}
