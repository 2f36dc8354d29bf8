import numpy as np
import pytest
import reference_groovae as reference
import tensorflow as tf

from groovefast.model.lstm import LstmWeights, State, cudnn_parameters, lstm, lstm_step, project

STEPS, N, DEPTH, UNITS = 4, 5, 6, 3


def random(*shape: int, seed: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(0, 0.5, shape), tf.float32)


@pytest.fixture
def weights() -> LstmWeights:
    return LstmWeights(
        random(DEPTH, 4 * UNITS, seed=0),
        random(4 * UNITS, seed=1),
        random(UNITS, 4 * UNITS, seed=2),
    )


@pytest.fixture
def state() -> State:
    return State(random(N, UNITS, seed=3), random(N, UNITS, seed=4))


@pytest.fixture
def inputs() -> tf.Tensor:
    return random(STEPS, N, DEPTH, seed=5)


def stepped(inputs: tf.Tensor, weights: LstmWeights, state: State) -> tf.Tensor:
    """What TensorFlow's own differentiation can work on."""
    outputs = []
    for x in tf.unstack(inputs):
        state = lstm_step(x, weights, state)
        outputs.append(state.h)
    return tf.stack(outputs)


def test_layer_is_the_cell_of_tensorflow_1(inputs, weights, state):
    kernel = np.concatenate([weights.kernel, weights.recurrent])
    c, h = (value.numpy() for value in state)
    for x, output in zip(inputs.numpy(), lstm([inputs], weights, state).numpy(), strict=True):
        c, h = reference.lstm_cell(x, c, h, kernel, weights.bias.numpy())
        np.testing.assert_allclose(output, h, atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_last_only_is_the_last_output(inputs, weights, state, compiled):
    outputs = lstm([inputs], weights, state, compiled=compiled)
    last = lstm([inputs], weights, state, last_only=True, compiled=compiled)
    np.testing.assert_array_equal(last, outputs[-1])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("last_only", [False, True])
def test_gradients_are_those_of_the_single_steps(inputs, weights, state, last_only, compiled):
    sources = [inputs, *weights, *state]
    pull = random(*(() if last_only else (STEPS,)), N, UNITS, seed=6)

    @tf.function
    def gradients() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(sources)
            layer = lstm([inputs], weights, state, last_only=last_only, compiled=compiled)
            steps = stepped(inputs, weights, state)
            ours = tf.reduce_sum(pull * layer)
            theirs = tf.reduce_sum(pull * (steps[-1] if last_only else steps))
        return tape.gradient(ours, sources), tape.gradient(theirs, sources)

    for ours, theirs in zip(*gradients(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_part_without_steps_counts_at_every_step(inputs, weights, state):
    constant = random(N, 2, seed=7)
    empty = tf.zeros([STEPS, N, 0])
    repeated = tf.tile(constant[None], [STEPS, 1, 1])
    whole = tf.concat([inputs[..., :4], repeated], -1)
    np.testing.assert_allclose(
        lstm([inputs[..., :4], constant, empty], weights, state),
        lstm([whole], weights, state),
        atol=1e-6,
    )
    assert project([constant, empty], weights.kernel[:2]).shape == (N, 4 * UNITS)


def test_a_part_without_steps_has_its_gradients(inputs, weights, state):
    constant = random(N, 2, seed=7)
    sources = [constant, inputs, *weights, *state]

    @tf.function
    def gradients(repeat: bool) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(sources)
            part = tf.tile(constant[None], [STEPS, 1, 1]) if repeat else constant
            outputs = lstm([part, inputs[..., 2:]], weights, state)
            loss = tf.reduce_sum(tf.sin(3 * outputs))
        return tape.gradient(loss, sources)

    for ours, theirs in zip(gradients(False), gradients(True), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.bfloat16, 0.03), (tf.float16, 0.004)])
def test_low_precision_is_near(inputs, weights, state, dtype, tolerance):
    low = LstmWeights(
        tf.cast(weights.kernel, dtype), weights.bias, tf.cast(weights.recurrent, dtype)
    )
    outputs = lstm([inputs], low, state)
    assert outputs.dtype == dtype
    difference = tf.cast(outputs, tf.float32) - lstm([inputs], weights, state)
    assert np.abs(difference).max() < tolerance


def test_cudnn_gets_the_same_layer(inputs, weights, state):
    """Computes from cuDNN's vector what its manual says it computes."""
    vector = cudnn_parameters(weights).numpy()
    sizes = [UNITS * DEPTH] * 4 + [UNITS * UNITS] * 4 + [UNITS] * 8
    pieces = np.split(vector, np.cumsum(sizes)[:-1])
    assert len(pieces[-1]) == UNITS
    kernels = [piece.reshape(UNITS, -1) for piece in pieces[:8]]
    biases = pieces[8:]
    c, h = (value.numpy() for value in state)
    for x, output in zip(inputs.numpy(), lstm([inputs], weights, state).numpy(), strict=True):
        i, f, j, o = (
            x @ kernels[gate].T + h @ kernels[gate + 4].T + biases[gate] + biases[gate + 4]
            for gate in range(4)
        )
        c = reference.sigmoid(f) * c + reference.sigmoid(i) * np.tanh(j)
        h = reference.sigmoid(o) * np.tanh(c)
        np.testing.assert_allclose(output, h, atol=1e-6)
