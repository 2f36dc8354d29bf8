from __future__ import annotations

import pickle
from pathlib import Path

import mido
import numpy as np
import pytest
from matplotlib.figure import Figure

from groovefast import GrooveFastError, MelodyConverter, TrioConverter, read_midi
from groovefast.drum_part import ALL_CHANNELS
from groovefast.midi.arrangement import Arrangement, Part

STEPS = np.array([0, 2, 8])


@pytest.fixture
def trio() -> Arrangement:
    parts = [
        Part(0, STEPS, STEPS + 2, np.array([60, 62, 60])),
        Part(1, STEPS[:1], STEPS[:1] + 16, np.array([36]), program=33),
        Part(9, STEPS, STEPS + 1, np.array([36, 38, 42]), is_drum=True),
    ]
    return Arrangement.from_steps(parts, 20, qpm=100.0)


def test_notes_are_in_seconds_by_instrument(trio: Arrangement) -> None:
    step = 60.0 / 100.0 / 4
    assert trio.notes["instrument"].tolist() == [0, 0, 0, 1, 9, 9, 9]
    assert trio.notes["time"].tolist() == [*(STEPS * step), 0.0, *(STEPS * step)]
    assert trio.notes["is_drum"].tolist() == [False] * 4 + [True] * 3
    assert set(trio.notes["velocity"].tolist()) == {80}
    assert trio.duration == 16 * step
    assert trio.quarters == 8.0
    assert repr(trio) == "Arrangement(7 notes of 3 instruments, 2.40 s at 100 qpm)"


def test_writes_a_track_for_each_instrument(trio: Arrangement, tmp_path: Path) -> None:
    trio.save(tmp_path / "trio.mid")
    file = mido.MidiFile(tmp_path / "trio.mid")
    assert (file.type, file.ticks_per_beat) == (1, 220)
    assert [track.name for track in file.tracks] == ["", "Melody", "Bass", "Drums"]
    ends = {sum(message.time for message in track) for track in file.tracks}
    assert ends == {8 * 220}, "all as long as the bars"
    score = read_midi(tmp_path / "trio.mid", channel=ALL_CHANNELS)
    assert score.tempos["qpm"].tolist() == pytest.approx([100.0])
    assert score.time_signatures[["numerator", "denominator"]].tolist() == [(4, 4)]
    fields = ["tick", "end_tick", "pitch", "velocity", "channel", "program"]
    assert score.notes[fields].tolist() == [
        (0, 110, 60, 80, 0, 0),
        (110, 220, 62, 80, 0, 0),
        (440, 550, 60, 80, 0, 0),
        (0, 880, 36, 80, 1, 33),
        (0, 55, 36, 80, 9, 0),
        (110, 165, 38, 80, 9, 0),
        (440, 495, 42, 80, 9, 0),
    ]


def test_silence_is_a_file_too() -> None:
    (silence,) = MelodyConverter().from_tensors([0] * 32)
    assert len(silence.notes) == 0
    assert silence.duration == 0
    assert [len(track) for track in silence.to_midi().tracks] == [3]
    assert silence.plot().get_title(loc="left") == "4/4 at 120 bpm"


def test_more_instruments_than_channels_share_them() -> None:
    parts = [Part(number, STEPS, STEPS + 1, STEPS + 60) for number in range(20)]
    file = Arrangement.from_steps(parts, 16).to_midi()
    channels = [
        message.channel for track in file.tracks for message in track if "channel" in dir(message)
    ]
    assert 9 not in channels
    assert len(set(channels)) == 15


def test_equal_if_what_is_played_is(trio: Arrangement) -> None:
    assert trio == Arrangement(trio.notes, 100.0, 8.0)
    assert trio != Arrangement(trio.notes, 101.0, 8.0)
    assert trio != Arrangement(trio.notes[1:], 100.0, 8.0)
    assert trio != "trio"
    assert pickle.loads(pickle.dumps(trio)) == trio
    with pytest.raises(ValueError, match="read-only"):
        trio.notes["pitch"] = 3


def test_draws_pitches_and_drums(trio: Arrangement) -> None:
    ax = trio.plot()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {"C2", "C3", "C4", "kick", "ride"} <= set(labels)
    assert ax.get_xlim() == (0.0, 8.0)
    figure = Figure()
    own = figure.add_subplot()
    assert trio.plot(own) is own
    assert trio._repr_png_().startswith(b"\x89PNG")
    (melody,) = MelodyConverter().from_tensors([43, 0, 1, 0])
    assert "kick" not in [label.get_text() for label in melody.plot().get_yticklabels()]


@pytest.mark.parametrize(
    ("qpm", "quarters", "problem"),
    [(0.0, 4.0, "qpm: 0.0"), (float("nan"), 4.0, "qpm: nan"), (120.0, -1.0, "quarters: -1.0")],
)
def test_refuses_what_midi_cannot_express(qpm: float, quarters: float, problem: str) -> None:
    notes = np.zeros(0, [("time", "f8")])
    with pytest.raises(GrooveFastError, match=problem):
        Arrangement(notes, qpm, quarters)
    with pytest.raises(GrooveFastError, match="qpm"):
        TrioConverter().from_tensors([[0, 0, 0]], qpm=1.0)


def test_refuses_times_that_are_none(trio: Arrangement) -> None:
    notes = trio.notes.copy()
    notes["time"][0] = np.inf
    with pytest.raises(GrooveFastError, match="notes: a time is not finite"):
        Arrangement(notes)


def test_is_read_from_its_file_again(trio: Arrangement, tmp_path: Path) -> None:
    trio.save(tmp_path / "trio.mid")
    again = Arrangement.from_midi(tmp_path / "trio.mid")
    assert (again.qpm, again.quarters) == (pytest.approx(100.0), 8.0)
    fields = ["pitch", "velocity", "program", "is_drum"]
    assert again.notes[fields].tolist() == trio.notes[fields].tolist()
    for name in ("time", "end_time"):
        assert again.notes[name] == pytest.approx(trio.notes[name], abs=1e-5)
    assert np.unique(again.notes["instrument"]).tolist() == [0, 1, 2]
    nothing = Arrangement.from_midi(Arrangement.from_steps([], 16).to_bytes())
    assert (len(nothing.notes), nothing.quarters) == (0, 4.0)
