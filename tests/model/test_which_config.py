"""Checkpoints that say what they are by their name, by their variables, or not at all."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from groovefast.config import CONFIGS
from groovefast.errors import GrooveFastError
from groovefast.model.checkpoints import load_model
from groovefast.model.plan import layers
from groovefast.model.which_config import config_named_by, configs_fitting

TOKENS = [name for name, config in CONFIGS.items() if config.tokens]


def weights_of(name, **hparams):
    shapes = layers(CONFIGS[name].with_hparams(hparams)).shapes()
    return {variable: np.broadcast_to(np.float32(0), shape) for variable, shape in shapes.items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_name_tells_its_config(name):
    for words in (f"{name}.tar", f"{name}.lokl.tar", f"my-{name}-best", f"{name}.ckpt"):
        assert config_named_by([words]).name == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("mel_2bar_big.ckpt", "cat-mel_2bar_big"),
        ("mel_16bar_hierdec.ckpt", "hierdec-mel_16bar"),
        ("mel_16bar_flat.ckpt", "flat-mel_16bar"),
        ("trio_16bar_hierdec.ckpt", "hierdec-trio_16bar"),
        ("trio_16bar_flat.ckpt", "flat-trio_16bar"),
        ("drums_2bar_small.hikl.ckpt", "cat-drums_2bar_small"),
    ],
)
def test_so_do_the_other_names_of_published_ones(words, name):
    assert config_named_by([words]).name == name


def test_the_first_name_that_tells_counts():
    assert config_named_by(["a.tar", "model.ckpt-3", "cat-mel_2bar_big"]).name == "cat-mel_2bar_big"
    assert config_named_by(["groovae_4bar.tar", "cat-mel_2bar_big"]).name == "groovae_4bar"
    assert config_named_by(["drums.tar", "16bar", "nade-drums_2bar_full"]) is None


@pytest.mark.parametrize("name", TOKENS)
def test_variables_tell_a_config_of_tokens(name):
    assert [config.name for config in configs_fitting(weights_of(name))] == [name]
    config = CONFIGS[name].hparams
    smaller = {"z_size": 4, "enc_rnn_size": (6,) * len(config.enc_rnn_size)}
    smaller["dec_rnn_size"] = (5,) * len(config.dec_rnn_size)
    assert name in [each.name for each in configs_fitting(weights_of(name, **smaller))]


def test_variables_of_performances_leave_a_choice():
    found = [config.name for config in configs_fitting(weights_of("groovae_4bar"))]
    assert {"groovae_4bar", "groovae_2bar_humanize"} <= set(found)
    assert "groovae_2bar_hits_control" not in found
    assert not set(found) & set(TOKENS)
    assert configs_fitting({"other": np.zeros(1, np.float32)}) == []


@pytest.fixture
def golden(dataset_golden_dir: Path):
    return lambda name: dataset_golden_dir / "musicvae" / name


def packed(folder: Path, path: Path, prefix: str) -> Path:
    """A .tar as Magenta publishes them, with a checkpoint of another name inside."""
    with tarfile.open(path, "w") as tar:
        for file in sorted(folder.glob("model.ckpt-100.*")):
            tar.add(file, f"checkpoints/{file.name.replace('model.ckpt-100', prefix)}")
    return path


@pytest.mark.parametrize(
    ("folder", "tar", "prefix"),
    [
        ("cat-mel_2bar_small", "cat-mel_2bar_small.tar", "model.ckpt"),
        ("hierdec-trio_16bar", "trio.tar", "trio_16bar_hierdec.ckpt"),
        ("hier-mel_16bar", "mine.tar", "model.ckpt-7"),
    ],
)
def test_a_tar_is_read_whatever_tells(golden, tmp_path, folder, tar, prefix):
    model = load_model(packed(golden(folder), tmp_path / tar, prefix))
    there = load_model(golden(folder) / "model.ckpt-100", folder)
    assert model.config == there.config
    assert model.config.name == folder
    for name, weight in there.weights.items():
        np.testing.assert_array_equal(weight, model.weights[name])


def test_a_wrong_name_is_told_with_what_would_fit(golden, tmp_path):
    tar = packed(golden("hierdec-mel_16bar"), tmp_path / "groovae_4bar.tar", "model.ckpt")
    with pytest.raises(GrooveFastError, match=r"a groovae_4bar, but of hierdec-mel_16bar: missing"):
        load_model(tar)
    assert load_model(tar, "hierdec-mel_16bar").config.name == "hierdec-mel_16bar"


def test_what_is_asked_for_comes_before_what_is_found(golden, tmp_path):
    drums = packed(golden("hierdec-drums_16bar"), tmp_path / "x.tar", "model.ckpt")
    with pytest.raises(GrooveFastError, match=r"x.tar: not the variables of a cat-drums_2bar_big"):
        load_model(drums, "cat-drums_2bar_big")
