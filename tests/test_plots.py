from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from groovefast import plots
from groovefast.drums import DRUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.groove import Groove

PNG = b"\x89PNG\r\n\x1a\n"
# At 60 bpm a beat is a second and a 16th a quarter of one.
GROOVE = Groove(
    [(-0.02, 0.2, 36, 100), (1.0, 1.2, 38, 127), (2.28, 2.4, 42, 30), (5.5, 5.6, 51, 64)], qpm=60
)


def drawn(groove: Groove, title: str | None = None):
    ax = Figure().add_subplot()
    plots.plot_groove(groove, ax, title)
    return ax


def streaks(ax, color: str) -> list[tuple[float, float]]:
    """Start and end in beats of each streak of one colour."""
    return [
        (segment[0, 0], segment[1, 0])
        for lines in ax.collections
        if hasattr(lines, "get_segments")
        and len(lines.get_color())
        and to_rgb(lines.get_color()[0]) == to_rgb(color)
        for segment in lines.get_segments()
    ]


def test_dots_stand_where_the_notes_were_played() -> None:
    dots = drawn(GROOVE).collections[-1]
    np.testing.assert_allclose(dots.get_offsets()[:, 0], [-0.02, 1.0, 2.28, 5.5])
    assert np.floor(dots.get_offsets()[:, 1]).tolist() == [0, 1, 2, 8]
    sizes = dots.get_sizes()
    assert np.argsort(sizes).tolist() == [2, 3, 0, 1]


def test_streaks_tell_early_from_late() -> None:
    ax = drawn(GROOVE)
    assert streaks(ax, plots.EARLY) == [(0.0, -0.02)]
    assert streaks(ax, plots.LATE) == [(2.25, 2.28)]


def test_the_axis_spans_whole_bars_from_before_the_first_step() -> None:
    ax = drawn(GROOVE)
    assert ax.get_xlim() == (-0.125, 8.0)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["1", "·2", "·3", "·4", "2", "·2", "·3", "·4"]
    waltz = drawn(Groove(GROOVE.notes, 60, (3, 4)))
    assert [label.get_text() for label in waltz.get_xticklabels()][:4] == ["1", "·2", "·3", "2"]


def test_pitches_of_no_class_have_a_line_of_their_own() -> None:
    names = [label.get_text() for label in drawn(GROOVE).get_yticklabels()]
    assert names == list(DRUM_CLASSES)
    odd = Groove([(0.0, 0.1, 100, 90)])
    assert [label.get_text() for label in drawn(odd).get_yticklabels()][-1] == "other"


def test_title_is_meter_and_tempo_unless_given() -> None:
    assert drawn(GROOVE).get_title(loc="left") == "4/4 at 60 bpm"
    assert drawn(GROOVE, "mine").get_title(loc="left") == "mine"


@pytest.mark.parametrize("bars", [0, 1, 40])
def test_grooves_of_any_length_are_drawn(bars: int, tmp_path: Path) -> None:
    groove = Groove([(2.0 * bar, 2.0 * bar + 0.1, 36, 80) for bar in range(bars)])
    plots.plot_grooves([groove, GROOVE], tmp_path / "grooves.png", titles=["a", "b"])
    assert (tmp_path / "grooves.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["grooves.png"]


def test_several_grooves_share_the_longest_time_axis() -> None:
    long = Groove([(0.0, 0.1, 36, 80), (9.0, 9.1, 36, 80)])
    figure = plots.plot_grooves([GROOVE, long, GROOVE])
    assert [ax.get_xlim()[1] for ax in figure.axes] == [20.0] * 3


def test_one_count_serves_grooves_of_the_same_bars() -> None:
    waltz = Groove(GROOVE.notes, 60, (3, 4))
    axes = plots.plot_grooves([GROOVE, GROOVE, waltz]).axes
    counted = [any(label.get_visible() for label in ax.get_xticklabels()) for ax in axes]
    assert counted == [False, True, True]


def test_wrong_numbers_of_grooves_or_titles_are_named() -> None:
    with pytest.raises(GrooveFastError, match="at least one"):
        plots.plot_grooves([])
    with pytest.raises(GrooveFastError, match="titles: 1 wanted, 2 given"):
        plots.plot_grooves([GROOVE], titles=["a", "b"])


def test_a_groove_is_a_picture_in_notebooks() -> None:
    assert GROOVE._repr_png_().startswith(PNG)


def test_plot_draws_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ax = Figure().add_subplot()
    assert GROOVE.plot(ax) is ax
    assert ax.get_title(loc="left") == "4/4 at 60 bpm"
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    assert GROOVE.plot() is pyplot.gca()
    pyplot.close("all")


def training_rows(steps: int) -> list[dict[str, float]]:
    return [
        {
            "step": step,
            "loss": 100.0 / step,
            "r_loss": 90.0 / step,
            "hits_loss": 50.0 / step,
            "velocities_loss": 20.0 / step,
            "offsets_loss": 20.0 / step,
            "kl_bits": float(step),
            "learning_rate": 1e-3,
            "examples_per_second": 400.0,
            **({"eval_loss": 110.0 / step} if step % 10 == 0 else {}),
        }
        for step in range(1, steps + 1)
    ]


@pytest.mark.parametrize("steps", [1, 15, 200])
def test_training_is_drawn_from_its_first_row_on(steps: int, tmp_path: Path) -> None:
    figure = plots.plot_training(training_rows(steps), tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(PNG)
    loss = figure.axes[0]
    assert loss.lines[0].get_xdata().tolist() == list(range(1, steps + 1))
    assert loss.lines[0].get_ydata()[0] == 100.0


def test_training_rows_may_lack_metrics_or_hold_nan() -> None:
    rows = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 1.0}]
    loss = plots.plot_training(rows).axes[0]
    assert loss.lines[0].get_xdata().tolist() == [1, 3]
    with pytest.raises(GrooveFastError, match="no metrics"):
        plots.plot_training([])


def test_moving_average_begins_at_the_first_value_and_keeps_a_constant() -> None:
    falling = 100.0 / np.arange(1, 101)
    average = plots._moving_average(falling, 5)
    assert average[0] == 100.0
    assert average[50] == pytest.approx(falling[45:56].mean())
    np.testing.assert_allclose(plots._moving_average(np.full(50, 3.0), 7), 3.0)


def corpus_stats() -> dict[str, object]:
    rng = np.random.default_rng(0)
    velocities = rng.integers(0, 50, (9, 128))
    return {
        "hits": velocities.sum(axis=1).tolist(),
        "velocities": velocities.tolist(),
        "offsets": rng.integers(0, 50, (9, 64)).tolist(),
        "tempos": {"100": 40, "120.5": 7},
        "windows": {"train": 40, "test": 7},
    }


def test_corpus_is_drawn_with_its_counts(tmp_path: Path) -> None:
    stats = corpus_stats()
    figure = plots.plot_corpus(stats, tmp_path / "corpus.png")
    assert (tmp_path / "corpus.png").read_bytes().startswith(PNG)
    hits = figure.axes[0]
    assert [bar.get_width() for bar in hits.patches] == stats["hits"]
    tempos = figure.axes[1]
    assert sum(bar.get_height() for bar in tempos.patches) == 47
    assert figure.axes[2].get_title(loc="left") == "47 windows"


def test_early_is_to_the_left() -> None:
    stats = corpus_stats()
    # Positive offsets are early: the last bins.
    stats["offsets"] = [[0] * 60 + [9] * 4] * 9
    timing = plots.plot_corpus(stats).axes[-1]
    outline = timing.lines[0]
    assert outline.get_xdata()[np.argmax(outline.get_ydata())] < -0.4


def test_an_empty_corpus_is_drawn(tmp_path: Path) -> None:
    empty = {
        "hits": [0] * 9,
        "velocities": np.zeros((9, 128), int),
        "offsets": np.zeros((9, 64), int),
        "tempos": {},
        "windows": {},
    }
    plots.plot_corpus(empty, tmp_path / "corpus.png")
    assert (tmp_path / "corpus.png").read_bytes().startswith(PNG)


def test_the_users_style_is_left_alone() -> None:
    before = dict(mpl.rcParams)
    plots.plot_grooves([GROOVE])
    assert dict(mpl.rcParams) == before


def test_drawing_needs_no_pyplot(run_python: Callable[[str], str]) -> None:
    code = (
        "import sys; from groovefast import plots; from groovefast.groove import Groove;"
        "plots.to_png(plots.plot_grooves([Groove([(0, 1, 36, 90)])]));"
        "print('matplotlib.pyplot' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert run_python(code) == "False False"
