"""What the package does, timed by pytest-benchmark: to compare one version of it with another.

pytest benchmarks --benchmark-autosave, later pytest benchmarks --benchmark-compare

The programs beside this file compare with peers. This suite is no part of the tests.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from corpus import DATASET
from pytest_benchmark.fixture import BenchmarkFixture

import groovefast
from groovefast.config import Config, get_config

CONFIG = "groovae_2bar_humanize"
BATCH_SIZE = 64
BATCHES = 20
GROOVES = 16


@pytest.fixture(scope="session")
def midi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Groove MIDI Dataset, or made-up drumming where it is not at hand."""
    folder = Path(os.environ.get("GROOVE_MIDI_DIR", DATASET))
    if not folder.is_dir():
        from groovefast.demo import write_corpus

        folder = tmp_path_factory.mktemp("corpus")
        write_corpus(folder)
    return folder


@pytest.fixture(scope="session")
def shards(midi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    groovefast.convert(midi, folder)
    return folder


@pytest.fixture(scope="session")
def model() -> groovefast.GrooVAE:
    return groovefast.GrooVAE(small_config())


def small_config() -> Config:
    sizes = {"enc_rnn_size": (128,), "dec_rnn_size": (64, 64), "z_size": 64}
    return get_config(CONFIG).with_hparams({**sizes, "batch_size": BATCH_SIZE})


def test_read_midi(benchmark: BenchmarkFixture, midi: Path) -> None:
    files = [path.read_bytes() for path in sorted(midi.rglob("*.mid"))[:100]]
    scores = benchmark(lambda: [groovefast.read_midi(data) for data in files])
    assert any(len(score.notes) for score in scores)


def test_to_tensors(benchmark: BenchmarkFixture, midi: Path) -> None:
    converter = groovefast.GrooveConverter.from_config(CONFIG)
    files = [path.read_bytes() for path in sorted(midi.rglob("*.mid"))[:100]]
    tensors = benchmark(lambda: [converter.to_tensors(data) for data in files])
    assert any(len(windows) for windows in tensors)


def test_convert(benchmark: BenchmarkFixture, midi: Path, tmp_path: Path) -> None:
    report = benchmark(lambda: groovefast.convert(midi, tmp_path / "shards"))
    assert report.performances > 0


def test_dataset(benchmark: BenchmarkFixture, shards: Path) -> None:
    stream = iter(groovefast.load_dataset(shards, CONFIG, BATCH_SIZE, repeat=True))

    def next_batches() -> int:
        return sum(len(inputs) for inputs, _, _ in itertools.islice(stream, BATCHES))

    assert benchmark(next_batches) == BATCHES * BATCH_SIZE


def test_train_step(benchmark: BenchmarkFixture, train_steps: Iterator[float]) -> None:
    assert np.isfinite(benchmark(lambda: next(train_steps)))


@pytest.fixture
def train_steps(shards: Path) -> Iterator[float]:
    """Losses of one training step after the other."""
    import tensorflow as tf

    from groovefast.training.devices import choose_strategy
    from groovefast.training.step import Trainer

    trainer = Trainer(small_config(), choose_strategy())
    batches = iter(groovefast.load_dataset(shards, CONFIG, BATCH_SIZE, repeat=True))

    def steps() -> Iterator[float]:
        while True:
            trainer.clear_means()
            trainer.run(batches, tf.constant(1))
            yield trainer.means()["loss"]

    return steps()


def test_sample(benchmark: BenchmarkFixture, model: groovefast.GrooVAE) -> None:
    converter = groovefast.GrooveConverter.from_config(model.config)

    def play() -> list[bytes]:
        windows = model.sample(GROOVES, seed=0).numpy()
        return [groove.to_bytes() for groove in converter.from_tensors(windows)]

    assert len(benchmark(play)) == GROOVES
