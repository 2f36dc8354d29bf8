from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from groovefast.drums import DRUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.midi.groove import Groove
from groovefast.midi.plot import EARLY, LATE, pages_of, plot_groove, plot_grooves
from groovefast.plot_style import to_png

PNG = b"\x89PNG\r\n\x1a\n"
# At 60 bpm a beat is a second and a 16th a quarter of one.
GROOVE = Groove(
    [(-0.02, 0.2, 36, 100), (1.0, 1.2, 38, 127), (2.28, 2.4, 42, 30), (5.5, 5.6, 51, 64)], qpm=60
)


def drawn(groove: Groove, title: str | None = None):
    ax = Figure().add_subplot()
    plot_groove(groove, ax, title)
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
    assert streaks(ax, EARLY) == [(0.0, -0.02)]
    assert streaks(ax, LATE) == [(2.25, 2.28)]


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


def beats(*quarters: float, **options) -> Groove:
    """Kicks at these places."""
    return Groove([(place / 2, place / 2 + 0.1, 36, 80) for place in quarters], **options)


def counted(ax) -> list[tuple[float, str]]:
    """What stands below the time axis, and where."""
    labels = [label.get_text() for label in ax.get_xticklabels()]
    return list(zip(ax.get_xticks().tolist(), labels, strict=True))


def lines(ax, width: float) -> list[float]:
    """Places of the vertical lines of a width: 1.3 for bars, 0.9 for beats, 0.6 for steps."""
    return [
        segment[0, 0]
        for drawn_lines in ax.collections
        if hasattr(drawn_lines, "get_segments") and drawn_lines.get_linewidths()[0] == width
        for segment in drawn_lines.get_segments()
    ]


def dots(ax) -> np.ndarray:
    """Place and line of each note; the legend has none."""
    (drawn_dots,) = (
        each
        for each in ax.collections
        if not hasattr(each, "get_segments") and len(each.get_sizes()) and len(each.get_offsets())
    )
    return np.asarray(drawn_dots.get_offsets())


def titles_of(figure) -> list[str]:
    return [ax.get_title(loc="left") for ax in figure.axes]


@pytest.mark.parametrize(
    ("bars", "names"),
    [
        (0, ["grooves.png"]),
        (1, ["grooves.png"]),
        (32, ["grooves.png"]),
        (40, ["grooves-p2.png", "grooves.png"]),
        (70, ["grooves-p2.png", "grooves-p3.png", "grooves.png"]),
    ],
)
def test_grooves_of_any_length_are_drawn(bars: int, names: list[str], tmp_path: Path) -> None:
    groove = beats(*range(0, 4 * bars, 4))
    figures = plot_grooves([groove, GROOVE], tmp_path / "grooves.png", titles=["a", "b"])
    assert len(figures) == len(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(PNG)


def test_long_grooves_are_broken_into_rows_of_eight_bars() -> None:
    figures = plot_grooves([beats(*range(160)), beats(*range(150))], titles=["a", "b"])
    spans = [f"bars {first}–{first + 7}" for first in (1, 9, 17, 25, 33)]
    assert [titles_of(figure) for figure in figures] == [
        [f"{name} · {span}" for span in spans[:3] for name in "ab"],
        [f"{name} · {span}" for span in spans[3:] for name in "ab"],
    ]
    assert [figure.get_supxlabel() for figure in figures] == ["page 1 of 2", "page 2 of 2"]
    below = figures[0].axes[3]
    assert below.get_xlim() == (32 - 0.125, 64)
    assert counted(below)[:5] == [(32, "9"), (33, "·2"), (34, "·3"), (35, "·4"), (36, "10")]
    assert lines(below, 1.3) == list(range(32, 65, 4))
    assert dots(below)[:, 0].tolist() == list(range(32, 64))


def test_a_note_played_early_on_a_row_is_drawn_there() -> None:
    (figure,) = plot_grooves([beats(0, 31.95)])
    assert titles_of(figure) == ["4/4 at 120 bpm · bars 1–8", "4/4 at 120 bpm · bar 9"]
    assert dots(figure.axes[1])[:, 0].tolist() == [31.95]
    assert [ax.get_xlim()[1] for ax in figure.axes] == [32, 64]


@pytest.mark.parametrize(
    ("meter", "bars"),
    [((4, 4), 8), ((3, 4), 8), ((7, 8), 8), ((12, 8), 5), ((5, 4), 6), ((2, 8), 8), ((1, 8), 16)],
)
def test_rows_have_as_many_bars_as_one_can_read(meter: tuple[int, int], bars: int) -> None:
    quarters = np.arange(0, 100 * 4 * meter[0] / meter[1], 0.5)
    figures = plot_grooves([beats(*quarters, time_signature=meter)])
    assert titles_of(figures[0])[1].endswith(f" · bars {bars + 1}–{2 * bars}")


def test_a_bar_too_long_for_a_row_is_broken() -> None:
    (figure,) = plot_grooves([beats(*range(75), time_signature=(70, 4))])
    assert titles_of(figure) == [
        "70/4 at 120 bpm · bar 1",
        "70/4 at 120 bpm · bar 1 from beat 33",
        "70/4 at 120 bpm · bar 1 from beat 65",
        "70/4 at 120 bpm · bar 2",
        "70/4 at 120 bpm · bar 2 from beat 33",
        "70/4 at 120 bpm · bar 2 from beat 65",
    ]
    assert counted(figure.axes[1])[0] == (32, "·33")
    assert lines(figure.axes[2], 1.3) == [70]


def test_long_silence_is_told_of_and_left_out() -> None:
    (figure,) = plot_grooves([beats(0, 132, 135, end=4 * 500)])
    assert titles_of(figure) == [
        "4/4 at 120 bpm · bars 1–8",
        "4/4 at 120 bpm · bars 33–40, after 24 bars of silence, then 460 bars of silence",
    ]
    (figure,) = plot_grooves([beats(0, 92)])
    assert len(figure.axes) == 3


def test_bars_that_are_empty_at_the_end_are_drawn() -> None:
    clip = Groove.from_hits([0], [0], [90], [0], num_steps=64)
    assert drawn(clip).get_xlim()[1] == 16
    # A note that rings on into a bar does not make that bar one of the music.
    ringing = Groove([(0.0, 2.3, 36, 90)], end=4.6)
    assert drawn(ringing).get_xlim()[1] == 4


CHANGING = beats(*range(16), meter_changes=[(8, 7, 8), (11.5, 3, 4)])


def test_bars_are_those_of_the_meter_in_force() -> None:
    ax = plot_grooves([CHANGING])[0].axes[0]
    assert lines(ax, 1.3) == [0, 4, 8, 11.5, 14.5, 17.5]
    sevens = [8 + step / 2 for step in range(7)]
    assert lines(ax, 0.9) == [*range(8), *sevens, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5, 17.5]
    count = dict(counted(ax))
    assert count[0] == "1\n4/4"
    assert [count[place] for place in (1, 4, 8, 9, 11.5, 12.5, 14.5)] == [
        *("·2", "2", "3\n7/8", "·3", "4\n3/4", "·2", "5"),
    ]


def test_a_bar_cut_short_is_a_bar() -> None:
    ax = drawn(beats(0, 9, meter_changes=[(5.3, 4, 4)]))
    assert lines(ax, 1.3) == [0, 4, 5.3, 9.3]
    assert dict(counted(ax))[5.3] == "3\n4/4"
    # The 16th that the note at 9 belongs to is counted from the change of meter.
    assert streaks(ax, EARLY) == [(pytest.approx(9.05), 9)]


def test_beats_are_those_of_the_meter() -> None:
    ax = drawn(beats(*range(5), time_signature=(6, 8)))
    assert lines(ax, 0.9) == [0, 1.5, 3, 4.5, 6]
    assert counted(ax) == [(0, "1"), (1.5, "·2"), (3, "2"), (4.5, "·2")]


def test_titles_name_the_meter_at_the_start_of_the_row() -> None:
    (figure,) = plot_grooves([beats(*range(60), meter_changes=[(32, 3, 4)])])
    assert titles_of(figure) == [
        "4/4 at 120 bpm · bars 1–8",
        "3/4 at 120 bpm · bars 9–16",
        "3/4 at 120 bpm · bars 17–18",
    ]


def test_bars_too_short_to_see_are_drawn_in_no_time() -> None:
    tiny = beats(0, 10, 70, time_signature=(4, 2**31))
    (figure,) = plot_grooves([tiny])
    assert [ax.get_xlim()[0] for ax in figure.axes] == [-0.125, 32 - 0.125, 64 - 0.125]
    assert [len(lines(ax, 1.3)) for ax in figure.axes] == [0, 0, 0]
    assert len(lines(figure.axes[0], 0.6)) == 4 * 32 + 1
    for groove in (tiny, beats(0, meter_changes=[(4, 4, 2**31), (2**27, 255, 1)], end=2**28)):
        assert to_png(next(pages_of([groove]))).startswith(PNG)
        drawn(groove)


def test_one_axis_of_500_bars_has_room_for_its_count() -> None:
    ax = drawn(beats(*range(2000)))
    assert 5 < len(counted(ax)) < 20
    assert [text for _, text in counted(ax)][:2] == ["1", "65"]
    assert len(lines(ax, 1.3)) < 60


def test_drums_are_those_of_the_kit() -> None:
    groove = Groove([(0.0, 0.1, 35, 90), (0.5, 0.6, 43, 90), (1.0, 1.1, 99, 90)])
    kit = "99|||||43|||"
    for ax in (
        groove.plot(Figure().add_subplot(), kit),
        plot_grooves([groove], pitch_classes=kit)[0].axes[0],
    ):
        rows = np.floor(dots(ax)[:, 1]).tolist()
        assert rows == [9, 5, 0]
    with pytest.raises(GrooveFastError, match="no such map 'x'"):
        groove.plot(Figure().add_subplot(), "x")


def test_several_grooves_share_the_longest_time_axis() -> None:
    long = Groove([(0.0, 0.1, 36, 80), (9.0, 9.1, 36, 80)])
    (figure,) = plot_grooves([GROOVE, long, GROOVE])
    assert [ax.get_xlim()[1] for ax in figure.axes] == [20.0] * 3


def test_one_count_serves_grooves_of_the_same_bars() -> None:
    waltz = Groove(GROOVE.notes, 60, (3, 4))
    (figure,) = plot_grooves([GROOVE, GROOVE, waltz])
    axes = figure.axes
    counted = [any(label.get_visible() for label in ax.get_xticklabels()) for ax in axes]
    assert counted == [False, True, True]


def test_wrong_numbers_of_grooves_or_titles_are_named() -> None:
    with pytest.raises(GrooveFastError, match="at least one"):
        plot_grooves([])
    with pytest.raises(GrooveFastError, match="titles: 1 wanted, 2 given"):
        plot_grooves([GROOVE], titles=["a", "b"])


@pytest.mark.parametrize(
    "title",
    ["x$\\y$.mid", "$\\frac$", "cost $5 to $9", "latin\udce9.mid", "日本 \x07.mid", "", "_^{}"],
)
def test_titles_stand_as_they_are(title: str, recwarn: pytest.WarningsRecorder) -> None:
    (figure,) = plot_grooves([GROOVE, GROOVE], titles=[title, title])
    assert to_png(figure).startswith(PNG)
    assert len(recwarn) == 0


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


def test_the_users_style_is_left_alone() -> None:
    before = dict(mpl.rcParams)
    plot_grooves([GROOVE])
    assert dict(mpl.rcParams) == before


def test_drawing_needs_no_pyplot(run_python: Callable[[str], str]) -> None:
    code = (
        "import sys; from groovefast.midi.plot import plot_grooves;"
        "from groovefast.plot_style import to_png; from groovefast import Groove;"
        "to_png(plot_grooves([Groove([(0, 1, 36, 90)])])[0]);"
        "print('matplotlib.pyplot' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert run_python(code) == "False False"
