"""Small untrained models of tokens, and of sixteen bars, that are sure of what they say."""

from __future__ import annotations

import functools

import numpy as np

from groovefast.config import CONFIGS
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.plan import layers

DRUMS, MELODY, TRIO = "cat-drums_2bar_small", "cat-mel_2bar_small", "hierdec-trio_16bar"
SIXTEEN = "groovae_16bar"
SIZES = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"


@functools.cache
def make_token_model(name: str, seed: int = 0) -> NumpyGrooVAE:
    """A model with random weights."""
    config = CONFIGS[name].with_hparams(SIZES)
    rng = np.random.default_rng(seed)
    shapes = layers(config).shapes()
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return NumpyGrooVAE(config, weights)
