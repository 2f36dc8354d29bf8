from __future__ import annotations

from pathlib import Path

import numpy as np

from groovefast.conversion.plot import plot_corpus

PNG = b"\x89PNG\r\n\x1a\n"


def corpus_stats() -> dict[str, object]:
    rng = np.random.default_rng(0)
    velocities = rng.integers(0, 50, (9, 128))
    return {
        "hits": velocities.sum(axis=1).tolist(),
        "velocities": velocities.tolist(),
        "offsets": rng.integers(0, 50, (9, 64)).tolist(),
        "tempos": {"100": 40, "120.5": 7},
        "bars": {"train": 40, "test": 7},
        "windows": {2: 30, 4: 20},
    }


def test_corpus_is_drawn_with_its_counts(tmp_path: Path) -> None:
    stats = corpus_stats()
    figure = plot_corpus(stats, tmp_path / "corpus.png")
    assert (tmp_path / "corpus.png").read_bytes().startswith(PNG)
    hits = figure.axes[0]
    assert [bar.get_width() for bar in hits.patches] == stats["hits"]
    tempos = figure.axes[1]
    assert sum(bar.get_height() for bar in tempos.patches) == 47
    assert figure.axes[2].get_title(loc="left") == "47 bars"
    assert [text.get_text() for text in figure.axes[2].texts][-1] == (
        "30 windows of 2 bars\n20 windows of 4 bars"
    )


def test_early_is_to_the_left() -> None:
    stats = corpus_stats()
    # Positive offsets are early: the last bins.
    stats["offsets"] = [[0] * 60 + [9] * 4] * 9
    timing = plot_corpus(stats).axes[-1]
    outline = timing.lines[0]
    assert outline.get_xdata()[np.argmax(outline.get_ydata())] < -0.4


def test_an_empty_corpus_is_drawn(tmp_path: Path) -> None:
    empty = {
        "hits": [0] * 9,
        "velocities": np.zeros((9, 128), int),
        "offsets": np.zeros((9, 64), int),
        "tempos": {},
        "bars": {},
        "windows": {},
    }
    plot_corpus(empty, tmp_path / "corpus.png")
    assert (tmp_path / "corpus.png").read_bytes().startswith(PNG)
