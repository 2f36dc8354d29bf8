"""Every mode on small untrained models."""

from __future__ import annotations

import functools

import numpy as np

from groovefast import CONFIGS, Groove
from groovefast.playing.modes import (
    add_hihat,
    groove_transfer,
    humanize,
    interpolate,
    reconstruct,
    tap2drum,
    vary,
)
from groovefast.windows.rows import RowLayout

SMALL = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"
CLOSED_HAT = 2


@functools.cache
def make_model(name, seed=3, bias=0.0, **converter):
    """A model with random weights; `bias` is added to its logits of hits."""
    import dataclasses

    from groovefast import GrooVAE

    config = CONFIGS[name].with_hparams(SMALL)
    config = dataclasses.replace(
        config, converter=dataclasses.replace(config.converter, **converter)
    )
    model = GrooVAE(config, seed=seed)
    output = model.weights["decoder/output_projection/bias"]
    logits = np.zeros(output.shape, np.float32)
    logits[: RowLayout.of(config.converter).drums] = bias
    output.assign(logits)
    for name, variable in model.weights.items():
        if name.endswith(("mu/kernel", "z_to_initial_state/kernel")):
            variable.assign(variable * 1000)  # so that z says something
        if name.endswith("output_projection/kernel"):
            variable.assign(variable * 3)  # and the model is sure of it
    return model


def make_rnn(seed=3, **converter):
    """A model without z with random weights, sure of what it says."""
    import dataclasses

    from groovefast import GrooVAE

    config = CONFIGS["groove_rnn"].with_hparams("dec_rnn_size=[8,8]")
    config = dataclasses.replace(
        config, converter=dataclasses.replace(config.converter, **converter)
    )
    model = GrooVAE(config, seed=seed)
    rng = np.random.default_rng(seed)
    for variable in model.weights.values():
        variable.assign(variable + 0.5 * rng.standard_normal(variable.shape))
    kernel = model.weights["decoder/output_projection/kernel"]
    kernel.assign(5 * kernel)
    bias = model.weights["decoder/output_projection/bias"]
    bias.assign(bias - 2.0 * (np.arange(bias.shape[0]) < RowLayout.of(config.converter).drums))
    return model


HUMANIZE, TAP, HIHAT, CONTROL, FOUR = (
    "groovae_2bar_humanize",
    "groovae_2bar_tap_fixed_velocity",
    "groovae_2bar_add_closed_hh",
    "groovae_2bar_hits_control",
    "groovae_4bar",
)
MODES = {
    "humanize": lambda source, **options: humanize(source, make_model(HUMANIZE), **options),
    "tap2drum": lambda source, **options: tap2drum(source, make_model(TAP), **options),
    "add-hihat": lambda source, **options: add_hihat(source, make_model(HIHAT), True, **options),
    "groove-transfer": lambda source, **options: groove_transfer(
        source, make_beat(3, 7), make_model(CONTROL), **options
    ),
    "reconstruct": lambda source, **options: reconstruct(source, make_model(FOUR), **options),
    "interpolate": lambda source, **options: interpolate(
        source, make_beat(3, 7), 3, make_model(FOUR), **options
    )[1],
    "vary": lambda source, **options: vary(source, make_model(FOUR), **options),
}


def make_beat(bars, seed=0, qpm=120.0, density=0.15):
    """A groove of random hits with human timing, on a grid fine enough to tell them apart."""
    rng = np.random.default_rng(seed)
    hits = rng.random((16 * bars, 9)) < density
    hits[0, 0] = hits[-1, 1] = True
    steps, drums = np.nonzero(hits)
    size = len(steps)
    offsets = rng.uniform(-0.3, 0.3, size)
    return Groove.from_hits(steps, drums, rng.integers(20, 127, size), offsets, qpm)
