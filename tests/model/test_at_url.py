"""Models at URLs: as those of this machine, and without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from buckets import URL, Bucket, spoiling

from groovefast import load_model
from groovefast.errors import GrooveFastError
from groovefast.model.at_url import local_model
from groovefast.model.models import included_model

NAME = "groovae_2bar_humanize"


@pytest.fixture
def folder() -> Path:
    found = included_model(NAME)
    if found is None:
        pytest.skip("the models are not included here")
    return found


@pytest.mark.parametrize("below", ["", "/model"])
def test_a_model_or_that_of_a_run(bucket: Bucket, folder: Path, below: str) -> None:
    bucket.put_folder(folder, f"runs/mine{below}")
    bucket.put("runs/mine/checkpoints/step-1.index", b"")
    there, here = load_model(f"{URL}/runs/mine"), load_model(folder)
    assert there.config == here.config
    assert all(np.array_equal(there.weights[name], here.weights[name]) for name in here.weights)
    assert "step-1.index" not in bucket.done("get")


def test_it_is_fetched_once(bucket: Bucket, folder: Path) -> None:
    bucket.put_folder(folder, "mine")
    bucket.on_get = spoiling("weights.npz", [b"cut off"])
    assert local_model(f"{URL}/mine/") == local_model(f"{URL}/mine")
    assert local_model(f"{URL}/mine").name == "mine"
    assert bucket.done("get").count("weights.npz") == 2


def test_one_that_is_replaced_is_fetched_anew(bucket: Bucket, folder: Path) -> None:
    bucket.put_folder(folder, "mine")
    before = local_model(f"{URL}/mine")
    bucket.put("mine/weights.npz", b"other")
    assert (local_model(f"{URL}/mine") / "weights.npz").read_bytes() == b"other"
    assert (before / "weights.npz").read_bytes() != b"other"


def test_checkpoints_are_found_by_what_they_begin_with(bucket: Bucket) -> None:
    for name in ("model.ckpt-1.index", "model.ckpt-1.data-00000-of-00001", "model.ckpt-12.index"):
        bucket.put(f"theirs/{name}", b"x")
    bucket.put("theirs.tar", b"x")
    prefix = local_model(f"{URL}/theirs/model.ckpt-1")
    assert prefix.name == "model.ckpt-1"
    assert {path.name for path in prefix.parent.iterdir()} == {
        "model.ckpt-1.index",
        "model.ckpt-1.data-00000-of-00001",
    }
    assert local_model(f"{URL}/theirs.tar").is_file()
    assert len(list(local_model(f"{URL}/theirs").iterdir())) == 3


def test_what_there_is_not(bucket: Bucket) -> None:
    del bucket
    with pytest.raises(GrooveFastError, match=rf"^{URL}/none: no such model$"):
        load_model(f"{URL}/none")
    with pytest.raises(GrooveFastError, match=r"^nosuch://a/b: .*nosuch"):
        load_model("nosuch://a/b")


def test_it_plays_without_tensorflow(
    run_python: Callable[[str], str], folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    code = (
        "import os, sys\nsys.modules['tensorflow'] = None\n"
        f"os.environ['GROOVEFAST_CACHE'] = {str(tmp_path / 'cache')!r}\n"
        "from groovefast.cli.sample import command\n"
        f"words = '--model file://{folder} --mode humanize --input {tmp_path / 'a.mid'}'.split()\n"
        "from groovefast.demo import write_corpus\n"
        "from groovefast.playing import sample\n"
        f"sample(seed=1)[0].groove.save({str(tmp_path / 'a.mid')!r})\n"
        f"words += ['--output-dir', {str(tmp_path / 'out')!r}, '--seed', '1']\n"
        "print(command.main(words, standalone_mode=False))"
    )
    assert run_python(code).splitlines()[-1] == "0"
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_without_fsspec_it_says_what_to_install(run_python: Callable[[str], str]) -> None:
    code = (
        "import sys\nsys.modules['fsspec'] = None\nfrom groovefast import load_model\n"
        "try: load_model('s3://bucket/model')\nexcept ImportError as e: print(e)"
    )
    message = "fsspec is not installed, which this needs: pip install 'groovefast[cloud]'"
    assert run_python(code) == message
