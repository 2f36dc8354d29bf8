"""What ONNX files play is what the model plays, by onnxruntime alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_families import FAMILIES, RESIDUAL, SIZES, windows_of

from groovefast import load_model
from groovefast.config import Config
from groovefast.model.folder import ONNX_FILES
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.philox import stateless_uniform
from groovefast.model.plan import layers

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from groovefast.model.onnx_files import export_onnx  # noqa: E402 - needs what may be missing

CLOSE = 1e-5
SEED = 9


class Exported:
    """A model and its files."""

    def __init__(self, model: NumpyGrooVAE, folder: Path) -> None:
        self.model, self.layout = model, model._layout
        self.paths = dict(zip(ONNX_FILES, export_onnx(model, folder), strict=True))
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, name: str, **inputs: object) -> list[np.ndarray]:
        """What a file returns; controls are left out where the model has none."""
        if name not in self._sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            self._sessions[name] = onnxruntime.InferenceSession(
                self.paths[f"{name}.onnx"], options, providers=["CPUExecutionProvider"]
            )
        if not self.layout.control_depth:
            inputs.pop("controls", None)
        arrays = {name: np.asarray(each, np.float32) for name, each in inputs.items()}
        return self._sessions[name].run(None, arrays)

    def noise(self, n: int, steps: int) -> np.ndarray:
        """What `decode` draws with SEED."""
        drums, velocities, offsets, _ = self.layout
        shape = n, steps, drums * (1 + velocities + offsets)
        return stateless_uniform(shape, (SEED, 0), 1e-7)


def untrained(family: str, sizes: str) -> NumpyGrooVAE:
    """Weights large enough to matter."""
    config = Config("groovae_own", FAMILIES[family]).with_hparams(sizes)
    rng = np.random.default_rng(3)
    shapes = layers(config).shapes()
    return NumpyGrooVAE(config, {name: rng.normal(0, 0.4, shapes[name]) for name in shapes})


@pytest.fixture(scope="module", params=[SIZES, RESIDUAL], ids=["plain", "residual"])
def sizes(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=list(FAMILIES))
def exported(
    request: pytest.FixtureRequest, sizes: str, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    return Exported(untrained(request.param, sizes), tmp_path_factory.mktemp("onnx"))


def windows(exported: Exported, n: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, controls and z; of another number of steps than the config's."""
    return windows_of(exported.model.config, n, 6)


def assert_same_rows(layout, ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours[..., : layout.drums], theirs[..., : layout.drums])
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_encoding(exported: Exported) -> None:
    inputs, controls, _ = windows(exported)
    ours = exported.run("encoder", inputs=inputs, controls=controls)
    for mine, other in zip(ours, exported.model.encode(inputs, controls), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, other, atol=CLOSE)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.5])
def test_decoding(exported: Exported, temperature: float) -> None:
    _, controls, z = windows(exported)
    noise = exported.noise(*controls.shape[:2])
    (ours,) = exported.run("decoder", z=z, controls=controls, temperature=temperature, noise=noise)
    theirs = exported.model.decode(z, controls, temperature, SEED)
    if temperature:  # else a drum may well be silent throughout
        assert 0 < theirs[..., : exported.layout.drums].mean() < 1
    assert_same_rows(exported.layout, ours, theirs)


def test_hits_are_kept(exported: Exported) -> None:
    """For all windows and steps, for each, and for some drums only."""
    _, controls, z = windows(exported)
    shape = (*controls.shape[:2], exported.layout.drums)
    rng = np.random.default_rng(4)
    hits, given = (rng.random(shape) < share for share in (0.2, 0.7))
    noise = exported.noise(*shape[:2])
    for at in (slice(None), slice(1)):
        kept = np.where(given, hits, -1)[at, at]
        inputs = {"z": z, "controls": controls, "temperature": 0.5, "noise": noise, "hits": kept}
        (ours,) = exported.run("decoder", **inputs)
        for_all = np.broadcast_to(hits[at, at], shape)
        theirs = exported.model.decode(z, controls, 0.5, SEED, hits=for_all, given=given[at, at])
        assert_same_rows(exported.layout, ours, theirs)


def test_steps_are_those_of_the_decoder(exported: Exported) -> None:
    """With the likeliest row drawn outside of the file, as anything else may be."""
    _, controls, z = windows(exported)
    states, rows = exported.run("decoder-start", z=z), []
    names = [f"{kind}_{i}" for i in range(len(states) // 2) for kind in "ch"]
    row = np.zeros((len(z), exported.layout.depth), np.float32)
    for t in range(controls.shape[1]):
        before = dict(zip(names, states, strict=True))
        logits, *states = exported.run(
            "decoder-step", row=row, z=z, controls=controls[:, t], **before
        )
        row = likeliest(exported, logits)
        rows.append(row)
    noise = exported.noise(*controls.shape[:2])
    (whole,) = exported.run("decoder", z=z, controls=controls, temperature=0, noise=noise)
    assert_same_rows(exported.layout, np.stack(rows, axis=1), whole)


def likeliest(exported: Exported, logits: np.ndarray) -> np.ndarray:
    layout = exported.layout
    hits, velocities, offsets = layout.split(np, logits)

    def one_hots(values: np.ndarray) -> np.ndarray:
        groups = values.reshape(len(values), layout.drums, -1)
        best = groups == groups.max(axis=-1, keepdims=True)
        return best.reshape(values.shape)

    parts = (
        hits > 0,
        one_hots(velocities) if layout.velocity_bins else 1 / (1 + np.exp(-velocities)),
        one_hots(offsets) if layout.offset_bins else np.tanh(offsets),
    )
    return np.concatenate(parts, axis=-1).astype(np.float32)


def test_any_number_of_windows_and_steps(tmp_path: Path) -> None:
    exported = Exported(untrained("groovae_4bar", SIZES), tmp_path)
    for n, steps in ((1, 1), (3, 70)):
        z = np.ones((n, 8), np.float32)
        noise = exported.noise(n, steps)
        (rows,) = exported.run("decoder", z=z, temperature=1, noise=noise)
        assert_same_rows(exported.layout, rows, exported.model.decode(z, seed=SEED, steps=steps))
        (mu, _) = exported.run("encoder", inputs=rows)
        np.testing.assert_allclose(mu, exported.model.encode(rows).mu, atol=CLOSE)


@pytest.mark.parametrize("draw", [0.0, 1.0])
def test_the_ends_of_draws_are_no_harm(tmp_path: Path, draw: float) -> None:
    exported = Exported(untrained("bins", SIZES), tmp_path)
    noise = np.full_like(exported.noise(2, 4), draw)
    z = np.zeros((2, 8), np.float32)
    likely, drawn = (
        exported.run("decoder", z=z, temperature=temperature, noise=noise)[0]
        for temperature in (0, 10)
    )
    np.testing.assert_array_equal(likely, exported.model.decode(z, temperature=0, steps=4))
    np.testing.assert_array_equal(drawn[..., :9], draw)


def test_an_included_model(tmp_path: Path) -> None:
    exported = Exported(load_model("groovae_4bar"), tmp_path)
    z = exported.model.new_latents(8, seed=2)
    (ours,) = exported.run("decoder", z=z, temperature=0.5, noise=exported.noise(8, 64))
    theirs = exported.model.decode(z, None, 0.5, SEED)
    assert_same_rows(exported.layout, ours, theirs)
    for mine, other in zip(
        exported.run("encoder", inputs=theirs), exported.model.encode(theirs), strict=True
    ):
        np.testing.assert_allclose(mine, other, atol=CLOSE)


def test_files_say_what_they_are(exported: Exported) -> None:
    for name, path in exported.paths.items():
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        told = {each.key: each.value for each in model.metadata_props}
        assert told["config"] == "groovae_own"
        assert told["groovefast_version"]
        assert (model.graph.name, bool(model.doc_string)) == (path.stem, True), name
        for way, values in (("input", model.graph.input), ("output", model.graph.output)):
            assert all(told[f"{way} {each.name}"] == each.doc_string for each in values)
            assert all(each.doc_string for each in values)


def test_the_same_model_gives_the_same_files(tmp_path: Path) -> None:
    model = untrained("bins", RESIDUAL)
    first, again = (
        [path.read_bytes() for path in export_onnx(model, tmp_path / name)] for name in "ab"
    )
    assert first == again


def test_export_needs_no_tensorflow(run_python: Callable[[str], str], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from groovefast import load_model\n"
        "from groovefast.model.onnx_files import export_onnx\n"
        f"made = export_onnx(load_model('groovae_4bar'), Path({str(tmp_path)!r}))\n"
        "print(len(made), {'tensorflow', 'onnxruntime', 'torch'} & {*sys.modules})"
    )
    assert run_python(code) == "4 set()"
