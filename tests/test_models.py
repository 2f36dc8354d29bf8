from __future__ import annotations

import json

import pytest

from groovefast import CONFIGS
from groovefast.models import DEFAULT_MODELS, shipped_model, shipped_models


def test_every_mode_has_a_model_of_a_named_config():
    assert set(DEFAULT_MODELS.values()) <= set(CONFIGS)


@pytest.mark.parametrize("name", ["", ".", "..", "none", "../models"])
def test_what_is_not_shipped_has_no_folder(name):
    assert shipped_model(name) is None


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_are_named_after_their_configs(name):
    folder = shipped_model(name)
    assert json.loads((folder / "config.json").read_text())["config"]["name"] == name
