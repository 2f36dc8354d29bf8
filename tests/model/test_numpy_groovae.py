"""What plays is what was trained: the model in NumPy beside the one in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from model_families import FAMILIES, RESIDUAL, SIZES, windows_of
from small_models import make_model

from groovefast import load_model
from groovefast.config import Config
from groovefast.errors import GrooveFastError, OptionError
from groovefast.model.checkpoints import save_model
from groovefast.model.groovae import GrooVAE
from groovefast.model.models import included_models
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.playing import play

CLOSE = 1e-5


@pytest.fixture(scope="module", params=[SIZES, RESIDUAL], ids=["plain", "residual"])
def sizes(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=list(FAMILIES))
def pair(request: pytest.FixtureRequest, sizes: str) -> tuple[GrooVAE, NumpyGrooVAE]:
    """The same weights, large enough to matter, in TensorFlow and in NumPy."""
    slow = GrooVAE(Config("groovae_own", FAMILIES[request.param]).with_hparams(sizes), seed=3)
    rng = np.random.default_rng(0)
    for variable in slow.weights.values():
        variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
    return slow, in_numpy(slow)


def in_numpy(slow: GrooVAE) -> NumpyGrooVAE:
    return NumpyGrooVAE(slow.config, {name: x.numpy() for name, x in slow.weights.items()})


def windows(model: NumpyGrooVAE, n: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, controls and z."""
    return windows_of(model.config, n, 18)


def test_encoding(pair: tuple[GrooVAE, NumpyGrooVAE]) -> None:
    slow, quick = pair
    inputs, controls, _ = windows(quick)
    for ours, theirs in zip(
        quick.encode(inputs, controls), slow.encode(inputs, controls), strict=True
    ):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.5])
def test_decoding(pair: tuple[GrooVAE, NumpyGrooVAE], temperature: float) -> None:
    slow, quick = pair
    _, controls, z = windows(quick)
    ours, theirs = (model.decode(z, controls, temperature, seed=9) for model in (quick, slow))
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours[..., :1], theirs[..., :1])
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_decoding_with_hits_that_are_given(pair: tuple[GrooVAE, NumpyGrooVAE]) -> None:
    slow, quick = pair
    _, controls, z = windows(quick)
    shape = *controls.shape[:2], quick._layout.drums
    hits, given = (np.random.default_rng(2).integers(0, 2, shape) > 0 for _ in range(2))
    ours, theirs = (
        model.decode(z, controls, 0.5, seed=1, hits=hits, given=given) for model in (quick, slow)
    )
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_teacher_forcing(pair: tuple[GrooVAE, NumpyGrooVAE]) -> None:
    slow, quick = pair
    outputs, controls, z = windows(quick)
    ours, theirs = (model.teacher_forced(z, outputs, controls) for model in (quick, slow))
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_sampling(pair: tuple[GrooVAE, NumpyGrooVAE]) -> None:
    slow, quick = pair
    controls = windows(quick)[1][0]
    ours, theirs = (model.sample(4, seed=5, controls=controls) for model in (quick, slow))
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)
    assert not np.array_equal(ours, quick.sample(4, seed=6, controls=controls))
    assert not np.array_equal(
        quick.sample(1, controls=controls), quick.sample(1, controls=controls)
    )


def test_more_windows_than_are_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = in_numpy(make_model("groovae_2bar_humanize"))
    inputs, _, _ = windows(quick)
    whole, rows = quick.encode(inputs), quick.sample(5, seed=1)
    monkeypatch.setattr("groovefast.model.numpy_groovae._WINDOWS_AT_ONCE", 2)
    for parts, wanted in ((quick.encode(inputs).mu, whole.mu), (quick.sample(5, seed=1), rows)):
        np.testing.assert_allclose(parts, wanted, atol=CLOSE)


def test_no_windows() -> None:
    quick = in_numpy(make_model("groovae_2bar_humanize"))
    assert quick.sample(0, seed=1).shape == (0, 32, 27)
    assert quick.encode(np.zeros((0, 32, 27))).sigma.shape == (0, 8)
    assert quick.teacher_forced(np.zeros((0, 8)), np.zeros((0, 32, 27))).shape == (0, 32, 27)


MISTAKES: dict[str, Callable[[GrooVAE | NumpyGrooVAE], object]] = {
    "inputs: shape": lambda model: model.encode(np.zeros((2, 32, 9))),
    "z: shape": lambda model: model.decode(np.zeros((2, 9))),
    "controls: shape": lambda model: model.decode(np.zeros((2, 8)), np.zeros((3, 32, 0))),
    "hits: shape": lambda model: model.decode(np.zeros((2, 8)), hits=np.zeros((2, 31, 9))),
    "given: which": lambda model: model.decode(np.zeros((2, 8)), given=True),
    "given: a shape": lambda model: model.decode(
        np.zeros((2, 8)), hits=np.zeros((2, 32, 9)), given=np.zeros((4, 9))
    ),
    "temperature": lambda model: model.decode(np.zeros((2, 8)), temperature=-1),
}


@pytest.mark.parametrize("problem", MISTAKES)
def test_mistakes_are_told_alike(problem: str) -> None:
    slow = make_model("groovae_2bar_humanize")
    told = []
    for model in (slow, in_numpy(slow)):
        with pytest.raises(GrooveFastError, match=problem) as error:
            MISTAKES[problem](model)
        told.append(str(error.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("name", sorted(included_models()))
def test_included_models_play_the_same(name: str) -> None:
    slow, quick = (load_model(name, backend=backend) for backend in ("tensorflow", "numpy"))
    controls = None
    if quick._layout.control_depth:
        controls = np.random.default_rng(0).random((32, quick._layout.control_depth)) < 0.15
    ours, theirs = (
        np.asarray(model.sample(40, seed=7, controls=controls, touch=0)) for model in (quick, slow)
    )
    np.testing.assert_array_equal(ours[..., :9], theirs[..., :9])
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)
    if not quick.config.hparams.z_size:
        return
    heard, heard_slowly = (model.encode(ours, controls) for model in (quick, slow))
    for mine, other in zip(heard, heard_slowly, strict=True):
        np.testing.assert_allclose(mine, other, atol=CLOSE)


@pytest.mark.parametrize("options", [{"style": "jazz"}, {"prior": "normal"}, {"touch": 0}])
def test_the_same_seed_gives_the_same_file(options: dict[str, object]) -> None:
    files = [
        play("sample", model=load_model("groovae_4bar", backend=backend), num=3, seed=11, **options)
        for backend in ("tensorflow", "numpy")
    ]
    assert [each.midi for each in files[0]] == [each.midi for each in files[1]]


def test_weights_of_any_precision_are_computed_in_float32(tmp_path) -> None:
    model = make_model("groovae_2bar_humanize")
    save_model(model, tmp_path / "half", dtype=np.float16)
    quick = load_model(tmp_path / "half")
    assert {array.dtype for array in quick.weights.values()} == {np.dtype(np.float32)}
    save_model(quick, tmp_path / "again")
    again = load_model(tmp_path / "again", backend="tensorflow")
    for name, variable in again.weights.items():
        np.testing.assert_array_equal(variable, quick.weights[name])


def test_backends_and_precisions_there_are_not() -> None:
    with pytest.raises(OptionError, match="backend: no such choice 'torch'"):
        load_model("groovae_4bar", backend="torch")
    with pytest.raises(OptionError, match="precision: mixed_float16 is for TensorFlow"):
        load_model("groovae_4bar", precision="mixed_float16")


def test_playing_never_imports_tensorflow(run_python: Callable[[str], str]) -> None:
    code = (
        "import sys; from groovefast.playing import humanize, sample;"
        "new = sample(num=1, seed=1)[0];"
        "humanize(new.groove, seed=1);"
        "print(len(new.groove.notes) > 4, 'tensorflow' in sys.modules, 'sklearn' in sys.modules)"
    )
    assert run_python(code) == "True False False"
