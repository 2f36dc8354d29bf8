"""Fits a `Touch`: how players scatter around what a model writes, from windows they played.

Performances are encoded and decoded with their own hits, and the windows cross-faded as they are
when a model plays a take. What the model wrote and what was played become normal scores; of their
difference the covariance between bars, steps and drums is measured, and taken apart into the parts
of a touch by least squares: a linear model of coregionalization (Journel & Huijbregts, 1978).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import ConverterConfig
from groovefast.drums import NUM_CLASSES
from groovefast.model.touch import (
    BARS_OF_DRIFT,
    CHANNELS,
    PARTS,
    SCORES,
    STEPS_NEAR,
    Touch,
    scores_of,
)
from groovefast.shards.find import DataPattern
from groovefast.windows import transforms
from groovefast.windows.cutting import Cutting
from groovefast.windows.dataset import read_windows
from groovefast.windows.rows import Grid, RowLayout

if TYPE_CHECKING:
    from groovefast.model.groovae import GrooVAE

Array: TypeAlias = NDArray[np.float64]

_BATCH = 256
_LAGS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Bars apart at which covariance is measured; slow parts take long to show."""
_PRIOR_HITS = 100.0
"""Quantiles of a drum at a place are drawn towards those of fewer particulars as by so many."""
_PRIOR_PAIRS = 3000.0
"""The same of covariances, which are sums over many pairs that are much alike."""
_LEAST_HITS = 40
"""Of half a performance, to tell how loosely it is played."""
_LEAST_PERFORMANCES = 8
_LEAST_FRESH = 0.02
"""Of the variance, what is always left to each hit by itself."""


class Heard(NamedTuple):
    """Bars of performances, and what a model writes for them.

    Attributes:
        hits: bool (bars, steps, drums): those that count, of drums that the model plays.
        played: Velocities and offsets, (bars, 2, steps, drums).
        predicted: The same, of the model.
        runs: Which bars follow one another, int (bars,): those of equal numbers.
    """

    hits: NDArray[np.bool_]
    played: NDArray[np.float32]
    predicted: NDArray[np.float32]
    runs: NDArray[np.int64]


def fit_touch(
    model: GrooVAE,
    data: DataPattern,
    unseen: DataPattern | None = None,
    *,
    hop_bars: int | None = None,
) -> Touch:
    """Fits the touch of a model.

    A model knows what it was trained on, so its residuals there are smaller, and less alike from
    bar to bar, than those of other music. Where `unseen` is given, `data` says how values are
    spread, and `unseen` how far the model can be trusted and how residuals hang together. The noise
    is as strong as it takes for the sum to be spread as what was played.

    Args:
        model: A trained model.
        data: Shards of its training split.
        unseen: Shards that it was not trained on; `data` if None.
        hop_bars: Bars from the start of a window to the start of the next; those of the config
            if None.

    Raises:
        GrooveFastError: As `load_dataset`.
        OptionError: `hop_bars` out of its range.
    """
    known = hear(model, data, hop_bars)
    other = known if unseen is None else hear(model, unseen, hop_bars)
    return fit(known, other, model.config.converter.steps_per_quarter)


def hear(model: GrooVAE, data: DataPattern, hop_bars: int | None = None) -> Heard:
    """Encodes and decodes performances; arguments and errors as of `fit_touch`."""
    config = model.config
    cutting = Cutting.of(config, hop_bars)
    windows = read_windows(data, config, cutting)
    written = _written(model, windows.grid)
    return _heard(windows.grid, windows.performances, written, cutting, config.converter)


def _written(model: GrooVAE, grid: Grid) -> Grid:
    """What a model writes for windows with their own hits."""
    converter, parts = model.config.converter, []
    layout = RowLayout.of(converter)
    for first in range(0, len(grid.hits), _BATCH):
        batch = Grid(*(values[first : first + _BATCH] for values in grid))
        inputs, _, controls = transforms.apply(converter, np, *batch)
        mu, _ = model.encode(inputs, controls)
        hits = np.reshape(batch.hits, (len(inputs), -1, layout.drums))
        rows = model.decode(mu, controls, 0.0, 0, steps=hits.shape[1], hits=hits)
        parts.append(layout.numbers(np.asarray(rows)))
    return Grid(*map(np.concatenate, zip(*parts, strict=True)))


def _heard(
    grid: Grid,
    performances: NDArray[np.int64],
    written: Grid,
    cutting: Cutting,
    converter: ConverterConfig,
) -> Heard:
    """Windows laid over the bars they were cut from, the model's cross-faded."""
    n, size = len(grid.hits), (cutting.split_bars, converter.steps_per_bar)

    def bars(values: Any) -> NDArray[np.float32]:
        return np.asarray(values, np.float32).reshape(n, *size, NUM_CLASSES)

    hits, velocities, offsets = map(bars, grid)
    written_velocities, written_offsets = bars(written.velocities), bars(written.offsets)
    places, runs = _places((hits, velocities, offsets), performances, cutting)
    total = len(runs)
    played = np.zeros((CHANNELS, total, size[1], NUM_CLASSES), np.float32)
    played[:, places] = velocities, offsets
    hit = np.zeros(played.shape[1:], np.bool_)
    hit[places] = hits > 0
    drums = list(converter.add_instruments or range(NUM_CLASSES))
    hit[..., np.setdiff1d(np.arange(NUM_CLASSES), drums)] = False
    length = size[0] * size[1]
    fade = np.sin(np.pi * (np.arange(length) + 0.5) / length).reshape(*size, 1) ** 2
    predicted, weight = np.zeros(played.shape), np.zeros(played.shape[1:])
    np.add.at(weight, places, np.broadcast_to(fade, hits.shape))
    for channel, values in enumerate((written_velocities, written_offsets)):
        np.add.at(predicted[channel], places, values * fade)
    predicted /= np.maximum(weight, 1e-12)
    return Heard(
        hit,
        played.transpose(1, 0, 2, 3),
        predicted.transpose(1, 0, 2, 3).astype(np.float32),
        runs,
    )


def _places(
    windows: tuple[NDArray[np.float32], ...], performances: NDArray[np.int64], cutting: Cutting
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which bar each bar of windows is, (n, bars), and the run of each, (bars,)."""
    hop, length = cutting.hop_bars, cutting.split_bars
    follows = performances[1:] == performances[:-1]
    if hop < length:
        for values in windows:
            follows &= (values[1:, :-hop] == values[:-1, hop:]).all(axis=(1, 2, 3))
    run = np.concatenate(([0], np.cumsum(~follows)))
    step = np.where(follows, hop, max(hop, length))
    first = np.concatenate(([0], np.cumsum(step)))
    places = first[:, None] + np.arange(length)
    runs = np.full(int(places.max()) + 1, -1, np.int64)
    runs[places] = run[:, None]
    return places, runs


def fit(known: Heard, unseen: Heard, steps_per_quarter: int) -> Touch:
    """Fits a touch to what was heard; see `fit_touch`."""
    beat = steps_per_quarter
    predicted, played = (
        np.stack([_tables(known.hits, values[:, channel], beat) for channel in range(CHANNELS)])
        for values in (known.predicted, known.played)
    )
    slope, spread = np.zeros((2, CHANNELS, NUM_CLASSES))
    factors = np.zeros((len(PARTS), CHANNELS, NUM_CLASSES, NUM_CLASSES))
    looseness = np.zeros(CHANNELS)
    for channel in range(CHANNELS):
        scores = [
            scores_of(unseen.hits, values[:, channel], tables[channel])
            for values, tables in ((unseen.predicted, predicted), (unseen.played, played))
        ]
        slope[channel], spread[channel] = _trust(unseen.hits, *scores)
        residuals = _standard(unseen.hits, scores[1] - slope[channel] * scores[0])
        looseness[channel] = _looseness(unseen, residuals)
        factors[:, channel] = _factors(unseen, residuals, beat)
    arrays = (predicted, played, slope, spread, factors, looseness)
    return Touch(beat, *(np.asarray(array, np.float32) for array in arrays))


# Quantiles.


def _tables(hits: NDArray[np.bool_], values: NDArray[np.float32], beat: int) -> Array:
    """Quantiles of the values at hits by drum and place in the beat, (drums, places, scores).

    Where there are few hits they are drawn towards those of the drum, and these towards those of
    all. (A weighted mean of quantiles is the Wasserstein barycentre.)
    """
    places = np.arange(hits.shape[1]) % beat
    common = _quantiles(values[hits], np.zeros(len(SCORES)))
    tables = np.empty((NUM_CLASSES, beat, len(SCORES)))
    for drum in range(NUM_CLASSES):
        of_drum = _quantiles(values[..., drum][hits[..., drum]], common)
        for place in range(beat):
            at = places == place
            chosen = values[:, at, drum][hits[:, at, drum]]
            tables[drum, place] = _quantiles(chosen, of_drum)
    # Strictly increasing, and equal values in the middle of their scores.
    return tables + 1e-4 * SCORES


def _quantiles(values: NDArray[np.float32], prior: Array) -> Array:
    """At the probabilities of `SCORES`."""
    if not len(values):
        return prior
    share = len(values) / (len(values) + _PRIOR_HITS)
    own = np.quantile(values.astype(np.float64), _normal_cdf(SCORES.astype(np.float64)))
    return share * own + (1 - share) * prior if prior.any() else own


def _normal_cdf(scores: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(scores))


# How far a model can be trusted.


def _trust(hits: NDArray[np.bool_], predicted: Array, played: Array) -> tuple[Array, Array]:
    """Slope and spread of each drum: what makes the variance of the sum that of the played."""
    moments = np.empty((NUM_CLASSES, 4))
    for drum in range(NUM_CLASSES):
        x, y = (scores[..., drum][hits[..., drum]] for scores in (predicted, played))
        x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
        moments[drum] = len(x), np.sum(x * x), np.sum(x * y), np.sum(y * y)
    common = moments.sum(axis=0) / max(moments[:, 0].sum(), 1)
    count, xx, xy, yy = (moments + _PRIOR_HITS * common).T
    count = np.maximum(count, 1)
    slope = np.clip(xy / np.maximum(xx, 1e-9), 0, 1)
    spread = np.sqrt(np.maximum(yy - slope**2 * xx, 0) / count)
    return np.where(xx > 1e-9, slope, 0), spread


def _standard(hits: NDArray[np.bool_], residuals: Array) -> Array:
    """Residuals of mean 0 and variance 1 for each drum; 0 where there is no hit."""
    result = np.zeros(residuals.shape)
    for drum in range(NUM_CLASSES):
        at = hits[..., drum]
        values = residuals[..., drum][at]
        if len(values) > 1 and values.std() > 1e-6:
            result[..., drum][at] = (values - values.mean()) / values.std()
    return result


def _looseness(heard: Heard, residuals: Array) -> float:
    """Deviation, over performances, of the logarithm of the spread within each.

    Chance makes performances differ too, but not both halves of each alike: the covariance of even
    and odd bars is that of the performances.
    """
    odd = np.arange(len(heard.hits)) % 2 == 1
    halves, enough = [], np.ones(int(heard.runs.max()) + 1, np.bool_)
    for half in (odd, ~odd):
        runs = heard.runs[half & (heard.runs >= 0)]
        cells = residuals[half & (heard.runs >= 0)]
        hits = heard.hits[half & (heard.runs >= 0)].sum(axis=(1, 2))
        count, total, squares = (
            np.bincount(runs, weights, len(enough))
            for weights in (hits, cells.sum(axis=(1, 2)), (cells**2).sum(axis=(1, 2)))
        )
        enough &= count >= _LEAST_HITS
        count = np.maximum(count, 1)
        variance = squares / count - (total / count) ** 2
        halves.append(np.log(np.maximum(variance, 1e-3)) / 2)
    if enough.sum() < _LEAST_PERFORMANCES:
        return 0.0
    shared = np.cov(halves[0][enough], halves[1][enough])[0, 1]
    return float(np.sqrt(max(shared, 0.0)))


# How residuals hang together.


class _Kernels(NamedTuple):
    """What each part says of each kind of pair of hits, (kinds, parts); see `_kinds`."""

    lags: NDArray[np.int64]
    values: Array

    @property
    def same_hit(self) -> NDArray[np.bool_]:
        """Whether a kind is of hits of one cell of one bar, (kinds,)."""
        return np.asarray((self.lags == 0) & (np.arange(len(self.lags)) % len(_kinds(1, 1)) == 0))


def _kinds(steps: int, beat: int) -> list[NDArray[np.bool_]]:
    """Kinds of pairs of steps of a bar, which no kernel tells apart, bool (steps, steps) each."""
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    half, beats = apart % (2 * beat) == 0, apart % beat == 0
    kinds = [apart == 0, half & (apart > 0), beats & ~half]
    kinds += [(apart == near) & ~beats for near in (1, 2, 3)]
    return [*kinds, (apart > 3) & ~beats]


def _kernels(beat: int) -> _Kernels:
    #            same half beat  1                2                 3             farther
    near = np.array([1, 0, 0, *np.exp(-np.arange(1, 4) / STEPS_NEAR), 0])
    places = {
        "all": np.ones(7),
        "half": np.array([1, 1, 0, 0, 0, 0, 0.0]),
        "beat": np.array([1, 1, 1, 0, 0, 0, 0.0]),
        "cell": np.array([1, 0, 0, 0, 0, 0, 0.0]),
        "near": near,
    }
    columns = [
        np.concatenate([_alike(time, lag) * places[place] for lag in _LAGS])
        for time, place in PARTS
    ]
    return _Kernels(np.repeat(_LAGS, 7), np.stack(columns, axis=1))


def _alike(time: str, lag: int) -> float:
    """The kernel of bars so far apart."""
    bars = BARS_OF_DRIFT[time]
    return float(np.exp(-lag / bars)) if bars else float(lag == 0)


def _factors(heard: Heard, residuals: Array, beat: int) -> Array:
    """The factors of all parts, (parts, drums, drums)."""
    counts, sums = _moments(heard, residuals, beat)
    kernels = _kernels(beat)
    covariances = _own(counts, sums, kernels)
    _between(covariances, counts, sums, kernels)
    fresh = PARTS.index(("bar", "cell"))
    drums = np.arange(NUM_CLASSES)
    others = np.delete(covariances, fresh, axis=0)[:, drums, drums].sum(axis=0)
    covariances[fresh, drums, drums] = np.maximum(1 - others, _LEAST_FRESH)
    factors = np.stack([_root(matrix) for matrix in covariances])
    total = np.sqrt((factors**2).sum(axis=(0, 2)))
    return factors / total[:, None]


def _moments(heard: Heard, residuals: Array, beat: int) -> tuple[Array, Array]:
    """Numbers of pairs of hits and sums of their products, (kinds of pairs, drums, drums)."""
    steps = heard.hits.shape[1]
    kinds = np.stack(_kinds(steps, beat)).astype(np.float64)
    counts, sums = [], []
    hits, cells = (x.reshape(len(x), -1).astype(np.float32) for x in (heard.hits, residuals))
    for lag in _LAGS:
        for into, values in ((counts, hits), (sums, cells)):
            first = np.arange(max(len(values) - lag, 0))
            first = first[heard.runs[first] == heard.runs[first + lag]]
            products = (values[first].T @ values[first + lag]).astype(np.float64)
            pairs = products.reshape(steps, NUM_CLASSES, steps, NUM_CLASSES)
            found = np.einsum("kst,sitj->kij", kinds, pairs)
            into.append(found + found.transpose(0, 2, 1))
    return np.concatenate(counts), np.concatenate(sums)


def _own(counts: Array, sums: Array, kernels: _Kernels) -> Array:
    """Variances of all parts but the freshest on the diagonals of (parts, drums, drums)."""
    from scipy.optimize import nnls

    used = ~kernels.same_hit
    drums = np.arange(NUM_CLASSES)
    counts, sums = counts[used][:, drums, drums], sums[used][:, drums, drums]
    design = kernels.values[used].copy()
    design[:, PARTS.index(("bar", "cell"))] = 0

    def solve(count: Array, total: Array, prior: Array, weight: float) -> Array:
        root = np.sqrt(count)
        rows = np.concatenate((design * root[:, None], np.sqrt(weight) * np.eye(len(PARTS))))
        wanted = np.concatenate((total / np.maximum(root, 1e-12), np.sqrt(weight) * prior))
        return np.asarray(nnls(rows, wanted)[0])

    # As if the pairs of all kinds weighed no more than so many hits.
    nothing = np.zeros(len(PARTS))
    common = solve(counts.sum(axis=1), sums.sum(axis=1), nothing, 1.0)
    result = np.zeros((len(PARTS), NUM_CLASSES, NUM_CLASSES))
    for drum in range(NUM_CLASSES):
        result[:, drum, drum] = solve(counts[:, drum], sums[:, drum], common, _PRIOR_PAIRS)
    return result


def _between(covariances: Array, counts: Array, sums: Array, kernels: _Kernels) -> None:
    """Fills in the covariances between drums of all parts."""
    rows, columns = np.triu_indices(NUM_CLASSES, 1)
    design = kernels.values
    common = np.zeros(len(PARTS))
    for weight, pairs in ((1.0, [(rows, columns)]), (_PRIOR_PAIRS, zip(rows, columns, strict=True))):
        for one, other in pairs:
            count, total = (
                np.atleast_2d(x[:, one, other].T).sum(axis=0) for x in (counts, sums)
            )
            normal = design.T @ (count[:, None] * design) + weight * np.eye(len(PARTS))
            found = np.linalg.solve(normal, design.T @ total + weight * common)
            if weight == 1.0:
                common = found
                continue
            covariances[:, one, other] = covariances[:, other, one] = found


def _root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is the nearest covariance that there can be."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
