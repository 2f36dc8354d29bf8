"""What a SavedModel plays is what the model plays, loaded with nothing but TensorFlow."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from model_families import FAMILIES, RESIDUAL, SIZES, windows_of

from groovefast import load_model
from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.plan import layers
from groovefast.model.saved_model import export_saved_model
from groovefast.windows.rows import RowLayout

CLOSE = 1e-5
SEEDS = [7, 7, 0, 2**31 - 1]
TEMPERATURES = [0.5, 1.0, 0.0, 2.0]


class Served:
    """A model and what is served of it."""

    def __init__(self, model: NumpyGrooVAE, folder: Path) -> None:
        self.model, self.layout = model, RowLayout.of(model.config.converter)
        self.version = export_saved_model(model, folder)
        self._loaded = tf.saved_model.load(str(self.version))  # which has to outlive its signatures
        self.signatures = self._loaded.signatures
        self.rows = model.config.converter.window_steps * self.layout.rows_per_step

    def run(self, name: str, **inputs: Any) -> dict[str, np.ndarray]:
        """What a signature returns; controls are left out where it takes none."""
        if not self.layout.hits_as_controls:
            inputs.pop("controls", None)
        tensors = {key: tf.convert_to_tensor(each) for key, each in inputs.items()}
        return {key: each.numpy() for key, each in self.signatures[name](**tensors).items()}

    def windows(self, n: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, controls, told only where there are hits to tell, and z."""
        config = self.model.config
        inputs, controls, z = windows_of(config, n, config.converter.window_steps)
        if self.layout.rows_per_step > 1:
            controls[..., -self.layout.rows_per_step :] = self.layout.controls_without_hits(
                np, self.rows
            )
        return inputs, controls, z


def untrained(family: str, sizes: str) -> NumpyGrooVAE:
    """Weights large enough to matter."""
    config = Config("groovae_own", FAMILIES[family]).with_hparams(sizes)
    rng = np.random.default_rng(3)
    shapes = layers(config).shapes()
    return NumpyGrooVAE(config, {name: rng.normal(0, 0.4, shapes[name]) for name in shapes})


SERVED = [
    *((family, SIZES) for family in FAMILIES if "4bar" not in family),
    ("groovae_2bar_hits_control", RESIDUAL),
    ("bins", RESIDUAL),
    ("groovae_2bar_humanize", f"{SIZES},hierarchical_encoder=true,hierarchical_decoder=true"),
]


@pytest.fixture(scope="module", params=SERVED, ids=lambda each: ", ".join(each)[:40])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(untrained(*request.param), tmp_path_factory.mktemp("served"))


def test_encoding(served: Served) -> None:
    inputs, controls, _ = served.windows()
    ours = served.run("encode", inputs=inputs, controls=controls)
    theirs = served.model.encode(inputs, controls)
    np.testing.assert_allclose(ours["mu"], theirs.mu, atol=CLOSE)
    np.testing.assert_allclose(ours["sigma"], theirs.sigma, atol=CLOSE)


@pytest.mark.parametrize("name", ["decode", "serving_default"])
def test_each_window_is_decoded_as_if_it_were_alone(served: Served, name: str) -> None:
    _, controls, z = served.windows()
    inputs = {
        "z": z,
        "seed": np.array(SEEDS, np.int32),
        "temperature": np.array(TEMPERATURES, np.float32),
    }
    ours = served.run(name, **inputs, controls=controls)["rows"]
    theirs = np.concatenate(
        [
            served.model.decode(z[i : i + 1], controls[i : i + 1], temperature, seed)
            for i, (temperature, seed) in enumerate(zip(TEMPERATURES, SEEDS, strict=True))
        ]
    )
    hits = theirs[..., : served.layout.drums]
    assert 0 < hits.mean() < 1
    np.testing.assert_array_equal(ours[..., : served.layout.drums], hits)
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_names_and_shapes_of_signatures(served: Served) -> None:
    layout, rows, z_size = served.layout, served.rows, served.model.config.hparams.z_size
    told = {"controls": (None, rows, layout.control_depth)} if layout.hits_as_controls else {}
    of_decode = {"z": (None, z_size), "seed": (None,), "temperature": (None,), **told}
    wanted = {
        "encode": (
            {"inputs": (None, rows, layout.depth), **told},
            {"mu": (None, z_size), "sigma": (None, z_size)},
        ),
        "decode": (of_decode, {"rows": (None, rows, layout.depth)}),
    }
    wanted["serving_default"] = wanted["decode"]
    assert set(served.signatures) == set(wanted)
    for name, (inputs, outputs) in wanted.items():
        signature = served.signatures[name]
        _, taken = signature.structured_input_signature
        assert {key: tuple(spec.shape) for key, spec in taken.items()} == inputs
        assert {
            key: tuple(each.shape) for key, each in signature.structured_outputs.items()
        } == outputs
        whole = {key for key, spec in taken.items() if spec.dtype == tf.int32}
        assert whole == {"seed"} & inputs.keys()


def test_an_included_model(tmp_path: Path) -> None:
    served = Served(load_model("groovae_4bar"), tmp_path / "new" / "served")
    assert served.version == tmp_path / "new" / "served" / "1"
    z = served.model.new_latents(3, seed=2)
    inputs = {"seed": np.full(3, 9, np.int32), "temperature": np.full(3, 0.5, np.float32)}
    rows = served.run("serving_default", z=z, **inputs)["rows"]
    np.testing.assert_allclose(rows[:1], served.model.decode(z[:1], None, 0.5, seed=9), atol=CLOSE)
    np.testing.assert_allclose(
        served.run("encode", inputs=rows)["mu"], served.model.encode(rows).mu, atol=CLOSE
    )
    told = json.loads((served.version / "assets.extra" / "groovefast.json").read_text())
    assert (told["config"], told["window_rows"]) == ("groovae_4bar", "64")


def test_it_runs_without_a_gpu_wherever_it_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    served = Served(untrained("groovae_2bar_humanize", SIZES), tmp_path)
    monkeypatch.undo()
    assert served.run("encode", inputs=served.windows()[0])["mu"].shape == (4, 8)


def test_windows_without_a_length_are_refused(tmp_path: Path) -> None:
    config = untrained("groovae_2bar_humanize", SIZES).config
    config = dataclasses.replace(
        config, converter=dataclasses.replace(config.converter, split_bars=None)
    )
    shapes = layers(config).shapes()
    model = NumpyGrooVAE(config, {name: np.zeros(shape) for name, shape in shapes.items()})
    with pytest.raises(GrooveFastError, match="groovae_own: windows have no length"):
        export_saved_model(model, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_model_without_z_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GrooveFastError, match="a model of groove_rnn has no z"):
        export_saved_model(load_model("groove_rnn"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
