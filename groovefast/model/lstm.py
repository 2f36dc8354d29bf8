"""LSTM layers over whole windows, with a backward pass of their own.

The cell is the one of TensorFlow 1 (gates i, j, f, o; the forget gate gets +1):

    i, j, f, o = split(x·Wx + h·Wh + b)
    c = sigmoid(f + 1)·c + sigmoid(i)·tanh(j)
    h = sigmoid(o)·tanh(c)

A step is one product, [x, h]·[Wx; Wh]; what is the same at every step is multiplied once. The
gradients of x and of the weights are products over all steps at once, after the loop. On a GPU
cuDNN does the whole layer.

Products are done in the dtype of the kernels, the cell itself always in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from groovefast.model.plan import FORGET_BIAS


class LstmWeights(NamedTuple):
    """The weights of a layer; columns are the gates i, j, f, o.

    Attributes:
        kernel: Wx, (depth, 4 * units).
        bias: b, (4 * units,), float32, without the forget gate's +1.
        recurrent: Wh, (units, 4 * units).
    """

    kernel: tf.Tensor
    bias: tf.Tensor
    recurrent: tf.Tensor


class State(NamedTuple):
    """What a layer remembers, (n, units) each."""

    c: tf.Tensor
    h: tf.Tensor


def lstm(
    parts: Sequence[tf.Tensor],
    weights: LstmWeights,
    initial: State,
    *,
    last_only: bool = False,
    compiled: bool = False,
) -> tf.Tensor:
    """Runs one LSTM layer over a batch of sequences.

    Args:
        parts: The inputs, as for `project`; at least one of them by steps.
        weights: Those of the layer.
        initial: Its state before the first step.
        last_only: Whether only the last step's h is wanted.
        compiled: Whether to compile the cell for the shapes at hand, which takes some tenths of
            a second for each new shape and is then faster: for training.

    Returns:
        h of every step, (steps, n, units), or of the last one, (n, units), in the kernel's dtype.
    """
    if _places_on_gpu():
        outputs = _cudnn_lstm(parts, weights, initial)
        return outputs[-1] if last_only else outputs
    x, weights = _fold_constants(parts, weights)
    return _recurrence(last_only, compiled)(x, *weights, *initial)


def lstm_step(x: tf.Tensor, weights: LstmWeights, state: State) -> State:
    """Does one step of a layer.

    Args:
        x: The step's input, (n, depth).
        weights: Those of the layer; the bias may also be (n, 4 * units).
        state: That before the step; float32.
    """
    product = (
        project([x], weights.kernel) + tf.cast(state.h, weights.recurrent.dtype) @ weights.recurrent
    )
    _, new_state = _advance(tf.cast(product, tf.float32) + weights.bias, state.c)
    return new_state


def project(parts: Sequence[tf.Tensor], kernel: tf.Tensor) -> tf.Tensor:
    """Multiplies inputs by a kernel, all steps in one product.

    Args:
        parts: The inputs, side by side in the order of the kernel's rows: each is
            (steps, n, depth), or (n, depth) where it is the same at every step and so
            needs to be multiplied only once. Parts may be empty, of depth 0.
        kernel: (sum of the depths, width).

    Returns:
        (steps, n, width) or, if no part has steps, (n, width), in the kernel's dtype.
    """
    rows = tf.split(kernel, [part.shape[-1] for part in parts])
    products = []
    for part, weights in zip(parts, rows, strict=True):
        if not part.shape[-1]:
            continue
        flat = tf.reshape(tf.cast(part, kernel.dtype), [-1, weights.shape[0]])
        shape = tf.concat([tf.shape(part)[:-1], [weights.shape[1]]], 0)
        products.append(tf.reshape(flat @ weights, shape))
    return sum(products[1:], products[0])


# --- The recurrence, forward and backward ---------------------------------------------------


def _fold_constants(
    parts: Sequence[tf.Tensor], weights: LstmWeights
) -> tuple[tf.Tensor, LstmWeights]:
    """The parts with steps, joined, and the weights for them: the rest goes into the bias."""
    kernels = tf.split(weights.kernel, [part.shape[-1] for part in parts])
    dtype, bias, by_steps = weights.kernel.dtype, weights.bias, []
    for part, kernel in zip(parts, kernels, strict=True):
        if part.shape.rank == 3:
            by_steps.append((tf.cast(part, dtype), kernel))
        elif part.shape[-1]:
            bias += tf.cast(project([part], kernel), tf.float32)
    xs, kernels = zip(*by_steps, strict=True)
    return tf.concat(xs, -1), LstmWeights(tf.concat(kernels, 0), bias, weights.recurrent)


def _recurrence(last_only: bool, compiled: bool) -> Any:
    """The loop over the steps as a function of inputs, weights and initial state."""
    cell = _compiled_cell if compiled else _cell
    cell_gradient = _compiled_cell_gradient if compiled else _cell_gradient

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def recur(
        x: tf.Tensor,
        kernel: tf.Tensor,
        bias: tf.Tensor,
        recurrent: tf.Tensor,
        c0: tf.Tensor,
        h0: tf.Tensor,
    ) -> tuple[tf.Tensor, Any]:
        steps, dtype = tf.shape(x)[0], recurrent.dtype
        h0 = tf.cast(h0, dtype)
        joined_kernel = tf.concat([kernel, recurrent], 0)

        def forward(t: tf.Tensor, c: tf.Tensor, h: tf.Tensor, saved: Any) -> Any:
            gates, new_c, h = cell(tf.concat([x[t], h], -1) @ joined_kernel, bias, c)
            *gate_arrays, cs, hs = saved
            gate_arrays = [a.write(t, gate) for a, gate in zip(gate_arrays, gates, strict=True)]
            return t + 1, new_c, h, [*gate_arrays, cs.write(t, c), hs.write(t + 1, h)]

        # c of the step before and the gates give c back, so that only one of the two is kept.
        saved = [_array(dtype, steps) for _ in range(4)]
        saved += [_array(tf.float32, steps), _array(dtype, steps + 1).write(0, h0)]
        _, _, last_h, saved = tf.while_loop(
            lambda t, *_: t < steps, forward, (0, c0, h0, saved), maximum_iterations=steps
        )
        *gate_arrays, previous_cs, hs = saved

        def backward(d_result: tf.Tensor) -> tuple[tf.Tensor, ...]:
            transposed = tf.transpose(recurrent)

            def step(t: tf.Tensor, dc: tf.Tensor, dh: tf.Tensor, saved: Any) -> Any:
                gates = [array.read(t) for array in gate_arrays]
                d_output = None if last_only else d_result[t]
                d_sums, dc = cell_gradient(gates, previous_cs.read(t), dc, dh, d_output)
                d_sum = tf.concat(d_sums, -1)
                return t - 1, dc, d_sum @ transposed, saved.write(t, d_sum)

            start_dh = d_result if last_only else tf.zeros_like(h0)
            _, dc, dh, d_sums = tf.while_loop(
                lambda t, *_: t >= 0,
                step,
                (steps - 1, tf.zeros_like(c0), start_dh, _array(dtype, steps)),
                maximum_iterations=steps,
            )
            d_sums = d_sums.stack()
            d_x = project([d_sums], tf.transpose(kernel))
            d_kernel, d_bias = _kernel_and_bias_gradients(x, d_sums, bias.shape.rank)
            d_recurrent = _product_over_steps(hs.stack()[:-1], d_sums)
            return d_x, d_kernel, d_bias, d_recurrent, dc, tf.cast(dh, c0.dtype)

        return (last_h if last_only else hs.stack()[1:]), backward

    return recur


def _kernel_and_bias_gradients(
    x: tf.Tensor, d_sums: tf.Tensor, bias_rank: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Both in one product, unless every window has a bias of its own."""
    if bias_rank == 2:
        d_bias = tf.reduce_sum(tf.cast(d_sums, tf.float32), 0)
        return _product_over_steps(x, d_sums), d_bias
    both = _product_over_steps(tf.concat([x, tf.ones_like(x[..., :1])], -1), d_sums)
    return both[:-1], tf.cast(both[-1], tf.float32)


def _product_over_steps(x: tf.Tensor, d_sums: tf.Tensor) -> tf.Tensor:
    """The gradient of what x, (steps, n, depth), was multiplied by."""
    x, d_sums = (tf.reshape(array, [-1, array.shape[-1]]) for array in (x, d_sums))
    return tf.matmul(x, d_sums, transpose_a=True)


def _array(dtype: tf.DType, size: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(dtype, size, clear_after_read=False)


def _cell(
    product: tf.Tensor, bias: tf.Tensor, c: tf.Tensor
) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor]:
    """The gates i, j, f, o after their activations, and the new c and h."""
    gates, state = _advance(tf.cast(product, tf.float32) + bias, c)
    dtype = product.dtype
    return tuple(tf.cast(gate, dtype) for gate in gates), state.c, tf.cast(state.h, dtype)


def _advance(sums: tf.Tensor, c: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], State]:
    """The equations of the cell."""
    i, j, f, o = tf.split(sums, 4, -1)
    i, j, f, o = _sigmoid(i), tf.tanh(j), _sigmoid(f + FORGET_BIAS), _sigmoid(o)
    c = f * c + i * j
    return (i, j, f, o), State(c, o * tf.tanh(c))


def _cell_gradient(
    gates: Sequence[tf.Tensor],
    previous_c: tf.Tensor,
    dc: tf.Tensor,
    dh: tf.Tensor,
    d_output: tf.Tensor | None,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The gradients of the four sums and of the previous c.

    They are joined by the caller: the compiler would do that slowly.
    """
    dtype = dh.dtype
    i, j, f, o = (tf.cast(gate, tf.float32) for gate in gates)
    squashed_c = tf.tanh(f * previous_c + i * j)
    dh = tf.cast(dh, tf.float32)
    if d_output is not None:
        dh += tf.cast(d_output, tf.float32)
    dc += dh * o * (1 - squashed_c * squashed_c)
    di, dj = dc * j * i * (1 - i), dc * i * (1 - j * j)
    df, do = dc * previous_c * f * (1 - f), dh * squashed_c * o * (1 - o)
    return [tf.cast(gradient, dtype) for gradient in (di, dj, df, do)], dc * f


_compiled_cell = tf.function(_cell, jit_compile=True)
_compiled_cell_gradient = tf.function(_cell_gradient, jit_compile=True)


def _sigmoid(x: tf.Tensor) -> tf.Tensor:
    """The sigmoid as a tanh, which compiles to something faster than `tf.sigmoid`."""
    return 0.5 * tf.tanh(0.5 * x) + 0.5


# --- cuDNN ----------------------------------------------------------------------------------


def _places_on_gpu() -> bool:
    """Whether what is computed here runs on a GPU."""
    device = tf.constant(0.0).device
    return "GPU" in device if device else bool(tf.config.list_logical_devices("GPU"))


def _cudnn_lstm(parts: Sequence[tf.Tensor], weights: LstmWeights, initial: State) -> tf.Tensor:
    """`lstm` by cuDNN, which has no bfloat16 and does it in float32."""
    dtype = weights.kernel.dtype
    inner = tf.float32 if dtype == tf.bfloat16 else dtype
    inputs = side_by_side_over_time(parts)
    outputs, *_ = tf.raw_ops.CudnnRNNV2(
        input=tf.cast(inputs, inner),
        input_h=tf.cast(initial.h, inner)[None],
        input_c=tf.cast(initial.c, inner)[None],
        params=tf.cast(cudnn_parameters(weights), inner),
        rnn_mode="lstm",
        is_training=True,
    )
    return tf.cast(outputs, dtype)


def cudnn_parameters(weights: LstmWeights) -> tf.Tensor:
    """Returns a layer's weights in cuDNN's order, as one vector, float32.

    That is the input kernels of the gates i, f, j, o, (units, depth) each, their recurrent kernels,
    (units, units) each, then four biases of the inputs, and four of the recurrence: zero.
    """
    units = weights.recurrent.shape[0]

    def reorder(columns: tf.Tensor) -> list[tf.Tensor]:
        i, j, f, o = tf.split(tf.cast(columns, tf.float32), 4, -1)
        return [i, f, j, o]

    bias = weights.bias + tf.repeat([0.0, 0.0, FORGET_BIAS, 0.0], units)
    kernels = [tf.transpose(k) for k in (*reorder(weights.kernel), *reorder(weights.recurrent))]
    vectors = [*kernels, *reorder(bias), tf.zeros([4 * units])]
    return tf.concat([tf.reshape(vector, [-1]) for vector in vectors], 0)


def side_by_side_over_time(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Joins parts as for `project` to (steps, n, depth), repeating those without steps."""
    steps = next(tf.shape(part)[0] for part in parts if part.shape.rank == 3)
    whole = [part if part.shape.rank == 3 else tf.tile(part[None], [steps, 1, 1]) for part in parts]
    return tf.concat(whole, -1)
