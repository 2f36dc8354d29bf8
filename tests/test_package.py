import sys

import pytest

import groovefast


def test_the_source_folder_alone_says_what_it_lacks(monkeypatch):
    monkeypatch.setitem(sys.modules, "groovefast._core", None)
    monkeypatch.delattr(groovefast, "_core", raising=False)
    with pytest.raises(ImportError, match=r"without its compiled part; .*pip install -e"):
        from groovefast import _core  # noqa: F401
