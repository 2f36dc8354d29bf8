"""Models of every kind, small: what rows are, and how layers are joined."""

from __future__ import annotations

import dataclasses

import numpy as np

from groovefast.config import CONFIGS, Config
from groovefast.windows.rows import RowLayout

SIZES = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"
RESIDUAL = (
    "z_size=8,enc_rnn_size=[8,6],dec_rnn_size=[8,5,5],residual_encoder=true,residual_decoder=true"
)
GROOVAE = [name for name, config in CONFIGS.items() if not config.tokens]
"""The configs whose rows are performances."""
MAGENTAS_GROOVAE = GROOVAE[:6]
"""Magenta's among them."""
FAMILIES = {name: CONFIGS[name].converter for name in MAGENTAS_GROOVAE}
for name, options in {
    "split": {"split_instruments": True},
    "split, hits told": {"split_instruments": True, "hits_as_controls": True},
    "bins": {"num_velocity_bins": 8, "num_offset_bins": 8},
    "bins of velocities, split": {"num_velocity_bins": 5, "split_instruments": True},
}.items():
    FAMILIES[name] = dataclasses.replace(CONFIGS["groovae_2bar_humanize"].converter, **options)


def windows_of(config: Config, n: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, controls and z, of so many steps of the grid."""
    rng, layout = np.random.default_rng(1), RowLayout.of(config.converter)
    shape = n, steps * layout.rows_per_step
    inputs = rng.uniform(0, 1, (*shape, layout.depth)).astype(np.float32)
    controls = rng.integers(0, 2, (*shape, layout.control_depth)).astype(np.float32)
    return inputs, controls, rng.standard_normal((n, config.hparams.z_size)).astype(np.float32)
