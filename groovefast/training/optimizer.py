"""Adam, averages of the weights, and the loss scaling that float16 needs."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


class Adam(tf.Module):  # type: ignore[misc]
    """TensorFlow 1's `AdamOptimizer`, each variable updated by one fused kernel.

    Kingma & Ba, "Adam: A Method for Stochastic Optimization" (2015), in its form with epsilon
    outside of the bias correction.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        """Creates the moments, zero, of `variables`."""
        super().__init__(name="adam")
        self._betas = beta_1, beta_2
        self._epsilon = epsilon
        self._variables = list(variables)
        self._means = [self._moment(variable, "mean") for variable in variables]
        self._squares = [self._moment(variable, "square") for variable in variables]

    def _moment(self, variable: tf.Variable, kind: str) -> tf.Variable:
        return tf.Variable(tf.zeros_like(variable), trainable=False, name=f"{kind}_moment")

    def apply(
        self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor, step: tf.Tensor
    ) -> None:
        """Moves the variables against their gradients; `step` counts from 0."""
        updates = tf.cast(step, tf.float32) + 1
        beta_1, beta_2 = self._betas
        slots = zip(self._variables, self._means, self._squares, gradients, strict=True)
        for variable, mean, square, gradient in slots:
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=beta_1**updates,
                beta2_power=beta_2**updates,
                lr=learning_rate,
                beta1=beta_1,
                beta2=beta_2,
                epsilon=self._epsilon,
                grad=gradient,
            )


class MovingAverage(tf.Module):  # type: ignore[misc]
    """Exponential moving averages of variables, kept in other variables.

    The first steps are forgotten sooner, as the decay grows from 0.1 to what was asked for
    (TensorFlow 1's `ExponentialMovingAverage` with `num_updates`).
    """

    def __init__(
        self, variables: Sequence[tf.Variable], averages: Sequence[tf.Variable], decay: float
    ) -> None:
        """Keeps the averages of `variables`, in their order, in `averages`."""
        super().__init__(name="moving_average")
        self._pairs = list(zip(variables, averages, strict=True))
        self._decay = decay

    def update(self, step: tf.Tensor) -> None:
        """Takes the variables' present values in; `step` counts from 0."""
        updates = tf.cast(step, tf.float32)
        rest = 1 - tf.minimum(self._decay, (1 + updates) / (10 + updates))
        for variable, average in self._pairs:
            difference = average.read_value() - variable.read_value()
            tf.raw_ops.AssignSubVariableOp(resource=average.handle, value=rest * difference)


class LossScale(tf.Module):  # type: ignore[misc]
    """What the loss is multiplied by so that float16 gradients do not vanish.

    It doubles after 2,000 steps without overflow and halves at each overflow; without `dynamic` it
    is 1.
    """

    INITIAL = 2.0**10  # the loss, a sum over a window's steps, overflows with more
    GROWTH_STEPS = 2000

    def __init__(self, dynamic: bool) -> None:
        """Starts at `INITIAL`."""
        super().__init__(name="loss_scale")
        self.dynamic = dynamic
        self.value = tf.Variable(self.INITIAL, trainable=False)
        self._steps = tf.Variable(0, trainable=False, dtype=tf.int64)

    @property
    def factor(self) -> tf.Tensor:
        """What to multiply the loss by now."""
        return self.value.read_value() if self.dynamic else tf.constant(1.0)

    def update(self, finite: tf.Tensor) -> None:
        """Takes into account whether the gradients of a step were finite."""
        if not self.dynamic:
            return
        steps = tf.where(finite, self._steps + 1, 0)
        grown = steps >= self.GROWTH_STEPS
        larger = tf.where(grown, 2 * self.value, self.value)
        self.value.assign(tf.where(finite, larger, tf.maximum(self.value / 2, 1.0)))
        self._steps.assign(tf.where(grown, tf.zeros_like(steps), steps))
