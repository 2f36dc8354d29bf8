"""What is found on disk, or among the included models, when a model is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groovefast.config import CONFIGS
from groovefast.errors import GrooveFastError
from groovefast.model.folder import CONFIG_FILE, find_model_folder, read_description
from groovefast.model.models import included_model

NAME = "groovae_4bar"


@pytest.mark.parametrize("there", [NAME, f"{NAME}.index"])
def test_what_is_on_disk_comes_before_what_is_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model_folder(Path(NAME)) == included_model(NAME) is not None
    Path(there).touch()
    assert find_model_folder(Path(NAME)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        "[]",
        {},
        {"step": 1, "config": []},
        {"step": 1, "config": {**CONFIGS[NAME].to_dict(), "hparams": []}},
        {"step": 1, "config": {**CONFIGS[NAME].to_dict(), "hparams": {"z_size": -1}}},
        {"step": "many", "config": CONFIGS[NAME].to_dict()},
    ],
)
def test_a_damaged_description_is_named(tmp_path: Path, content: Any) -> None:
    if isinstance(content, dict):
        content = json.dumps(content)
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / CONFIG_FILE).write_bytes(data)
    file = tmp_path / CONFIG_FILE
    with pytest.raises(GrooveFastError, match=f"^{file}: not the description of a model"):
        read_description(tmp_path)
