"""How near predicted drumming is to what was played: the measures of quality, in plain numpy.

Every measure is a function of sums over hits, and every such sum is kept by window. So the
bootstrap over windows is one matrix product: counts of each window in each resample, times sums.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.errors import GrooveFastError

ALL = "all"
"""The name under which all drum classes are measured together."""

ALL_CLASSES = tuple(range(NUM_CLASSES))

_LEAST_HITS = 10
"""A Gaussian fitted to fewer hits says nothing."""
_LEAST_VARIANCE = 1e-6
"""A deviation of less, 0.001 of a sixteenth or of full velocity, is below what MIDI can tell."""

_Array: TypeAlias = NDArray[np.float64]
_Sums: TypeAlias = dict[str, _Array]


@dataclasses.dataclass(frozen=True)
class Performances:
    """Windows of drumming on the grid, all of one length.

    Attributes:
        hits: bool (n, steps, 9).
        velocities: float (n, steps, 9), 0..1; NaN where a prediction has none.
        offsets: float (n, steps, 9), -1..1 half steps, positive is early.
        qpms: float (n,), the tempo of each window in quarters a minute.
        steps_per_quarter: Steps in a beat.
        quarters_per_bar: Beats in a bar.
        performances: int (n,), the number of the performance each window is of; None where each is
            by itself.
        styles: str (n,), the style each is played in, empty for none; None where none is known.
    """

    hits: NDArray[np.bool_]
    velocities: NDArray[np.float32]
    offsets: NDArray[np.float32]
    qpms: _Array
    steps_per_quarter: int = 4
    quarters_per_bar: int = 4
    performances: NDArray[np.int64] | None = None
    styles: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        bar = self.steps_per_bar
        if self.hits.ndim != 3 or self.hits.shape[1] % bar or self.hits.shape[2] != NUM_CLASSES:
            raise GrooveFastError(
                f"hits: (windows, whole bars of {bar} steps, {NUM_CLASSES} classes) wanted, "
                f"not {self.hits.shape}"
            )
        for name in ("velocities", "offsets"):
            if getattr(self, name).shape != self.hits.shape:
                raise GrooveFastError(
                    f"{name}: the shape of hits wanted, {self.hits.shape}, "
                    f"not {getattr(self, name).shape}"
                )
        if self.qpms.shape != self.hits.shape[:1]:
            raise GrooveFastError(
                f"qpms: one tempo a window wanted, ({len(self.hits)},), not {self.qpms.shape}"
            )
        for name in ("performances", "styles"):
            if (given := getattr(self, name)) is not None and given.shape != self.qpms.shape:
                raise GrooveFastError(
                    f"{name}: one a window wanted, ({len(self.hits)},), not {given.shape}"
                )

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def steps_per_bar(self) -> int:
        """Steps in a bar."""
        return self.steps_per_quarter * self.quarters_per_bar

    @property
    def bars(self) -> int:
        """Bars in a window."""
        return int(self.hits.shape[1]) // self.steps_per_bar

    @property
    def steps_of_bar(self) -> NDArray[np.intp]:
        """The place in its bar of each step, (steps,)."""
        return np.arange(self.hits.shape[1]) % self.steps_per_bar

    @property
    def sixteenths(self) -> NDArray[np.float32]:
        """`offsets` in sixteenths: an offset of 1 is half a step."""
        sixteenths: NDArray[np.float32] = self.offsets * np.float32(2 / self.steps_per_quarter)
        return sixteenths

    @property
    def sixteenth_ms(self) -> _Array:
        """How long a sixteenth lasts in each window, (n,)."""
        return 15_000.0 / self.qpms

    @property
    def groups(self) -> NDArray[np.int64]:
        """The number of the performance of each window, (n,)."""
        return np.arange(len(self)) if self.performances is None else self.performances

    def take(self, chosen: NDArray[Any]) -> Performances:
        """Returns some of these windows, by their numbers or a mask."""
        arrays = ("hits", "velocities", "offsets", "qpms", "performances", "styles")
        given = {name: getattr(self, name) for name in arrays}
        return self.replace(**{k: v[chosen] for k, v in given.items() if v is not None})

    def replace(self, **changes: Any) -> Performances:
        """Returns these windows with some of the arrays replaced."""
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A measured value and its 95 % bootstrap interval over windows."""

    value: float
    low: float = float("nan")
    high: float = float("nan")

    def to_json(self) -> dict[str, float | None]:
        """Returns a dict of the three; None for what is not a finite number."""
        return {name: finite(number) for name, number in dataclasses.asdict(self).items()}


_UNKNOWN = Estimate(float("nan"))


@dataclasses.dataclass(frozen=True)
class Scores:
    """The measures of one prediction, for one drum class or for all.

    A measure with nothing to be taken from (no hit of that class, say) is NaN. KLs leave out
    positions of fewer than ten hits, and are infinite where the prediction does not vary at all.

    Attributes:
        timing_mae_ms: Mean |predicted - true onset| over the matched hits, in milliseconds.
        timing_mse: Squared error in sixteenths, mean of each window, then over windows.
        timing_kl: KL(predicted || true) of Gaussians fitted to the offsets in sixteenths, by
            position of the step within the beat; mean over positions.
        velocity_mae: Mean |predicted - true velocity| over the matched hits, 0..1.
        velocity_kl: As `timing_kl`, of the velocities.
        precision: Of the predicted hits, the share that was played.
        recall: Of the played hits, the share that was predicted.
        f1: Harmonic mean of the two.
        hits_per_bar: Predicted hits in a bar.
        true_hits_per_bar: Played hits in a bar.
    """

    timing_mae_ms: Estimate = _UNKNOWN
    timing_mse: Estimate = _UNKNOWN
    timing_kl: Estimate = _UNKNOWN
    velocity_mae: Estimate = _UNKNOWN
    velocity_kl: Estimate = _UNKNOWN
    precision: Estimate = _UNKNOWN
    recall: Estimate = _UNKNOWN
    f1: Estimate = _UNKNOWN
    hits_per_bar: Estimate = _UNKNOWN
    true_hits_per_bar: Estimate = _UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """Returns {measure: {value, low, high}}."""
        return {field.name: getattr(self, field.name).to_json() for field in _SCORE_FIELDS}


_SCORE_FIELDS = dataclasses.fields(Scores)


def measure(
    truth: Performances,
    predicted: Performances,
    classes: Sequence[int] = ALL_CLASSES,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Scores]:
    """Measures a prediction against what was played.

    Timing and velocity errors are taken over the matched hits: those both played and predicted.
    Where the hits were given, pass the prediction with the hits of the truth, and all match.

    Args:
        truth: What was played.
        predicted: As many windows of the same length; its tempo is not looked at.
        classes: The drum classes to measure.
        resamples: Bootstrap resamples for the intervals; 0 for none (bounds are NaN).
        seed: Of the resamples. One seed draws the same windows for every prediction.

    Returns:
        The scores under `ALL` and the name of each of the classes.

    Raises:
        GrooveFastError: The shapes differ, or there are no windows.
    """
    if truth.hits.shape != predicted.hits.shape or not len(truth):
        raise GrooveFastError(
            f"measure: one predicted window for each true one wanted, {truth.hits.shape}, "
            f"not {predicted.hits.shape}"
        )
    sums = _sums_by_window(truth, predicted, list(classes))
    values = _scores(_weighted(sums, np.ones((1, len(truth)))))
    drawn = [_scores(_weighted(sums, counts)) for counts in _draw(len(truth), resamples, seed)]
    estimates = {
        name: _estimates(value[0], [scores[name] for scores in drawn])
        for name, value in values.items()
    }
    names = [ALL, *(DRUM_CLASSES[drum] for drum in classes)]
    return {
        name: Scores(**{field: column[place] for field, column in estimates.items()})
        for place, name in enumerate(names)
    }


@dataclasses.dataclass(frozen=True)
class Distances:
    """How far two sets of grooves are apart: 1-Wasserstein distances of their distributions.

    Attributes:
        hits_per_bar: Of the number of hits in each bar, in hits.
        velocity: Of the velocities of all hits, 0..1.
        offset: Of the offsets of all hits, in sixteenths.
    """

    hits_per_bar: float
    velocity: float
    offset: float

    def to_json(self) -> dict[str, float | None]:
        """Returns a dict of the three; None for what is not a finite number."""
        return {name: finite(number) for name, number in dataclasses.asdict(self).items()}


def distances(samples: Performances, data: Performances) -> dict[str, Distances]:
    """Returns how far `samples` are from `data`, under `ALL` and the name of each class."""
    chosen = {ALL: list(ALL_CLASSES), **{name: [i] for i, name in enumerate(DRUM_CLASSES)}}
    return {name: _distances(samples, data, classes) for name, classes in chosen.items()}


def wasserstein(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Returns the 1-Wasserstein distance of two samples of numbers; NaN if one is empty.

    It is the area between their distribution functions.
    """
    if not len(a) or not len(b):
        return float("nan")
    a, b = np.sort(np.asarray(a, np.float64)), np.sort(np.asarray(b, np.float64))
    places = np.sort(np.concatenate([a, b]))
    below_a = np.searchsorted(a, places[:-1], side="right") / len(a)
    below_b = np.searchsorted(b, places[:-1], side="right") / len(b)
    return float(np.sum(np.abs(below_a - below_b) * np.diff(places)))


def _distances(samples: Performances, data: Performances, classes: list[int]) -> Distances:
    def hits_per_bar(grooves: Performances) -> NDArray[Any]:
        bars = grooves.hits.reshape(-1, grooves.steps_per_bar, NUM_CLASSES)
        counts: NDArray[np.intp] = bars[..., classes].sum(axis=(1, 2))
        return counts

    def at_hits(grooves: Performances, values: NDArray[Any]) -> NDArray[Any]:
        return values[..., classes][grooves.hits[..., classes]]

    return Distances(
        wasserstein(hits_per_bar(samples), hits_per_bar(data)),
        wasserstein(at_hits(samples, samples.velocities), at_hits(data, data.velocities)),
        wasserstein(at_hits(samples, samples.sixteenths), at_hits(data, data.sixteenths)),
    )


def _sums_by_window(truth: Performances, predicted: Performances, classes: list[int]) -> _Sums:
    """Sums over the hits of each window; axis 1 is [all, *classes]."""
    matched = (truth.hits & predicted.hits)[..., classes]
    late = (truth.sixteenths - predicted.sixteenths)[..., classes]
    louder = (predicted.velocities - truth.velocities)[..., classes]

    def total(cells: NDArray[Any]) -> _Array:
        return _with_all(np.where(matched, cells, 0).sum(axis=1, dtype=np.float64))

    matches = _with_all(matched.sum(axis=1))
    return {
        "matches": matches,
        "late_ms": total(np.abs(late)) * truth.sixteenth_ms[:, None],
        "louder": total(np.abs(louder)),
        "mean_square": total(late**2) / np.maximum(matches, 1),
        "windows_with_matches": (matches > 0).astype(np.float64),
        "bars": np.full(matches.shape, float(truth.bars)),
        "true_moments": _moments(truth, classes),
        "predicted_moments": _moments(predicted, classes),
    }


def _moments(windows: Performances, classes: list[int]) -> _Array:
    """Count, and sum and sum of squares of offset and velocity, by position within the beat.

    Returns:
        (n, 1 + classes, 5, steps_per_quarter).
    """
    hits = windows.hits[..., classes]
    offsets, velocities = windows.sixteenths[..., classes], windows.velocities[..., classes]
    cells = np.stack([np.ones_like(offsets), offsets, offsets**2, velocities, velocities**2], 2)
    cells = np.where(hits[:, :, None], cells, 0)
    beats = cells.reshape(len(hits), -1, windows.steps_per_quarter, 5, len(classes))
    return _with_all(beats.sum(axis=1, dtype=np.float64).transpose(0, 3, 2, 1))


def _with_all(by_class: NDArray[Any]) -> _Array:
    """(n, classes, ...) -> (n, 1 + classes, ...), the sum over classes first."""
    return np.concatenate([by_class.sum(axis=1, keepdims=True), by_class], axis=1, dtype=np.float64)


def _weighted(sums: _Sums, weights: _Array) -> _Sums:
    """Sums over windows, each counted as often as `weights` (m, n) says: (m, 1 + classes, ...)."""
    columns = np.concatenate([array.reshape(len(array), -1) for array in sums.values()], axis=1)
    totals = np.split(weights @ columns, np.cumsum([a[0].size for a in sums.values()])[:-1], axis=1)
    shapes = [(len(weights), *array.shape[1:]) for array in sums.values()]
    return {
        name: total.reshape(shape) for name, total, shape in zip(sums, totals, shapes, strict=True)
    }


def _scores(sums: _Sums) -> _Sums:
    """The measures from sums over windows, each (m, 1 + classes)."""
    true, predicted = sums["true_moments"], sums["predicted_moments"]
    matches, played, chosen = sums["matches"], true[..., 0, :].sum(-1), predicted[..., 0, :].sum(-1)
    return {
        "timing_mae_ms": _ratio(sums["late_ms"], matches),
        "timing_mse": _ratio(sums["mean_square"], sums["windows_with_matches"]),
        "timing_kl": _gaussian_kl(predicted[..., [0, 1, 2], :], true[..., [0, 1, 2], :]),
        "velocity_mae": _ratio(sums["louder"], matches),
        "velocity_kl": _gaussian_kl(predicted[..., [0, 3, 4], :], true[..., [0, 3, 4], :]),
        "precision": _ratio(matches, chosen),
        "recall": _ratio(matches, played),
        "f1": _ratio(2 * matches, chosen + played),
        "hits_per_bar": _ratio(chosen, sums["bars"]),
        "true_hits_per_bar": _ratio(played, sums["bars"]),
    }


def _gaussian_kl(predicted: _Array, true: _Array) -> _Array:
    """KL(predicted || true) from (..., [count, sum, sum of squares], groups), mean over groups.

    Groups of few hits, or without spread in the truth, are left out.
    """
    (mean_p, variance_p), (mean_t, variance_t) = _gaussian(predicted), _gaussian(true)
    hits = np.minimum(predicted[..., 0, :], true[..., 0, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        kl = 0.5 * (
            np.log(variance_t / variance_p)
            + (variance_p + (mean_p - mean_t) ** 2) / variance_t
            - 1.0
        )
    usable = (hits >= _LEAST_HITS) & (variance_t > 0) & ~np.isnan(kl)
    return _ratio(np.where(usable, kl, 0.0).sum(axis=-1), usable.sum(axis=-1))


def _gaussian(moments: _Array) -> tuple[_Array, _Array]:
    """Mean and variance, 0 where it is too small to mean anything."""
    count, total, squares = (moments[..., i, :] for i in range(3))
    mean = _ratio(total, count)
    variance = _ratio(squares, count) - mean**2
    return mean, np.where(variance < _LEAST_VARIANCE, 0.0, variance)


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> _Array:
    """The quotient, NaN where `below` is 0."""
    quotient = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def _draw(windows: int, resamples: int, seed: int, at_once: int = 250) -> Iterator[_Array]:
    """Yields (at_once, windows): how often each window is in each resample."""
    random = np.random.default_rng(seed)
    for first in range(0, resamples, at_once):
        rows = min(at_once, resamples - first)
        drawn = random.integers(windows, size=(rows, windows))
        drawn += windows * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * windows)
        yield counts.reshape(rows, windows).astype(np.float64)


def _estimates(values: _Array, drawn: Sequence[_Array]) -> list[Estimate]:
    """One estimate for each column; quantiles are taken over the resamples that gave a value."""
    if not drawn:
        return [Estimate(float(value)) for value in values]
    ordered = np.sort(np.concatenate(drawn), axis=0)  # NaN sorts last
    usable = np.sum(~np.isnan(ordered), axis=0)
    low, high = (
        np.take_along_axis(ordered, np.round(q * np.maximum(usable - 1, 0)).astype(int)[None], 0)[0]
        for q in (0.025, 0.975)
    )
    return [Estimate(*map(float, bounds)) for bounds in zip(values, low, high, strict=True)]


def finite(number: float) -> float | None:
    """Returns a number as JSON has it: None for what is not finite."""
    return number if np.isfinite(number) else None


def to_json(scores: Mapping[str, Scores | Distances]) -> dict[str, Any]:
    """Returns {class name: {measure: value}} of what `measure` or `distances` returned."""
    return {name: value.to_json() for name, value in scores.items()}
