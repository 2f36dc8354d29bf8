from __future__ import annotations

import io
import math
import os
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groovefast.errors import GrooveFastError, MidiError
from groovefast.groove import NOTE_DTYPE, Groove
from groovefast.score import read_midi

NOTES = [(0.0, 0.25, 36, 100), (0.5, 0.75, 38, 127), (0.75, 1.0, 42, 1)]
GROOVE = Groove(NOTES)

notes = st.lists(
    st.tuples(
        st.floats(-0.1, 60), st.floats(0.001, 2), st.integers(0, 127), st.integers(0, 127)
    ).map(lambda note: (note[0], note[0] + note[1], note[2], note[3])),
    max_size=40,
)


def onsets(groove: Groove) -> list[tuple[int, int, int]]:
    """Tick, pitch and velocity of every note in the groove's file, sorted."""
    score = read_midi(groove.to_bytes())
    return sorted(
        (int(note["tick"]), int(note["pitch"]), int(note["velocity"])) for note in score.notes
    )


def test_notes_are_a_structured_array_in_seconds() -> None:
    assert GROOVE.notes.dtype == NOTE_DTYPE
    assert GROOVE.notes.dtype.names == ("time", "end_time", "pitch", "velocity")
    assert GROOVE.notes.tolist() == NOTES
    assert GROOVE.qpm == 120
    assert GROOVE.duration == 1.0
    assert Groove([]).duration == 0.0


def test_a_groove_is_never_changed_behind_its_back() -> None:
    array = np.array(NOTES, NOTE_DTYPE)
    groove = Groove(array)
    array["pitch"] = 0
    assert groove == GROOVE
    with pytest.raises(ValueError, match="read-only"):
        groove.notes["pitch"][0] = 1
    with pytest.raises(AttributeError):
        groove.qpm = 100  # type: ignore[misc]


def test_notes_may_come_from_a_wider_array() -> None:
    wide = np.zeros(
        2,
        [("velocity", "i4"), ("pitch", "i4"), ("track", "i4"), ("time", "f4"), ("end_time", "f8")],
    )
    wide["pitch"], wide["velocity"], wide["end_time"] = (36, 38), (90, 80), 0.5
    assert Groove(wide).notes.tolist() == [(0.0, 0.5, 36, 90), (0.0, 0.5, 38, 80)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Groove([(0, 1, 128, 1)]), "pitch 128 is not in 0..127"),
        (lambda: Groove([(0, 1, 36, -1)]), "velocity -1 is not in 0..127"),
        (lambda: Groove([(math.nan, 1, 36, 1)]), "a time is not finite"),
        (lambda: Groove([(0, math.inf, 36, 1)]), "a time is not finite"),
        (lambda: Groove([(0, 1, 36)]), r"\(time, end_time, pitch, velocity\) wanted"),
        (lambda: Groove([3]), r"\(time, end_time, pitch, velocity\) wanted"),
        (lambda: Groove(np.zeros(1, [("time", "f8"), ("pitch", "u1")])), "no field end_time, vel"),
        (lambda: Groove(NOTES, qpm=0), "qpm: 0 is not a tempo"),
        (lambda: Groove(NOTES, qpm=-5), "qpm: -5 is not a tempo"),
        (lambda: Groove(NOTES, qpm=3), "qpm: 3 is not a tempo"),
        (lambda: Groove(NOTES, qpm=math.nan), "qpm: nan is not a tempo"),
        (lambda: Groove(NOTES, qpm=1e9), "is not a tempo"),
        (lambda: Groove(NOTES, time_signature=(4, 3)), "4/3 is no meter"),
        (lambda: Groove(NOTES, time_signature=(0, 4)), "0/4 is no meter"),
        (lambda: Groove(NOTES, ticks_per_quarter=0), "0 is not in 1..32767"),
        (lambda: Groove(NOTES, ticks_per_quarter=40000), "40000 is not in 1..32767"),
    ],
)
def test_what_midi_cannot_express_is_refused(make: Callable[[], Groove], message: str) -> None:
    with pytest.raises(GrooveFastError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_note_beyond_the_last_tick_is_refused() -> None:
    with pytest.raises(GrooveFastError, match="beyond tick 268435455"):
        Groove([(1e9, 1e9 + 1, 36, 90)]).to_bytes()


def test_equality_is_of_notes_tempo_and_meter() -> None:
    assert Groove(NOTES) == GROOVE
    assert Groove(NOTES[:2]) != GROOVE
    assert Groove(NOTES, qpm=100) != GROOVE
    assert Groove(NOTES, time_signature=(3, 4)) != GROOVE
    assert GROOVE != NOTES


def test_repr_tells_what_it_is() -> None:
    assert repr(Groove(NOTES, 98.5, (3, 4))) == "Groove(3 notes, 1.00 s, 3/4 at 98.5 qpm)"


def test_to_midi_is_a_drum_track_with_tempo_and_meter() -> None:
    midi = Groove(NOTES, qpm=90, time_signature=(6, 8)).to_midi()
    assert isinstance(midi, mido.MidiFile)
    assert (midi.type, midi.ticks_per_beat, len(midi.tracks)) == (0, 220, 1)
    kinds = [message.type for message in midi.tracks[0]]
    assert kinds[:3] == ["track_name", "set_tempo", "time_signature"]
    assert kinds[-1] == "end_of_track"
    name, tempo, meter = midi.tracks[0][:3]
    assert name.name == "Drums"
    assert round(mido.tempo2bpm(tempo.tempo), 3) == 90
    assert (meter.numerator, meter.denominator) == (6, 8)
    notes = [message for message in midi.tracks[0] if not message.is_meta]
    assert {message.channel for message in notes} == {9}
    assert [message.type for message in notes].count("note_on") == 3


@given(notes, st.floats(30, 300), st.sampled_from([96, 220, 480, 960]))
def test_every_note_is_in_the_file_within_half_a_tick(
    notes: list[tuple[float, float, int, int]], qpm: float, ticks_per_quarter: int
) -> None:
    groove = Groove(notes, qpm, ticks_per_quarter=ticks_per_quarter)
    ticks_per_second = ticks_per_quarter * qpm / 60
    expected = sorted(
        (max(0, round(time * ticks_per_second)), pitch, max(1, velocity))
        for time, _, pitch, velocity in notes
    )
    assert onsets(groove) == expected


@given(notes)
def test_mido_reads_what_we_write(notes: list[tuple[float, float, int, int]]) -> None:
    data = Groove(notes).to_bytes()
    midi = mido.MidiFile(file=io.BytesIO(data))
    tick, heard = 0, []
    for message in midi.tracks[0]:
        tick += message.time
        if message.type == "note_on":
            heard.append((tick, message.note, message.velocity))
    assert sorted(heard) == onsets(Groove(notes))


def test_a_note_ends_where_the_next_of_its_pitch_starts() -> None:
    overlapping = Groove([(0.0, 1.0, 36, 90), (0.5, 0.75, 36, 80), (0.25, 1.0, 38, 70)])
    score = read_midi(overlapping.to_bytes())
    spans = {(note["time"], note["end_time"]) for note in score.notes}
    assert spans == {(0.0, 0.5), (0.5, 0.75), (0.25, 1.0)}


def test_times_before_zero_begin_the_file_and_velocity_zero_is_heard() -> None:
    assert onsets(Groove([(-0.05, 0.1, 36, 0)])) == [(0, 36, 1)]


def test_from_hits_is_spec_3() -> None:
    groove = Groove.from_hits([0, 4, 9], [0, 1, 8], [100, 90, 80], [0.25, -0.5, 2.0], qpm=60)
    assert groove.notes["time"].tolist() == [-0.0625, 1.125, 2.125]
    assert groove.notes["end_time"].tolist() == [0.1875, 1.375, 2.375]
    assert groove.notes["pitch"].tolist() == [36, 38, 51]
    assert groove.notes["velocity"].tolist() == [100, 90, 80]


def test_half_a_step_late_and_half_a_step_early_are_not_confused() -> None:
    groove = Groove.from_hits([3, 4], [0, 0], [50, 60], [-0.5, 0.5])
    assert groove.notes["time"][0] == groove.notes["time"][1]
    assert onsets(groove) == [(3 * 55 + 27, 36, 50), (4 * 55 - 27, 36, 60)]


@pytest.mark.parametrize("as_source", [lambda path: path, str, Path.read_bytes, mido.MidiFile])
def test_from_midi_takes_files_of_any_form(
    as_source: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "groove.mid"
    groove = Groove(NOTES, 120, (3, 4), ticks_per_quarter=480)
    groove.save(path)
    read = Groove.from_midi(as_source(path))
    assert read == groove
    assert read.ticks_per_quarter == 480


def test_from_midi_of_the_dataset_keeps_every_onset(groove_files: list[Path]) -> None:
    for path in groove_files[::100]:
        data = path.read_bytes()
        groove = Groove.from_midi(data)
        score = read_midi(data)
        assert groove.notes["time"].tolist() == score.notes["time"].tolist()
        original = sorted(
            zip(
                score.notes["tick"].tolist(),
                score.notes["pitch"].tolist(),
                score.notes["velocity"].tolist(),
                strict=True,
            )
        )
        assert onsets(groove) == original


def test_from_midi_keeps_notes_on_their_beats_through_tempo_changes() -> None:
    midi = mido.MidiFile(ticks_per_beat=100)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.Message("note_on", channel=9, note=36, velocity=90))
    track.append(mido.Message("note_off", channel=9, note=36, time=100))
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    track.append(mido.Message("note_on", channel=9, note=38, velocity=80, time=100))
    track.append(mido.Message("note_off", channel=9, note=38, time=50))
    groove = Groove.from_midi(midi)
    assert groove.qpm == 120
    assert groove.notes["time"].tolist() == [0.0, 1.0]
    assert groove.notes["end_time"].tolist() == [0.5, 1.25]


def test_from_midi_hears_other_channels_when_asked() -> None:
    midi = mido.MidiFile()
    midi.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("note_on", channel=0, note=60, velocity=90),
                mido.Message("note_off", channel=0, note=60, time=10),
            ]
        )
    )
    assert len(Groove.from_midi(midi).notes) == 0
    assert Groove.from_midi(midi, channel=1).notes["pitch"].tolist() == [60]


def test_from_midi_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MidiError):
        Groove.from_midi(b"not a MIDI file")
    with pytest.raises(GrooveFastError, match=r"a Groove or a mido\.MidiFile wanted"):
        Groove.from_midi(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        Groove.from_midi(tmp_path / "none.mid")


def test_save_replaces_the_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "groove.mid"
    GROOVE.save(path)
    assert path.read_bytes() == GROOVE.to_bytes()
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        Groove([]).save(path)
    assert path.read_bytes() == GROOVE.to_bytes()
    assert [each.name for each in tmp_path.iterdir()] == ["groove.mid"]


def test_save_into_no_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        GROOVE.save(tmp_path / "none" / "groove.mid")
    assert caught.value.filename == str(tmp_path / "none")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
