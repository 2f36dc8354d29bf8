from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import groovefast as gf
from groovefast.windows.transposition import semitones, transposed


@pytest.mark.parametrize("by", [-5, 0, 3])
def test_as_transposing_the_files(by: int, own_files: list[Path]) -> None:
    converter = gf.MelodyConverter()
    compared = 0
    for path in own_files:
        pitches = gf.read_midi(path, channel=range(1, 17)).notes["pitch"]
        if len(pitches) and 26 <= pitches.min() <= pitches.max() <= 103:  # none comes or goes
            tokens = converter.to_tensors(path).tokens
            expected = converter.to_tensors(path, transpose=by).tokens
            found = transposed(tokens, np.full(len(tokens), by, np.int16))
            assert np.array_equal(found, expected)
            compared += len(tokens)
    assert compared > 100


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([0, 40, 0, 88, 0, 1, 50], [0, 42, 0, 1, 0, 0, 52]),  # what it ended still ends
        ([0, 88, 0, 1, 0, 40, 1], [0, 0, 0, 0, 0, 42, 1]),
        ([40, 1, 89, 0, 1, 88, 1], [42, 1, 0, 0, 0, 0, 0]),
        ([0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_notes_beyond_the_highest_are_gone(tokens: list[int], expected: list[int]) -> None:
    found = transposed(np.array([tokens], np.int16), np.array([2], np.int16))
    assert found.numpy().tolist() == [expected]


@given(st.integers(0, 127), st.integers(0, 2**32 - 1))
def test_all_semitones_are_as_likely(most: int, seed: int) -> None:
    draws = np.random.default_rng(seed).random(40 * (2 * most + 1), np.float32)
    found = semitones(np.append(draws, np.float32([0, 1 - 2**-23])), most).numpy()
    assert found[-2:].tolist() == [-most, most]
    counts = np.bincount(found.astype(int) + most, minlength=2 * most + 1)
    assert len(counts) == 2 * most + 1
    assert counts.min() > 5
