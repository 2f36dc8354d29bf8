"""The training step, and all that changes with it: weights, optimizer, step and running means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from groovefast.config import Config
from groovefast.model.groovae import GrooVAE
from groovefast.model.layers import DTYPES
from groovefast.model.plan import layers
from groovefast.training.optimizer import Adam, LossScale, MovingAverage
from groovefast.training.schedules import beta, learning_rate, sampling_probability
from groovefast.windows.rows import RowLayout
from groovefast.windows.token_rows import layout_of

_LOSSES = {
    "loss": "total",
    "losses/r_loss": "r_loss",
    "losses/kl_loss": "kl_loss",
    "losses/kl_bits": "kl_bits",
    "losses/kl_beta": "kl_beta",
}
LOSS_METRICS = {
    **_LOSSES,
    "metrics/hits_loss": "hits_loss",
    "metrics/hits_acc": "hits_accuracy",
    "metrics/velocities_loss": "velocities_loss",
    "metrics/offsets_loss": "offsets_loss",
}
"""Magenta's names of what `GrooVAE.losses` gives of performances, and of the beta it was given."""

STEP_METRICS = ("learning_rate", "global_norm")


def loss_metrics(config: Config) -> Mapping[str, str]:
    """Returns the same for the rows of a config: of tokens there are accuracies."""
    layout = layout_of(config)
    if isinstance(layout, RowLayout):
        return LOSS_METRICS
    parts = range(len(layout.tokens)) if len(layout.tokens) > 1 else ()
    kinds = ("accuracy", "mean_per_class_accuracy")
    names = [name for kind in kinds for name in (kind, *(f"{kind}/output_{i}" for i in parts))]
    return {**_LOSSES, **{f"metrics/{name}": name for name in names}}


class Trainer(tf.Module):  # type: ignore[misc]
    """A model in training.

    Everything random in a step follows from the seed and the number of the step, so the variables
    tracked here are all there is to save.

    Attributes:
        model: The model.
        averaged: What is evaluated and saved: with `ema_decay` a model of averaged weights, else
            the model itself.
        step: Steps done, those that were skipped included.
        skipped: Steps that changed nothing because the gradient was too large or not finite.
        skipped_in_row: The same, since the last that was not skipped.
        loss_scale: What keeps float16 gradients from vanishing.
        best_eval: The lowest evaluation loss so far.
        best_eval_data: Of what it is the loss: the SHA-256 of that data, as four int64.
    """

    def __init__(
        self,
        config: Config,
        strategy: tf.distribute.Strategy,
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        """Builds a model with fresh weights on the devices of `strategy`."""
        super().__init__(name="trainer")
        self._hparams = config.hparams
        self._metrics = loss_metrics(config)
        self._strategy = strategy
        self._seed = tf.constant([seed, 0], tf.int32)
        with strategy.scope():
            self.model = GrooVAE(config, precision, seed)
            self.averaged = (
                GrooVAE(config, precision, seed) if config.hparams.ema_decay else self.model
            )
            self._optimizer = Adam(self.model.trainable_variables)
        self._average = MovingAverage(
            self.model.trainable_variables,
            self.averaged.trainable_variables,
            config.hparams.ema_decay,
        )
        self.loss_scale = LossScale(dynamic=precision == "mixed_float16")
        self.step = _counter("step")
        self.skipped = _counter("skipped")
        self.skipped_in_row = _counter("skipped_in_row")
        self.best_eval = tf.Variable(float("inf"), trainable=False, name="best_eval")
        self.best_eval_data = tf.Variable(
            tf.zeros(4, tf.int64), trainable=False, name="best_eval_data"
        )
        self._sums = tf.Variable(tf.zeros(len(self._metrics) + len(STEP_METRICS)), trainable=False)
        self._summed = tf.Variable(0.0, trainable=False)

    def start_from(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Takes weights, such as those of `checkpoints.load_weights`, instead of fresh ones."""
        for model in (self.model, self.averaged):
            for name, variable in model.weights.items():
                variable.assign(weights[name])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def run(self, iterator: Any, steps: tf.Tensor) -> None:
        """Does `steps` steps on the next batches of a distributed iterator, all in one graph."""
        for _ in tf.range(steps):
            results = self._strategy.run(self._replica_step, args=(*next(iterator), self.step))
            metrics, applied, finite = (
                self._strategy.experimental_local_results(result)[0] for result in results
            )
            self.loss_scale.update(finite)
            self._count(metrics, applied)

    def _replica_step(
        self, inputs: tf.Tensor, outputs: tf.Tensor, controls: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """One replica's share of a step; what it returns is the same for all."""
        context = tf.distribute.get_replica_context()
        eps, seed = self._noise(context, step, tf.shape(inputs)[0])
        variables = self.model.trainable_variables
        beta_now = beta(self._hparams, step)
        with tf.GradientTape() as tape:
            losses = self.model.losses(
                inputs,
                outputs,
                controls,
                eps,
                beta=beta_now,
                sampling_probability=sampling_probability(self._hparams, step),
                dropout_keep_prob=self._hparams.dropout_keep_prob,
                compiled=True,
                seed=seed,
            )
            scaled_loss = losses["total"] * self.loss_scale.factor
        gradients = tape.gradient(scaled_loss, variables)
        gradients, loss_metrics = context.all_reduce(
            tf.distribute.ReduceOp.MEAN, [gradients, self._means_of(losses, beta_now)]
        )
        scaled_norm = tf.linalg.global_norm(gradients)
        norm = scaled_norm / self.loss_scale.factor
        rate = learning_rate(self._hparams, step)
        applied = norm < self._hparams.grad_norm_clip_to_zero  # not so if it is not a number
        factor = self._hparams.grad_clip / tf.maximum(norm, self._hparams.grad_clip)

        def update() -> None:
            unscaled = factor / self.loss_scale.factor
            self._optimizer.apply([unscaled * gradient for gradient in gradients], rate, step)
            if self._hparams.ema_decay:
                self._average.update(step)

        tf.cond(applied, update, lambda: None)
        metrics = tf.concat([loss_metrics, tf.stack([rate, norm])], 0)
        return metrics, applied, tf.math.is_finite(scaled_norm)

    def _noise(
        self, context: tf.distribute.ReplicaContext, step: tf.Tensor, n: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's eps, its part of one draw for the whole batch, and a seed of its own."""
        for_eps, for_model = tf.unstack(tf.random.split(tf.random.fold_in(self._seed, step), 2))
        replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
        shape = [n * context.num_replicas_in_sync, self._hparams.z_size]
        eps = tf.random.stateless_normal(shape, for_eps)
        return eps[replica * n : (replica + 1) * n], tf.random.fold_in(for_model, replica)

    def _count(self, metrics: tf.Tensor, applied: tf.Tensor) -> None:
        """Takes note of a step; the losses of skipped ones may be no numbers."""
        one = tf.cast(applied, tf.int64)
        self._sums.assign_add(tf.where(applied, metrics, 0.0))
        self._summed.assign_add(tf.cast(applied, tf.float32))
        self.skipped.assign_add(1 - one)
        self.skipped_in_row.assign((self.skipped_in_row + 1) * (1 - one))
        self.step.assign_add(1)

    def means(self) -> dict[str, float]:
        """Returns the means of the metrics since `clear_means`; no numbers if there are none."""
        means = (self._sums / self._summed).numpy()
        return dict(zip((*self._metrics, *STEP_METRICS), map(float, means), strict=True))

    def clear_means(self) -> None:
        """Begins new means."""
        self._sums.assign(tf.zeros_like(self._sums))
        self._summed.assign(0.0)

    def agree(self, wish: bool) -> bool:
        """Returns whether any worker has a wish; all of them have to ask at the same step."""
        return bool(self._sum_over_workers(tf.constant(float(wish))) > 0)

    @tf.function  # type: ignore[untyped-decorator]
    def _sum_over_workers(self, value: tf.Tensor) -> tf.Tensor:
        def own(value: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            # Of a copy, which is on the replica's device.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))

        summed = self._strategy.run(own, args=(value,))
        return self._strategy.experimental_local_results(summed)[0]

    def evaluate(
        self, batches: Iterable[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]
    ) -> dict[str, float]:
        """Returns the means of the losses over all windows, without dropout.

        The same weights and windows always give the same numbers, whatever the step: beta is
        what it ends at.
        """
        total = tf.zeros(len(self._metrics))
        windows = 0
        for number, batch in enumerate(batches):
            n = int(batch[0].shape[0])
            total += n * self._evaluate_batch(*batch, tf.constant(number))
            windows += n
        return dict(zip(self._metrics, map(float, (total / windows).numpy()), strict=True))

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _evaluate_batch(
        self, inputs: tf.Tensor, outputs: tf.Tensor, controls: tf.Tensor, number: tf.Tensor
    ) -> tf.Tensor:
        seed = tf.random.fold_in(self._seed, number)
        losses = self.averaged.losses(
            inputs,
            outputs,
            controls,
            beta=self._hparams.max_beta,
            sampling_probability=self._hparams.evaluated_sampling_probability,
            seed=seed,
        )
        return self._means_of(losses, self._hparams.max_beta)

    def _means_of(self, losses: Mapping[str, tf.Tensor], beta: float | tf.Tensor) -> tf.Tensor:
        """The means over a batch, in the order of the metrics."""
        values = {**losses, "kl_beta": beta}
        return tf.stack([tf.reduce_mean(values[name]) for name in self._metrics.values()])


def step_memory(config: Config, precision: str, windows: int) -> int:
    """Returns how many bytes a training step needs on a CPU, at least.

    What an LSTM layer keeps of each step is counted, what its way back and its dropout need, and
    what there is of every weight. Measured steps need up to twice that, and 150 MB for the graph.

    Args:
        config: What is trained.
        precision: What it is computed in.
        windows: Windows in a batch.
    """
    plan = layers(config)
    number: int = DTYPES[precision].size
    units = [cell.units for cell in plan.row_cells]
    inputs = [cell.lstm.inputs - cell.units for cell in plan.row_cells]
    kept = sum(units) * (5 * number + 4)  # gates and h; c is float32
    way_back = 8 * number * max(units)  # the gates' gradients, twice
    dropped = 2 * number * sum(inputs)  # inputs and what is left of them
    if config.hparams.dropout_keep_prob == 1:
        dropped = 0
    rows_per_step = layout_of(config).rows_per_step
    rows = windows * (config.converter.window_steps or 0) * rows_per_step
    # Weights, their gradients before and after clipping, Adam's two moments.
    copies = 6 if config.hparams.ema_decay else 5
    weights = sum(math.prod(shape) for shape in plan.shapes().values())
    return rows * (kept + way_back + dropped) + 4 * copies * weights


def _counter(name: str) -> tf.Variable:
    return tf.Variable(0, dtype=tf.int64, trainable=False, name=name)
