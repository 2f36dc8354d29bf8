"""LSTM layers over whole windows, with a backward pass of their own.

The cell is the one of TensorFlow 1 (SPEC: gates i, j, f, o; the forget gate gets +1):

    i, j, f, o = split(x·Wx + h·Wh + b)
    c = sigmoid(f + 1)·c + sigmoid(i)·tanh(j)
    h = sigmoid(o)·tanh(c)

Only `h·Wh` has to be done step by step. Everything else is one large product over all steps:
`x·Wx` before the loop, and the gradient of `Wh` after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

FORGET_BIAS = 1.0


def lstm(
    parts: Sequence[tf.Tensor],
    kernel: tf.Tensor,
    bias: tf.Tensor,
    recurrent: tf.Tensor,
    initial_state: tuple[tf.Tensor, tf.Tensor],
) -> tf.Tensor:
    """Runs one LSTM layer over a batch of sequences.

    The products are done in the dtype of the kernels, the cell itself in float32.

    Args:
        parts: The inputs, as for `project`; at least one of them by steps.
        kernel: Wx, (sum of the parts' depths, 4 * units).
        bias: b, (4 * units,), without the forget gate's +1.
        recurrent: Wh, (units, 4 * units).
        initial_state: c and h before the first step, (n, units) each.

    Returns:
        h of every step, (steps, n, units), float32.
    """
    return _recur(project(parts, kernel) + bias, recurrent, *initial_state)


def lstm_step(
    projected: tf.Tensor, recurrent: tf.Tensor, c: tf.Tensor, h: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """One step of the cell: the new c and h, (n, units) each.

    Args:
        projected: x·Wx + b, (n, 4 * units).
        recurrent: Wh, (units, 4 * units), in the dtype of the product.
        c: Previous cell state, (n, units).
        h: Previous output, (n, units).
    """
    gates = projected + tf.cast(tf.cast(h, recurrent.dtype) @ recurrent, tf.float32)
    i, j, f, o = tf.split(gates, 4, axis=-1)
    c = tf.sigmoid(f + FORGET_BIAS) * c + tf.sigmoid(i) * tf.tanh(j)
    return c, tf.sigmoid(o) * tf.tanh(c)


def project(parts: Sequence[tf.Tensor], kernel: tf.Tensor) -> tf.Tensor:
    """Multiplies inputs by a kernel, all steps in one product.

    Args:
        parts: The inputs, side by side in the order of the kernel's rows: each is
            (steps, n, depth), or (n, depth) where it is the same at every step and so
            needs to be multiplied only once.
        kernel: (sum of the depths, width); the product is done in its dtype.

    Returns:
        (steps, n, width) or, if no part has steps, (n, width); float32.
    """
    rows = tf.split(kernel, [part.shape[-1] for part in parts])
    products = []
    for part, weights in zip(parts, rows, strict=True):
        flat = tf.reshape(tf.cast(part, kernel.dtype), [-1, weights.shape[0]])
        shape = tf.concat([tf.shape(part)[:-1], [weights.shape[1]]], 0)
        products.append(tf.cast(tf.reshape(flat @ weights, shape), tf.float32))
    return sum(products[1:], products[0])


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _recur(
    projected: tf.Tensor, recurrent: tf.Tensor, c0: tf.Tensor, h0: tf.Tensor
) -> tuple[tf.Tensor, Any]:
    """The recurrence over already projected inputs, (steps, n, 4 * units)."""
    steps = tf.shape(projected)[0]
    dtype = recurrent.dtype

    def forward(t: tf.Tensor, c: tf.Tensor, h: tf.Tensor, *saved: tf.TensorArray) -> Any:
        gates = projected[t] + tf.cast(tf.cast(h, dtype) @ recurrent, tf.float32)
        i, j, f, o = tf.split(gates, 4, axis=-1)
        i, j, f, o = tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f + FORGET_BIAS), tf.sigmoid(o)
        c = f * c + i * j
        h = o * tf.tanh(c)
        values = (tf.concat([i, j, f, o], -1), c, h)
        return t + 1, c, h, *(a.write(t, v) for a, v in zip(saved, values, strict=True))

    arrays = [tf.TensorArray(tf.float32, steps) for _ in range(3)]
    _, _, _, *arrays = tf.while_loop(
        lambda t, *_: t < steps, forward, (0, c0, h0, *arrays), maximum_iterations=steps
    )
    gates, cells, outputs = (array.stack() for array in arrays)

    def backward(
        d_outputs: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        previous_c = tf.concat([c0[None], cells[:-1]], 0)
        transposed = tf.transpose(recurrent)

        def step(t: tf.Tensor, dc: tf.Tensor, dh: tf.Tensor, saved: tf.TensorArray) -> Any:
            i, j, f, o = tf.split(gates[t], 4, axis=-1)
            squashed = tf.tanh(cells[t])
            dh += d_outputs[t]
            dc += dh * o * (1 - squashed * squashed)
            d_gates = tf.concat(
                [
                    dc * j * i * (1 - i),
                    dc * i * (1 - j * j),
                    dc * previous_c[t] * f * (1 - f),
                    dh * squashed * o * (1 - o),
                ],
                -1,
            )
            dh = tf.cast(tf.cast(d_gates, dtype) @ transposed, tf.float32)
            return t - 1, dc * f, dh, saved.write(t, d_gates)

        array = tf.TensorArray(tf.float32, steps)
        _, dc, dh, array = tf.while_loop(
            lambda t, *_: t >= 0, step, (steps - 1, tf.zeros_like(c0), tf.zeros_like(h0), array)
        )
        d_projected = array.stack()
        previous_h = tf.concat([h0[None], outputs[:-1]], 0)
        d_recurrent = tf.matmul(
            tf.cast(tf.reshape(previous_h, [-1, h0.shape[-1]]), dtype),
            tf.cast(tf.reshape(d_projected, [-1, recurrent.shape[-1]]), dtype),
            transpose_a=True,
        )
        return d_projected, d_recurrent, dc, dh

    return outputs, backward
