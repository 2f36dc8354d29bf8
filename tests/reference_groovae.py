"""GrooVAE once more in plain numpy and double precision, step by step, to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]


def random_weights(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """Weights large enough that every one of them matters."""
    draw = np.random.default_rng(seed)
    return {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm_cell(x, c, h, kernel, bias):
    """One step for a batch of rows: new c and h."""
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, 1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
    return c, sigmoid(o) * np.tanh(c)


class Layer:
    """A layer that is stepped; residual ones project their input first where they hold weights."""

    def __init__(self, weights: Weights, scope: str, residual: bool) -> None:
        wrapper = f"{scope}/input_projection_wrapper"
        self.projection = None
        if f"{wrapper}/kernel" in weights:
            self.projection = weights[f"{wrapper}/kernel"], weights[f"{wrapper}/bias"]
            scope = wrapper
        self.kernel = weights[f"{scope}/lstm_cell/kernel"]
        self.bias = weights[f"{scope}/lstm_cell/bias"]
        self.units = len(self.bias) // 4
        self.residual = residual

    def start(self, c, h) -> None:
        self.c, self.h = c, h

    def step(self, x):
        if self.projection:
            x = x @ self.projection[0] + self.projection[1]
        self.c, self.h = lstm_cell(x, self.c, self.h, self.kernel, self.bias)
        return x + self.h if self.residual else self.h


def layers(weights: Weights, pattern: str, residual: bool) -> Iterator[Layer]:
    """The layers there are, from the lowest."""
    number = 0
    while any(name.startswith(pattern.format(number) + "/") for name in weights):
        yield Layer(weights, pattern.format(number), residual)
        number += 1


def encode(weights: Weights, windows: np.ndarray, residual: bool = False):
    """mu and sigma of (n, steps, depth + control_depth)."""
    n, steps, _ = windows.shape
    x = windows.astype(np.float64)
    scope = "encoder/cell_{}/bidirectional_rnn/%s/multi_rnn_cell/cell_0"
    pairs = zip(
        layers(weights, scope % "fw", residual),
        layers(weights, scope % "bw", residual),
        strict=True,
    )
    for forward, backward in pairs:
        sides = []
        for layer, order in ((forward, range(steps)), (backward, reversed(range(steps)))):
            layer.start(np.zeros((n, layer.units)), np.zeros((n, layer.units)))
            outputs = {t: layer.step(x[:, t]) for t in order}
            sides.append(np.stack([outputs[t] for t in range(steps)], 1))
        x = np.concatenate(sides, 2)
    end = np.concatenate([forward.h, backward.h], 1)
    mu = end @ weights["encoder/mu/kernel"] + weights["encoder/mu/bias"]
    sigma = end @ weights["encoder/sigma/kernel"] + weights["encoder/sigma/bias"]
    return mu, np.log1p(np.exp(sigma))


def decode(weights: Weights, z, controls, next_input, residual: bool = False):
    """Logits, (n, steps, depth); `next_input(t, logits)` is what the step after t hears."""
    stack = list(layers(weights, "decoder/multi_rnn_cell/cell_{}", residual))
    states = np.tanh(
        z @ weights["decoder/z_to_initial_state/kernel"]
        + weights["decoder/z_to_initial_state/bias"]
    )
    start = 0
    for layer in stack:
        middle, end = start + layer.units, start + 2 * layer.units
        layer.start(states[:, start:middle], states[:, middle:end])
        start = end
    kernel = weights["decoder/output_projection/kernel"]
    x, logits = np.zeros((len(z), kernel.shape[1])), []
    for t in range(controls.shape[1]):
        y = np.concatenate([x, z, controls[:, t]], 1)
        for layer in stack:
            y = layer.step(y)
        logits.append(y @ kernel + weights["decoder/output_projection/bias"])
        x = next_input(t, logits[-1])
    return np.stack(logits, 1)


def likeliest(logits, drums: int, velocity_bins: int, offset_bins: int):
    """The row of temperature 0."""
    hits, velocities, offsets = split_row(logits, drums, velocity_bins)
    velocities = one_hot(velocities, velocity_bins) if velocity_bins else sigmoid(velocities)
    offsets = one_hot(offsets, offset_bins) if offset_bins else np.tanh(offsets)
    return np.concatenate([hits > 0, velocities, offsets], -1)


def split_row(row, drums: int, velocity_bins: int):
    velocity = drums * (velocity_bins or 1)
    return np.split(row, [drums, drums + velocity], -1)


def one_hot(logits, bins: int):
    groups = logits.reshape(*logits.shape[:-1], -1, bins)
    return (groups == groups.max(-1, keepdims=True)).astype(float).reshape(logits.shape)


def reconstruction_losses(logits, target, drums: int, velocity_bins: int, offset_bins: int):
    """The loss of the hits, velocities and offsets of each window, (n,) each."""
    hits, *values = split_row(logits, drums, velocity_bins)
    wanted_hits, *wanted = split_row(target, drums, velocity_bins)
    hit = sigmoid(hits)
    losses = [-np.log(np.where(wanted_hits > 0.5, hit, 1 - hit) + 1e-7)]
    kinds = (velocity_bins, sigmoid), (offset_bins, np.tanh)
    for value, truth, (bins, squash) in zip(values, wanted, kinds, strict=True):
        if bins:
            groups = value.reshape(*value.shape[:-1], -1, bins)
            log_sum = np.log(np.exp(groups).sum(-1, keepdims=True))
            losses.append(-truth.reshape(groups.shape) * (groups - log_sum))
        else:
            losses.append((squash(value) - truth) ** 2)
    return [loss.reshape(len(loss), -1).sum(1) for loss in losses]
