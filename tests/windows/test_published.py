"""What anybody can check: Magenta's grids and transforms that are part of the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groovefast import CONFIGS, GrooveConverter
from groovefast.windows import transforms
from groovefast.windows.transforms import Grid


@pytest.fixture(scope="module")
def grids(golden_dir: Path) -> dict[str, np.ndarray]:
    with np.load(golden_dir / "grids_synthetic.npz") as archive:
        return dict(archive)


@pytest.mark.parametrize("pitch_classes", ["roland", "reduced"])
def test_grids_are_magentas(grids: dict[str, np.ndarray], pitch_classes: str) -> None:
    converter = GrooveConverter(split_bars=None, pitch_classes=pitch_classes, magenta_compat=True)
    n_steps, first, *columns = (
        grids[f"{pitch_classes}/{name}"]
        for name in ("n_steps", "first", "step", "drum", "velocity", "offset")
    )
    files = np.split(grids["midi"], np.cumsum(grids["midi_len"])[:-1])
    assert len(files) == len(n_steps) == 40
    for number, data in enumerate(files):
        steps = n_steps[number]
        step, drum, velocity, offset = (
            column[first[number] : first[number + 1]] for column in columns
        )
        expected = np.zeros((min(steps, 1), steps, 3, 9))
        if steps:
            expected[0, step, :, drum] = np.stack(
                [np.ones(len(step)), velocity / 127, offset], axis=1
            )
        found = converter.to_tensors(data.tobytes()).outputs
        np.testing.assert_array_equal(
            found,
            expected.reshape(len(expected), steps, 27).astype(np.float32),
            err_msg=f"file {number}, {grids['kind'][number]}",
        )


@pytest.mark.parametrize("name", ["groovae_4bar", "groovae_2bar_hits_control"])
def test_windows_of_a_config_are_magentas(golden_dir: Path, name: str) -> None:
    with np.load(golden_dir / f"magenta_checkpoints/{name}_small/expected.npz") as archive:
        expected = {kind: archive[kind] for kind in ("inputs", "outputs", "controls")}
    performed = Grid(*np.split(expected["outputs"], 3, axis=-1))
    made = transforms.apply(CONFIGS[name].converter, np, *performed)
    for kind, array in zip(expected, made, strict=True):
        np.testing.assert_array_equal(array, expected[kind], err_msg=kind)
