"""Which config a checkpoint of Magenta is of: by its name, or else by its variables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groovefast.config import CONFIGS, Config, get_config
from groovefast.errors import GrooveFastError
from groovefast.model.folder import find_model_folder, read_description
from groovefast.model.plan import (
    BAR_ENCODER,
    CORE,
    DECODER,
    ENCODER,
    Arrays,
    CellPlan,
    core_scope,
    decoder_scope,
    encoder_scope,
    layers,
)

_FLAT_LAYERS = "cat"
"""Left out of some published names, as in `mel_2bar_big`."""


def config_named_by(names: Iterable[str]) -> Config | None:
    """Returns the config that a checkpoint is called after.

    Args:
        names: Of the file, of what is in it, of its folder; the first that tells counts. Magenta's
            own differ: `cat-mel_2bar_big.tar`, `mel_2bar_big.ckpt`, `trio_16bar_hierdec.ckpt`.
    """
    longest_first = sorted(CONFIGS, key=len, reverse=True)
    for name in names:
        words = set(re.split(r"[^a-z0-9]+", name.lower()))
        for config in longest_first:
            if config in name or _words_of(CONFIGS[config]) <= words:
                return CONFIGS[config]
    return None


def known_config(path: Path, config: str | Config | None = None) -> Config | None:
    """Returns what is known of a model before it is read; None where nothing tells.

    Args:
        path: As of `load_model`.
        config: What a checkpoint is said to be of.

    Raises:
        OptionError: There is no config of that name.
        GrooveFastError: A model folder that cannot be read.
    """
    if folder := find_model_folder(path):
        return read_description(folder).config
    if config is not None:
        return get_config(config)
    there = path.resolve()
    return config_named_by((there.name, there.parent.name))


def configs_fitting(weights: Arrays) -> Sequence[Config]:
    """Returns the configs, in their usual sizes, whose models have such variables.

    Where several have, those of the same sizes; or else those of as many layers.
    """
    fitting = [
        (config, sized.hparams)
        for config, sized in ((each, with_sizes(each, weights)) for each in CONFIGS.values())
        if _has_variables(sized, weights)
    ]
    same = [config for config, own in fitting if _sizes(own) == _sizes(config.hparams)]
    alike = [config for config, own in fitting if _layers(own) == _layers(config.hparams)]
    return same or alike or [config for config, _ in fitting]


def recognised(names: Iterable[str], weights: Arrays, source: object) -> Config:
    """Returns the config of a checkpoint, in its usual sizes.

    Args:
        names: As of `config_named_by`.
        weights: Its variables.
        source: What to call it.

    Raises:
        GrooveFastError: Neither its name nor its variables tell.
    """
    if named := config_named_by(names):
        return named
    found = configs_fitting(weights)
    if len(found) == 1:
        return found[0]
    fits = ", ".join(config.name for config in found) or "no config"
    raise GrooveFastError(
        f"{source}: its name does not tell the config it was trained as, and its variables fit "
        f"{fits}; name the config"
    )


def with_sizes(config: Config, weights: Mapping[str, npt.NDArray[np.float32]]) -> Config:
    """Returns the config with the layers and sizes that a checkpoint shows."""

    def sizes(scopes: Iterator[str]) -> tuple[tuple[int, ...], bool]:
        """Units of the cells that are there, and whether they project their inputs."""
        units, project = [], False
        for scope in scopes:
            plain, projecting = (CellPlan(scope, 0, 0, projects=each) for each in (False, True))
            found = [cell for cell in (projecting, plain) if cell.lstm.bias in weights]
            if not found:
                break
            project = project or found[0].projects
            units.append(len(weights[found[0].lstm.bias]) // 4)
        return tuple(units), project

    hparams = config.hparams
    most = range(len(weights))
    encoder, decoder = ENCODER, DECODER
    if hparams.hierarchical_encoder:
        encoder = BAR_ENCODER
    if hparams.hierarchical_decoder:
        parts = [CORE, core_scope(0)]
        decoder = next(
            (each for each in parts if f"{each}/output_projection/bias" in weights), CORE
        )
    enc_rnn_size, residual_encoder = sizes(encoder_scope(level, "fw", encoder) for level in most)
    dec_rnn_size, residual_decoder = sizes(decoder_scope(layer, decoder) for layer in most)
    z_bias = weights.get("encoder/mu/bias")
    return dataclasses.replace(
        config,
        hparams=dataclasses.replace(
            hparams,
            enc_rnn_size=enc_rnn_size or hparams.enc_rnn_size,
            dec_rnn_size=dec_rnn_size or hparams.dec_rnn_size,
            residual_encoder=residual_encoder,
            residual_decoder=residual_decoder,
            z_size=hparams.z_size if z_bias is None else len(z_bias),
        ),
    )


def _words_of(config: Config) -> set[str]:
    """The words that a name of a checkpoint must have to tell of a config."""
    words = set(re.split(r"[-_]", config.name))
    return words - {_FLAT_LAYERS} if config.tokens else words


def _has_variables(config: Config, weights: Arrays) -> bool:
    return {name: array.shape for name, array in weights.items()} == layers(config).shapes()


def _sizes(hparams: Any) -> tuple[Any, ...]:
    return hparams.z_size, hparams.enc_rnn_size, hparams.dec_rnn_size


def _layers(hparams: Any) -> tuple[int, int]:
    return len(hparams.enc_rnn_size), len(hparams.dec_rnn_size)
