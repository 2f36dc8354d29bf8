"""What follows a performance, beside what came before it."""

from __future__ import annotations

import dataclasses

import numpy as np

from groovefast.evaluation.features import bars_of, jaccard
from groovefast.evaluation.measures import ALL, Performances, distances, finite


@dataclasses.dataclass(frozen=True)
class Following:
    """How bars follow others; means over windows.

    Attributes:
        repeats: The share of bars whose hits are those of the bar before.
        bar_before: Their Jaccard likeness to it.
        heard: Their Jaccard likeness to the bars that were heard, of which all count alike.
        f1: Of their hits, against those that were really played there.
        hits_per_bar: 1-Wasserstein distance from what was really played, and so on.
        velocity: Of velocities, 0..1.
        offset: Of offsets, in 16ths.
    """

    repeats: float
    bar_before: float
    heard: float
    f1: float
    hits_per_bar: float
    velocity: float
    offset: float

    def to_json(self) -> dict[str, float | None]:
        """Returns plain values; None for what could not be measured."""
        return {name: finite(value) for name, value in dataclasses.asdict(self).items()}


def measure_following(
    heard: Performances, following: Performances, played: Performances
) -> Following:
    """Measures what follows windows.

    Args:
        heard: The windows.
        following: What comes after each.
        played: What the drummer played there.
    """
    before, after = bars_of(heard), bars_of(following)
    last = np.concatenate((before[:, -1:], after[:, :-1]), axis=1)
    far = distances(following, played)[ALL]
    both = int(np.count_nonzero(following.hits & played.hits))
    either = int(np.count_nonzero(following.hits) + np.count_nonzero(played.hits))
    return Following(
        repeats=float((after == last).all(axis=(-2, -1)).mean()),
        bar_before=float(jaccard(after, last).mean()),
        heard=float(jaccard(after[:, :, None], before[:, None]).mean()),
        f1=2 * both / max(either, 1),
        hits_per_bar=far.hits_per_bar,
        velocity=far.velocity,
        offset=far.offset,
    )
