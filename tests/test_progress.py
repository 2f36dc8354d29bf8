"""How far a network is: what whoever watches is told, and how the work is stopped."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from groovefast import load_model
from groovefast.model import numpy_groovae
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.progress import LISTENING, PLAYING, Progress, watched

Told = list[tuple[str, float]]


def tell(stage: str, share: float) -> None:
    """Begins a stage of a hundred steps and does a share of it."""
    Progress(stage, 100).advance(round(100 * share))


@pytest.fixture(scope="module")
def model() -> NumpyGrooVAE:
    loaded = load_model("groovae_2bar_humanize")
    assert isinstance(loaded, NumpyGrooVAE)
    return loaded


def test_nobody_need_watch() -> None:
    tell(PLAYING, 0.5)


def test_whoever_watches_is_told_until_it_ends() -> None:
    told: Told = []
    inner: Told = []
    with watched(lambda *each: told.append(each)):
        tell(LISTENING, 0.5)
        with watched(lambda *each: inner.append(each)):
            tell(PLAYING, 0.1)
        tell(PLAYING, 1.0)
    tell(PLAYING, 0.0)
    assert (told, inner) == ([("listening", 0.5), ("playing", 1.0)], [("playing", 0.1)])


def test_what_a_thread_begins_by_itself_is_not_watched() -> None:
    told: Told = []
    with watched(lambda *each: told.append(each)):
        other = threading.Thread(target=tell, args=(PLAYING, 0.5))
        other.start()
        other.join()
    assert told == []


def test_what_was_raised_ends_the_watch() -> None:
    with pytest.raises(InterruptedError), watched(_stop):
        tell(PLAYING, 0.5)
    tell(PLAYING, 0.5)


def _stop(stage: str, share: float) -> None:
    raise InterruptedError(f"{stage} {share}")


def test_steps_add_up_in_any_thread() -> None:
    told: Told = []
    with watched(lambda *each: told.append(each)):
        progress = Progress(PLAYING, 8)
        for windows in (2, 2, 4):
            other = threading.Thread(target=progress.advance, args=(windows,))
            other.start()
            other.join()
    assert told == [("playing", 0.25), ("playing", 0.5), ("playing", 1.0)]


@pytest.mark.parametrize("at_once", [2, 256])
def test_a_network_tells_every_step(
    model: NumpyGrooVAE, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    for limit in ("_LEAST_AT_ONCE", "_WINDOWS_AT_ONCE"):
        monkeypatch.setattr(numpy_groovae, limit, at_once)
    told: Told = []
    with watched(lambda *each: told.append(each)):
        rows = model.sample(5, seed=1)
        decoded = list(told)
        model.encode(rows)
        encoded = told[len(decoded) :]
        model.teacher_forced(model.new_latents(5, 1), rows)
        forced = told[len(decoded) + len(encoded) :]
    parts = -(-5 // at_once)
    for stage, steps, found in (
        (PLAYING, 32, decoded),
        (LISTENING, 2 * 32, encoded),
        (PLAYING, 2 * 32, forced),
    ):
        shares = [share for _, share in found]
        assert {each for each, _ in found} == {stage}
        assert len(shares) == parts * steps
        assert min(shares) > 0
        assert max(shares) == 1
        assert len(set(shares)) > 2
    assert np.array_equal(rows, model.sample(5, seed=1))


def test_a_network_is_stopped_at_its_next_step(model: NumpyGrooVAE) -> None:
    told: list[float] = []

    def stop_soon(stage: str, share: float) -> None:
        told.append(share)
        if len(told) == 3:
            raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="playing"), watched(stop_soon):
        model.sample(5, seed=1)
    assert len(told) == 3
    assert len(model.sample(2, seed=1)) == 2
