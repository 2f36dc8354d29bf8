"""Tests of what is compiled are of no use where it was compiled from something else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from extension import newer_source
from places import ROOT

NAMES = ("CMakeLists.txt", "csrc/smf.cpp", "csrc/smf.hpp", "groovefast/_midi.pyx")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout, compiled when it was a second old."""
    for name in (*NAMES, "csrc/fuzz/fuzzer.cpp", "groovefast/midi/score.py", "_midi.so"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
        os.utime(path, (1000, 1000 + (name == "_midi.so")))
    return tmp_path


def find(root: Path, package: str = "groovefast") -> Path | None:
    return newer_source(root, root / package, [root / "_midi.so"])


def test_what_is_compiled_of_what_is_there_is_good(root: Path) -> None:
    assert find(root) is None


@pytest.mark.parametrize("name", [*NAMES, "groovefast/midi/new.pyx", "groovefast/new.pxd"])
def test_a_source_that_changed_since_is_named(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("changed")
    assert find(root) == root / name
    assert find(root, "site-packages/groovefast") is None


@pytest.mark.parametrize("name", ["csrc/fuzz/fuzzer.cpp", "groovefast/midi/score.py"])
def test_what_is_not_compiled_may_change(root: Path, name: str) -> None:
    (root / name).write_text("changed")
    assert find(root) is None


def test_no_test_begins_before_it_is_compiled_again() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import extension, pytest;"
        "extension.newer_source = lambda root, *_: root / 'csrc/smf.cpp';"
        f"sys.exit(pytest.main(['--collect-only', '-p', 'no:cacheprovider', {__file__!r}]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip() == (
        "ERROR: csrc/smf.cpp changed since the extension was compiled; "
        "pip install -e . compiles it again"
    )
