"""How well a model without z goes on from what was played, beside simple ways to do so.

Two things are measured. How likely it finds each next step of windows, in bits: those of the hits
are of all steps and drums, those of velocities and offsets of the hits. And what it plays after
windows, drawn step by step, beside what the drummer played there: docs/measures.md has the
definitions.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from groovefast.config import GOING_ON_TEMPERATURE, MAX_TEMPERATURE, Config
from groovefast.errors import GrooveFastError, check_number, check_whole
from groovefast.evaluation.evaluate import read_performances
from groovefast.evaluation.following import Following, measure_following
from groovefast.evaluation.measures import Performances, finite
from groovefast.evaluation.ngram import NGram
from groovefast.model.in_use import InUse
from groovefast.shards.find import DataPattern
from groovefast.windows.cutting import Cutting
from groovefast.windows.rows import Grid, RowLayout

if TYPE_CHECKING:
    from groovefast.model.groovae import GrooVAE

NAN = float("nan")
_LEAST = 1e-7
"""As in the loss: no miss costs more than 23 bits."""


@dataclasses.dataclass(frozen=True)
class Bits:
    """What the next step costs on average; NaN where nothing is said of it.

    Attributes:
        hits: Bits a step of which drums are hit.
        velocities: Of how hard.
        offsets: Of when.
        hits_accuracy: The share of cells in which a hit is found more likely than not where there
            is one, and only there.
        f1: Of the hits found more likely than not.
    """

    hits: float = NAN
    velocities: float = NAN
    offsets: float = NAN
    hits_accuracy: float = NAN
    f1: float = NAN

    @property
    def all(self) -> float:
        """Bits a step in all."""
        return self.hits + self.velocities + self.offsets

    def to_json(self) -> dict[str, float | None]:
        """Returns plain values; None for what could not be measured."""
        values = {**dataclasses.asdict(self), "all": self.all}
        return {name: finite(value) for name, value in values.items()}


@dataclasses.dataclass(frozen=True)
class NextStepRow:
    """One line of the table; None for what does not apply."""

    name: str
    bits: Bits | None
    following: Following | None


@dataclasses.dataclass(frozen=True)
class NextStepEvaluation:
    """All that was measured of one model.

    Attributes:
        config: What the model is.
        rows: The table; the model comes first, and what was played last.
        windows: How many windows the bits are means over.
        pieces: After how many windows it went on.
        bars: For how many bars.
        temperature: How boldly it drew.
    """

    config: Config
    rows: Sequence[NextStepRow]
    windows: int
    pieces: int
    bars: int
    temperature: float

    def to_json(self) -> dict[str, Any]:
        """Returns all numbers as plain values; None for what could not be measured."""
        return {
            "config": self.config.to_dict(),
            "windows": self.windows,
            "pieces": self.pieces,
            "bars": self.bars,
            "temperature": self.temperature,
            "rows": [
                {
                    "name": row.name,
                    "bits": row.bits and row.bits.to_json(),
                    "following": row.following and row.following.to_json(),
                }
                for row in self.rows
            ],
        }


def evaluate_next_step(
    model: InUse,
    data: DataPattern,
    train_data: DataPattern | None = None,
    *,
    hop_bars: int | None = None,
    dedupe: bool = False,
    min_hits: int = 0,
    batch_size: int = 512,
    seed: int = 0,
    temperature: float = GOING_ON_TEMPERATURE,
) -> NextStepEvaluation:
    """Measures a model without z on windows of converted performances.

    Args:
        model: What to measure, with NumPy or TensorFlow.
        data: Shards, see `shards.find.find_shards`.
        train_data: What the baselines are fitted on; without it there are fewer of them.
        hop_bars: Bars from the start of a window to the start of the next; those of the model's
            config if None. What follows is drawn after windows that do not overlap, each as long as
            what comes after it.
        dedupe: Whether to leave out windows that are as an earlier one of the same data.
        min_hits: Windows with fewer hits are left out.
        batch_size: Windows the model is given at once.
        seed: Of what is drawn, and of the untrained model.
        temperature: How boldly to draw; bits are at 1.

    Raises:
        GrooveFastError: As `load_dataset`, no performance twice as long as a window, or a model
            with z.
        OptionError: An option out of its range.
    """
    check_whole("batch_size", batch_size, 1)
    check_number("temperature", temperature, 0, MAX_TEMPERATURE)
    config = model.config
    if config.hparams.z_size:
        raise GrooveFastError(f"model: {config.name} has z, and does not go on from what is played")
    cutting = Cutting.of(config, hop_bars, dedupe, min_hits)
    truth = read_performances(data, config, cutting)
    pieces = read_performances(data, *_twice_as_long(config, cutting))
    half = cutting.split_bars * config.converter.steps_per_bar
    heard, played = _steps(pieces, slice(half)), _steps(pieces, slice(half, None))

    def follows(following: Performances) -> Following:
        return measure_following(heard, following, played)

    rows = []
    for name, each in (("this model", model), ("the same, untrained", _untrained(config, seed))):
        after = _go_on(each, heard, half, temperature, seed, batch_size)
        rows.append(NextStepRow(name, _bits(each, truth, batch_size), follows(after)))
    rows += _baselines(train_data, cutting, config, truth, heard, follows, seed)
    rows.append(NextStepRow("played", None, follows(played)))
    return NextStepEvaluation(
        config, rows, len(truth), len(pieces), cutting.split_bars, temperature
    )


def _untrained(config: Config, seed: int) -> GrooVAE:
    from groovefast.model.groovae import GrooVAE

    return GrooVAE(config, seed=seed)


def _twice_as_long(config: Config, cutting: Cutting) -> tuple[Config, Cutting]:
    """Windows one after another, of which the second half is what was really played next."""
    bars = 2 * cutting.split_bars
    converter = dataclasses.replace(config.converter, split_bars=bars)
    longer = dataclasses.replace(cutting, split_bars=bars, hop_bars=cutting.split_bars)
    return dataclasses.replace(config, converter=converter), longer


def _steps(windows: Performances, chosen: slice) -> Performances:
    """Some steps of all windows."""
    return windows.replace(
        hits=windows.hits[:, chosen],
        velocities=windows.velocities[:, chosen],
        offsets=windows.offsets[:, chosen],
    )


# --- The model ------------------------------------------------------------------------------


def _rows(layout: RowLayout, windows: Performances, chosen: slice) -> NDArray[np.float32]:
    """Some windows as the model hears them."""
    arrays = windows.hits, windows.velocities, windows.offsets
    grid = Grid(*(np.asarray(array[chosen], np.float32) for array in arrays))
    return np.asarray(layout.assemble(np, grid))


def _bits(model: InUse, truth: Performances, batch_size: int) -> Bits:
    """What windows cost a model."""
    layout = RowLayout.of(model.config.converter)
    sums: dict[str, float] = {"velocities": 0.0, "offsets": 0.0}
    likely = np.empty(truth.hits.shape)
    for first in range(0, len(truth), batch_size):
        batch = slice(first, first + batch_size)
        rows = _rows(layout, truth, batch)
        logits = np.asarray(model.teacher_forced(np.zeros((len(rows), 0)), rows))
        said, true = layout.disassemble(np, logits), layout.disassemble(np, rows)
        likely[batch] = 1 / (1 + np.exp(-said.hits))
        for name, bins in (("velocities", layout.velocity_bins), ("offsets", layout.offset_bins)):
            if bins:
                costs = _cost(getattr(said, name), getattr(true, name))
                sums[name] += float(np.sum(costs * true.hits))
            else:
                sums[name] = NAN
    steps = truth.hits.shape[0] * truth.hits.shape[1]
    values = {name: total / steps for name, total in sums.items()}
    return dataclasses.replace(_hits_bits(likely, truth.hits), **values)


def _cost(logits: NDArray[np.float32], one_hots: NDArray[np.float32]) -> NDArray[np.float32]:
    """The bits of bins, (..., bins) -> (...)."""
    top = logits.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(axis=-1)) + top[..., 0]
    return np.asarray((log_sum - (logits * one_hots).sum(axis=-1)) / math.log(2))


def _hits_bits(likely: NDArray[np.float64], hits: NDArray[np.bool_]) -> Bits:
    """What hits cost, of which each was found so likely by itself."""
    cost = -np.log2(np.where(hits, likely, 1 - likely) + _LEAST)
    return _accuracy(likely, hits, float(cost.sum(axis=-1).mean()))


def _accuracy(likely: NDArray[np.float64], hits: NDArray[np.bool_], bits: float) -> Bits:
    found = likely > 0.5
    both = int(np.count_nonzero(found & hits))
    f1 = 2 * both / max(int(np.count_nonzero(found) + np.count_nonzero(hits)), 1)
    return Bits(hits=bits, hits_accuracy=float((found == hits).mean()), f1=f1)


def _go_on(
    model: InUse, heard: Performances, steps: int, temperature: float, seed: int, batch_size: int
) -> Performances:
    """What a model draws after windows."""
    layout, parts = RowLayout.of(model.config.converter), []
    rng = np.random.default_rng(seed)
    for first in range(0, len(heard), batch_size):
        rows = _rows(layout, heard, slice(first, first + batch_size))
        drawn = model.go_on(rows, layout.rows_per_step * steps, temperature, (seed, first))
        parts.append(layout.drawn(np.asarray(drawn), rng if temperature else None))
    hits, velocities, offsets = map(np.concatenate, zip(*parts, strict=True))
    return heard.replace(
        hits=hits > 0,
        velocities=(velocities * hits).astype(np.float32),
        offsets=(offsets * hits).astype(np.float32),
    )


# --- Baselines ------------------------------------------------------------------------------


def _baselines(
    train_data: DataPattern | None,
    cutting: Cutting,
    config: Config,
    truth: Performances,
    heard: Performances,
    follows: Any,
    seed: int,
) -> list[NextStepRow]:
    """Simple ways to go on; those that are fitted only where there is something to fit them on."""
    bar = config.converter.steps_per_bar
    repeated = follows(_last_bar(heard))
    if train_data is None:
        return [NextStepRow("last bar repeated", None, repeated)]
    apart = dataclasses.replace(cutting, hop_bars=cutting.split_bars)
    train = read_performances(train_data, config, apart)
    copied = _hits_bits(_as_a_bar_before(train, truth.hits), truth.hits)
    rows = [NextStepRow("last bar repeated", copied, repeated)]
    rng = np.random.default_rng(seed)
    for name, lags in (
        ("n-gram of the two steps before", (1, 2)),
        ("n-gram of the same step a bar before", (bar, 1)),
    ):
        ngram = NGram.fit(train, lags)
        probabilities, likely = ngram.predict(truth.hits)
        bits = _accuracy(likely, truth.hits, float(-np.log2(probabilities).mean()))
        hits = ngram.go_on(heard.hits, heard.hits.shape[1], rng)
        rows.append(NextStepRow(name, bits, follows(_with_usual_values(heard, hits))))
    return rows


def _last_bar(heard: Performances) -> Performances:
    """The last bar of each window again and again."""
    bar = heard.steps_per_bar

    def repeat(values: NDArray[Any]) -> NDArray[Any]:
        return np.tile(values[:, -bar:], (1, values.shape[1] // bar, 1))

    return heard.replace(
        hits=repeat(heard.hits),
        velocities=repeat(heard.velocities),
        offsets=repeat(heard.offsets),
    )


def _as_a_bar_before(train: Performances, hits: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How likely each hit is by whether there was one a bar before, (n, steps, 9)."""
    bar = train.steps_per_bar

    def before(values: NDArray[np.bool_]) -> NDArray[np.intp]:
        earlier = np.pad(values[:, :-bar].astype(np.intp), ((0, 0), (bar, 0), (0, 0)))
        earlier[:, :bar] = 2  # nothing is known of the first bar
        return earlier

    drums = np.broadcast_to(np.arange(hits.shape[2]), train.hits.shape)
    hit, number = np.full((2, 3, hits.shape[2]), [[[1.0]], [[2.0]]])
    np.add.at(hit, (before(train.hits), drums), train.hits)
    np.add.at(number, (before(train.hits), drums), 1)
    return np.asarray((hit / number)[before(hits), np.arange(hits.shape[2])])


def _with_usual_values(heard: Performances, hits: NDArray[np.bool_]) -> Performances:
    """Hits with the mean velocity and offset of their drum in each window."""
    counts = np.maximum(heard.hits.sum(axis=1, keepdims=True), 1)
    velocities, offsets = (
        (values * heard.hits).sum(axis=1, keepdims=True) / counts * hits
        for values in (heard.velocities, heard.offsets)
    )
    return heard.replace(
        hits=hits, velocities=velocities.astype(np.float32), offsets=offsets.astype(np.float32)
    )
