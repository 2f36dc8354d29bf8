"""How well a trained model drums, beside cheap baselines and what was published.

`evaluate` runs a model over converted shards and measures what it writes; the measures themselves
are those of `groovefast.evaluation.measures`, in plain numpy, and are names of this module too.

What is measured depends on what the model is for. Where the hits are given (`humanize`,
`hits_as_controls`) it is the timing and dynamics at those hits. Where the model chooses them it is
also which hits are right, of the drums it adds or of all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from groovefast.config import Config
from groovefast.drums import DRUM_CLASSES
from groovefast.errors import OptionError, check_number, check_whole
from groovefast.evaluation import baselines
from groovefast.evaluation.control import (
    AttributeEffect,
    StyleRecognition,
    recognise_styles,
    shift_attributes,
)
from groovefast.evaluation.form import Form, measure_form
from groovefast.evaluation.likeness import Likeness
from groovefast.evaluation.measures import (
    ALL,
    ALL_CLASSES,
    Distances,
    Estimate,
    Performances,
    Scores,
    distances,
    measure,
    to_json,
    wasserstein,
)
from groovefast.evaluation.new_grooves import PLAYED, measure_new_grooves
from groovefast.evaluation.repeats import Repeats, measure_repeats
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.shards.find import DataPattern
from groovefast.task import Purpose, Task
from groovefast.windows import transforms
from groovefast.windows.rows import RowLayout

if TYPE_CHECKING:
    from groovefast.model.groovae import GrooVAE
    from groovefast.model.touch import Touch
    from groovefast.windows.cutting import Cutting

__all__ = [
    "ALL",
    "PUBLISHED",
    "AttributeEffect",
    "Distances",
    "Estimate",
    "Evaluation",
    "Likeness",
    "Performances",
    "Row",
    "Scores",
    "StyleRecognition",
    "distances",
    "evaluate",
    "measure",
    "read_performances",
    "wasserstein",
]


def _published(mae: float, mse: float, timing_kl: float, velocity_kl: float) -> Scores:
    return Scores(
        timing_mae_ms=Estimate(mae),
        timing_mse=Estimate(mse),
        timing_kl=Estimate(timing_kl),
        velocity_kl=Estimate(velocity_kl),
    )


PUBLISHED: Mapping[str, Scores] = {
    "Seq2Seq": _published(18.80, 0.032, 0.31, 0.08),
    "MLP": _published(19.25, 0.032, 7.62, 2.22),
    "KNN": _published(22.34, 0.043, 1.10, 0.53),
    "linear": _published(19.77, 0.033, 4.79, 1.70),
}
"""Humanize on the test split, two bars: Gillick et al. 2019, "Learning to Groove"."""

QUANTIZED = "quantized"
_THIS_MODEL = "this model"
_CLOSED_HI_HAT = DRUM_CLASSES.index("closed hi-hat")
_SAMPLES_AT_ONCE = 512
"""What is drawn for a window depends on the others of its batch."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What was measured.
        kind: "model", "baseline" or "published".
        scores: By drum class, and under `ALL`.
        predicted: What was written; None for a published row.
    """

    name: str
    kind: str
    scores: Mapping[str, Scores]
    predicted: Performances | None = None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """All that was measured of one model.

    Attributes:
        config: What the model is.
        truth: What was played.
        rows: The table; the model comes first.
        losses: Means over windows at z = mu, the decoder fed with the truth: `r_loss`, and `kl`
            in nats.
        samples: How like the data new grooves are, and their floors, by what they are; empty for
            models that need something to work on.
        num_samples: How many new grooves were made.
        styles: Whether they are of the style that is asked for; None for models without styles.
        attributes: What each attribute does; empty for models without.
        repeats: The spread over repeats of bars, as they were "played", as the model has them
            "written", and "touched"; empty where no touch was asked for.
    """

    config: Config
    truth: Performances
    rows: Sequence[Row]
    losses: Mapping[str, float]
    samples: Mapping[str, Likeness] = dataclasses.field(default_factory=dict)
    num_samples: int = 0
    styles: StyleRecognition | None = None
    attributes: Mapping[str, AttributeEffect] = dataclasses.field(default_factory=dict)
    repeats: Mapping[str, Repeats] = dataclasses.field(default_factory=dict)

    @property
    def task(self) -> Task:
        """What the model is for."""
        return Task.of(self.config.converter)

    @property
    def chooses_hits(self) -> bool:
        """Whether the model decides which drums are hit."""
        return self.task.chooses_hits

    @property
    def classes(self) -> Sequence[int]:
        """The drum classes that were measured."""
        return self.task.played_drums

    @property
    def forms(self) -> dict[str, Form]:
        """The form of what the model writes, of new grooves and their floors, and as played.

        Empty where windows are too short to have one.
        """
        written = {row.name: row.predicted for row in self.rows if row.kind == "model"}
        forms = {name: measure_form(windows) for name, windows in written.items() if windows}
        forms |= {name: likeness.form for name, likeness in self.samples.items()}
        if PLAYED not in forms:
            forms[PLAYED] = measure_form(self.truth)
        return forms if forms[PLAYED].likeness else {}

    @property
    def fitted(self) -> bool:
        """Whether there are baselines fitted on a training split."""
        return any(row.kind == "baseline" and row.name != QUANTIZED for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Returns all numbers as plain values; None for what could not be measured."""
        return {
            "config": self.config.to_dict(),
            "windows": len(self.truth),
            "rows": [
                {"name": row.name, "kind": row.kind, "scores": to_json(row.scores)}
                for row in self.rows
            ],
            "losses": dict(self.losses),
            "num_samples": self.num_samples,
            "samples": {name: of.to_json() for name, of in self.samples.items()},
            "styles": self.styles and self.styles.to_json(),
            "attributes": {name: of.to_json() for name, of in self.attributes.items()},
            "forms": {name: form.to_json() for name, form in self.forms.items()},
            "repeats": {
                name: {drum: spread.to_json() for drum, spread in of.items()}
                for name, of in self.repeats.items()
            },
        }


def evaluate(
    model: GrooVAE,
    data: DataPattern | Performances,
    train_data: DataPattern | Performances | None = None,
    *,
    style_data: DataPattern | Performances | None = None,
    samples: int | None = None,
    hop_bars: int | None = None,
    dedupe: bool = False,
    min_hits: int = 0,
    batch_size: int = 512,
    resamples: int = 1000,
    seed: int = 0,
    touch: float = 0.0,
) -> Evaluation:
    """Measures a model on windows of converted performances.

    Windows are encoded to `mu` and decoded at temperature 0. Hits the model is told are kept and
    fed back to the decoder, which is read at them; a second row tells how it does on its own hits.
    Note dropout is off.

    Args:
        model: What to measure.
        data: Shards, or the windows cut from them.
        train_data: What the baselines are fitted on, and new grooves may be copied from; without
            it only what needs none of it is measured.
        style_data: What a classifier learns styles from, to recognise those of new grooves: other
            performances than those of `train_data`; `data` if None.
        samples: How many new grooves to make, of models that make any: 0 to measure none, as many
            as there are windows if None. Fewer are quicker, and harder to tell from played ones.
        hop_bars: Bars from the start of a window to the start of the next, of all shards; those of
            the model's config if None.
        dedupe: Whether to leave out windows that are as an earlier one of the same data.
        min_hits: Windows with fewer hits are left out.
        batch_size: Windows the model is given at once.
        resamples: Bootstrap resamples behind the intervals.
        seed: Of the resamples, of new grooves and of the touch.
        touch: With how much of a player's scatter to measure the model too, 0..1, and how repeats
            of bars vary where `data` are shards; 0 for not.

    Raises:
        GrooveFastError: No shard matches, one cannot be read or holds no window for the model, or
            the model takes windows of any length.
        OptionError: An option out of its range, a model in NumPy, or a touch that was never
            fitted.
    """
    from groovefast.windows.cutting import Cutting

    if samples is not None:
        check_whole("samples", samples, 0)
    check_number("touch", touch, 0, 1)
    if isinstance(model, NumpyGrooVAE):
        raise OptionError("model", 'one of TensorFlow wanted: load_model(…, backend="tensorflow")')
    scatter = model.fitted_touch() if touch else None
    config, task = model.config, Task.of(model.config.converter)
    cutting = Cutting.of(config, hop_bars, dedupe, min_hits)
    truth = _performances(data, config, cutting)
    train = None if train_data is None else _performances(train_data, config, cutting)
    runner = _Runner(model, truth, batch_size)

    def row(name: str, kind: str, predicted: Performances) -> Row:
        scores = measure(truth, predicted, task.played_drums, resamples=resamples, seed=seed)
        return Row(name, kind, scores, predicted)

    written = dict(_model_rows(runner, seed))
    if scatter:
        plain = written[_THIS_MODEL]
        written[f"{_THIS_MODEL}, touch {touch:g}"] = touched(plain, scatter, touch, seed)
    rows = [row(name, "model", predicted) for name, predicted in written.items()]
    for name, predictor in _baselines(task, train):
        rows.append(row(name, "baseline", predictor(truth)))
    if not task.chooses_hits and config.converter.split_bars == 2:
        rows += [Row(f"{name}, published", "published", {ALL: s}) for name, s in PUBLISHED.items()]
    evaluation = Evaluation(config, truth, rows, runner.losses())
    if touch and not isinstance(data, Performances):
        repeats = measure_repeats(model, data, touch, hop_bars=hop_bars, seed=seed)
        evaluation = dataclasses.replace(evaluation, repeats=repeats)
    n = len(truth) if samples is None else samples
    if not (task.makes_up and n):
        return evaluation
    style_windows = truth if style_data is None else _performances(style_data, config, cutting)
    return dataclasses.replace(
        evaluation,
        samples=measure_new_grooves(model, truth, train, n, seed),
        num_samples=n,
        **_control(model, style_windows, train, n, seed),
    )


def touched(predicted: Performances, touch: Touch, amount: float, seed: int) -> Performances:
    """Returns what a model wrote with a player's scatter, each window for itself."""
    velocities, offsets = touch.draw(
        predicted.hits,
        predicted.velocities,
        predicted.offsets,
        amount,
        seed,
        steps_per_bar=predicted.steps_per_bar,
    )
    return predicted.replace(velocities=velocities, offsets=offsets)


def read_performances(
    data: DataPattern, config: Config, cutting: Cutting | None = None
) -> Performances:
    """Reads the windows of converted performances, in the order of the files.

    Args:
        data: Shards, see `shards.find.find_shards`.
        config: A config.
        cutting: Which windows to cut; those of the config if None.

    Raises:
        GrooveFastError: As `load_dataset`.
    """
    from groovefast.windows.dataset import read_windows

    converter = config.converter
    windows = read_windows(data, config, cutting)
    return Performances(
        windows.grid.hits > 0,
        windows.grid.velocities,
        windows.grid.offsets,
        windows.qpms,
        converter.steps_per_quarter,
        converter.quarters_per_bar,
        windows.performances,
        windows.styles,
    )


def _performances(
    data: DataPattern | Performances, config: Config, cutting: Cutting
) -> Performances:
    return data if isinstance(data, Performances) else read_performances(data, config, cutting)


def _baselines(task: Task, train: Performances | None) -> Iterator[tuple[str, baselines.Predictor]]:
    if not task.chooses_hits:
        yield QUANTIZED, baselines.quantized
    if train is None:
        return
    if not task.chooses_hits:
        yield "mean of drum and step", baselines.fit_means(train)
        yield "linear regression", baselines.fit_linear(train)
        return
    if Purpose.TAP2DRUM in task.purposes:
        yield "tap copied", baselines.fit_tap_copied(train)
        yield "tap on the usual drums", baselines.fit_tap_by_step(train)
        yield "tap on its own drum (told)", baselines.fit_tap_on_its_drum(train)
    classes = task.played_drums
    common = "average hi-hat" if classes == (_CLOSED_HI_HAT,) else "most common groove"
    yield common, baselines.fit_common_groove(train, classes)


# What the model writes.


class _Runner:
    """A model over all windows, some at a time."""

    def __init__(self, model: GrooVAE, truth: Performances, batch_size: int) -> None:
        self.model, self.truth, self._batch_size = model, truth, batch_size
        grid = truth.hits.astype(np.float32), truth.velocities, truth.offsets
        self._inputs, self._outputs, self._controls = transforms.apply(
            model.config.converter, np, *grid
        )

    def reconstruct(self, kept: tuple[int, ...] = ()) -> Performances:
        """What is decoded from `mu`; hits of the classes in `kept` stay as played."""

        def decode(batch: slice) -> Any:
            mu, _ = self.model.encode(self._inputs[batch], self._controls[batch])
            return self._decode(mu, batch, kept, 0.0, 0)

        return self._run(decode, self._batch_size)

    def sample(self, temperature: float, seed: int, kept: tuple[int, ...] = ()) -> Performances:
        """What is decoded from z ~ N(0, 1), in as many windows as were played."""
        z_size = self.model.config.hparams.z_size
        z = np.random.default_rng(seed).standard_normal((len(self.truth), z_size), np.float32)
        return self._run(
            lambda batch: self._decode(z[batch], batch, kept, temperature, seed + batch.start),
            _SAMPLES_AT_ONCE,
        )

    def losses(self) -> dict[str, float]:
        """Means over windows of the reconstruction loss at z = mu, and of the KL."""
        totals: dict[str, float] = {}
        hparams = self.model.config.hparams
        for batch in self._batches(self._batch_size):
            inputs, outputs = self._inputs[batch], self._outputs[batch]
            eps = np.zeros((len(inputs), hparams.z_size), np.float32)
            losses = self.model.losses(
                inputs,
                outputs,
                self._controls[batch],
                eps,
                sampling_probability=hparams.evaluated_sampling_probability,
                seed=0,
            )
            for name in ("r_loss", "kl"):
                totals[name] = totals.get(name, 0.0) + float(np.sum(losses[name]))
        return {name: total / len(self.truth) for name, total in totals.items()}

    def _decode(
        self, z: Any, batch: slice, kept: tuple[int, ...], temperature: float, seed: int
    ) -> Any:
        hits = self.truth.hits[batch].astype(np.float32)
        given = np.broadcast_to(np.isin(ALL_CLASSES, kept), hits.shape)
        rows = len(hits), self._inputs.shape[1], -1
        return self.model.decode(
            z,
            self._controls[batch],
            temperature,
            seed,
            hits=hits.reshape(rows),
            given=given.reshape(rows),
        )

    def _run(self, decode: Callable[[slice], Any], size: int) -> Performances:
        rows = np.concatenate([np.asarray(decode(batch)) for batch in self._batches(size)])
        grid = RowLayout.of(self.model.config.converter).numbers(rows)
        return self.truth.replace(
            hits=grid.hits > 0.5,
            velocities=np.asarray(grid.velocities, np.float32),
            offsets=np.asarray(grid.offsets, np.float32),
        )

    def _batches(self, size: int) -> list[slice]:
        return [slice(first, first + size) for first in range(0, len(self.truth), size)]


def _model_rows(runner: _Runner, seed: int) -> Iterator[tuple[str, Performances]]:
    task, truth = Task.of(runner.model.config.converter), runner.truth
    given = task.given_drums
    yield _THIS_MODEL, runner.reconstruct(given)
    if given:
        # The decoder hears the hits it chose itself, but is read at those that were given.
        own = runner.reconstruct()
        hits = np.where(np.isin(ALL_CLASSES, given), truth.hits, own.hits)
        yield f"{_THIS_MODEL}, own hits fed back", own.replace(hits=hits)
    if task.wants_hits:
        yield f"{_THIS_MODEL}, z ~ N(0, 1)", runner.sample(1.0, seed, given)


def _control(
    model: GrooVAE, style_windows: Performances, train: Performances | None, n: int, seed: int
) -> dict[str, Any]:
    """What can be asked of new grooves, and whether it is heard; nothing of a model without."""
    prior = model.prior
    if prior is None or train is None:
        return {}
    return {
        "styles": recognise_styles(model, prior.styles, style_windows, train, n, seed),
        "attributes": shift_attributes(model, prior.attributes, train, n, seed),
    }
