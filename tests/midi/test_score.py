"""`read_midi` against files built byte by byte and against a slow reader in exact fractions."""

from __future__ import annotations

import json
import os
import random
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import midi_bytes as midi
import numpy as np
import pytest
import slow_midi
from hypothesis import given
from hypothesis import strategies as st
from midi_bytes import END, hit, meta, meter, off, on, program, song, sysex, tempo, track

from groovefast import GrooveFastError, MidiError, read_midi
from groovefast.drum_part import ALL_CHANNELS, Channel

TESTS = Path(__file__).parents[1]
frees_memory = pytest.mark.skipif(
    "san" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers hold on to freed memory"
)
STEP = 120
"""A 16th: what notes last that have no length of their own."""
UNENDED = [(4, 36, 2), (4, 38, 1), (7, 36, 3), (8, 38, 4)]
NOTE_FIELDS = ["tick", "end_tick", "pitch", "velocity", "channel", "program", "track"]


def played(data: bytes, channel: Channel = None) -> list[tuple[int, ...]]:
    """(tick, end_tick, pitch, velocity) of each note."""
    notes = read_midi(data, channel).notes
    return [tuple(note) for note in notes[["tick", "end_tick", "pitch", "velocity"]].tolist()]


# --- Which notes there are ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([on(3, 36, 90), off(5, 36)], [(3, 8, 36, 90)], id="note"),
        pytest.param([on(0, 36), on(5, 36, 0)], [(0, 5, 36, 100)], id="note-on of velocity 0"),
        pytest.param(
            [on(0, 36), off(0, 36), off(5, 36)], [(0, STEP, 36, 100)], id="ended where it began"
        ),
        pytest.param(
            [on(0, 36), off(5, 37), off(0, 36, channel=8)],
            [(0, STEP, 36, 100)],
            id="never ended",
        ),
        pytest.param(
            [on(4, 38, 1), on(0, 36, 2), on(3, 36, 3), on(1, 38, 4), hit(1, 42)],
            [(9, 10, 42, 100), *((tick, tick + STEP, *note) for tick, *note in UNENDED)],
            id="several never ended",
        ),
        pytest.param([off(5, 36), off(5, 36)], [], id="never begun"),
        pytest.param(
            [on(0, 36, 1), on(2, 36, 2), on(2, 36, 3), off(2, 36)],
            [(0, 6, 36, 1), (2, 6, 36, 2), (4, 6, 36, 3)],
            id="all that are open",
        ),
        pytest.param(
            [on(0, 36, 1), on(2, 36, 2), off(0, 36), off(3, 36)],
            [(0, 2, 36, 1), (2, 5, 36, 2)],
            id="one begun at that tick stays if an earlier one ends",
        ),
        pytest.param(
            [on(0, 36, 1), on(2, 36, 2), on(0, 36, 3), off(0, 36), off(0, 36), off(3, 36)],
            [(0, 2, 36, 1), (2, 2 + STEP, 36, 2), (2, 2 + STEP, 36, 3)],
            id="and ends at the next event there",
        ),
        pytest.param(
            [on(2, 36, 1), on(0, 36, 2), off(0, 36), off(3, 36)],
            [(2, 2 + STEP, 36, 1), (2, 2 + STEP, 36, 2)],
            id="several begun at that tick",
        ),
        pytest.param(
            [on(0, 36, 1), on(2, 36, 2), off(0, 36), on(1, 36, 3), off(3, 36)],
            [(0, 2, 36, 1), (2, 6, 36, 2), (3, 6, 36, 3)],
            id="one that stays is ended with those after it",
        ),
        pytest.param(
            [on(0, 36, 1), on(1, 38, 2), off(1, 38), off(1, 36)],
            [(1, 2, 38, 2), (0, 3, 36, 1)],
            id="in the order in which they end",
        ),
    ],
)
def test_pairs_note_ends_with_note_begins(
    events: list[bytes], expected: list[tuple[int, ...]]
) -> None:
    assert played(song(*events)) == expected


def test_tells_which_notes_have_no_end() -> None:
    events = [on(0, 36), off(0, 36), hit(0, 42), on(0, 38), on(5, 40), on(0, 40), off(0, 40)]
    notes = read_midi(song(*events)).notes
    assert notes["unended"].dtype == bool
    unended = dict(zip(notes["pitch"].tolist(), notes["unended"].tolist(), strict=True))
    assert unended == {36: True, 42: False, 40: True, 38: True}


def test_a_track_neither_ends_the_notes_of_another_nor_sets_its_programs() -> None:
    data = midi.header(2) + track(on(0, 36)) + track(off(9, 36), on(0, 38), off(1, 38))
    assert played(data) == [(0, STEP, 36, 100), (9, 10, 38, 100)]
    data = midi.header(2) + track(program(0, 5), hit(0, 36)) + track(hit(0, 38))
    assert read_midi(data).notes["program"].tolist() == [5, 0]


def test_lists_notes_by_instrument_in_the_order_of_its_first_ended_note() -> None:
    data = song(
        program(0, 5, channel=2),
        on(0, 60, channel=1),
        on(0, 61, channel=2),
        off(1, 61, channel=2),
        off(1, 60, channel=1),
        on(0, 62, channel=2),
        program(1, 6, channel=2),
        off(1, 62, channel=2),
        hit(0, 63, channel=1),
        program(0, 5, channel=2),
        hit(0, 64, channel=2),
    )
    notes = read_midi(data, ALL_CHANNELS).notes
    assert notes[["pitch", "channel", "program"]].tolist() == [
        (61, 2, 5),
        (64, 2, 5),
        (60, 1, 0),
        (63, 1, 0),
        (62, 2, 6),
    ]


@pytest.mark.parametrize(
    "events",
    [
        (program(0, 1), hit(0, 36), program(0, 2), hit(0, 37), program(0, 1), hit(0, 38)),
        (hit(0, 36), hit(0, 37, channel=0), hit(0, 38)),
    ],
    ids=["by program", "by channel"],
)
def test_an_instrument_is_a_program_on_a_channel(events: tuple[bytes, ...]) -> None:
    assert [note[2] for note in played(song(*events), ALL_CHANNELS)] == [36, 38, 37]


def test_takes_channel_10_or_those_named() -> None:
    data = song(hit(0, 36), hit(0, 60, channel=0))
    assert [note[2] for note in played(data)] == [36]
    assert [note[2] for note in played(data, ALL_CHANNELS)] == [36, 60]
    assert [note[2] for note in played(data, 1)] == [60]


def test_hears_a_message_of_any_kind_without_losing_its_place() -> None:
    others = [
        midi.event(0, 0xA9, 36, 1),
        midi.event(0, 0xB9, 4, 90),
        midi.event(0, 0xD9, 7),
        midi.event(0, 0xE9, 0, 64),
    ]
    for other in others:
        assert played(song(hit(0, 36), other, hit(0, 38))) == [(0, 1, 36, 100), (1, 2, 38, 100)]


# --- The bytes around the notes -------------------------------------------------------------


@pytest.mark.parametrize(
    "between",
    [
        meta(0, 0x01, b"text"),
        meta(0, 0x7E, bytes(range(256)) * 2),
        sysex(0, b"\x7e\x09\x01\xf7"),
        sysex(0, b"\x43\x12") + sysex(4, b"\x01\x02\xf7", status=0xF7),
        sysex(0, b"\xf3\x01", status=0xF7),
        midi.event(0, 0xF1, 1) + midi.event(0, 0xF2, 1, 2) + midi.event(0, 0xF3, 4),
        b"".join(midi.event(0, status) for status in range(0xF4, 0xF7)),
        b"".join(midi.event(0, status) for status in range(0xF8, 0xFF)),
    ],
    ids=["text", "unknown", "sysex", "continued", "escaped", "common", "undefined", "real time"],
)
def test_running_status_goes_on_after_what_is_skipped(between: bytes) -> None:
    data = song(on(0, 36, 90), between, midi.event(2, 36, 0), midi.event(1, 38, 80), off(1, 38))
    wait = 4 if between.startswith(sysex(0, b"\x43\x12")) else 0
    assert played(data) == [(0, wait + 2, 36, 90), (wait + 3, wait + 4, 38, 80)]


def test_reads_tracks_however_the_chunks_lie() -> None:
    one, two = track(hit(0, 36), END), track(hit(0, 38), END)
    unknown = midi.chunk(b"XFIH", b"MTrk not a track")
    both = [(0, 1, 36, 100), (0, 1, 38, 100)]
    assert played(midi.header(2) + one + two) == both
    assert played(midi.header(1) + one + two) == both, "more tracks than the header says"
    assert played(midi.header(9) + one + two) == both, "fewer tracks than the header says"
    assert played(midi.header(2, 0) + one + two) == both, "two tracks of format 0"
    assert played(midi.header(2) + unknown + one + unknown + two + unknown) == both
    for tail in (b"\0", b"junk", b"junk junk junk!", b"\xff" * 40):
        assert played(midi.header(2) + one + two + tail) == both
    wide = midi.chunk(b"MThd", midi.header(2)[8:] + b"more to say")
    assert played(wide + one + two) == both, "longer header"
    assert read_midi(midi.header(0)).notes.size == 0


def test_a_track_ends_with_its_bytes_or_at_its_end_event() -> None:
    assert played(midi.header(1) + track(hit(0, 36))) == [(0, 1, 36, 100)]
    assert played(midi.header(1) + track(hit(0, 36), END, hit(0, 38), b"\xff\xff")) == [
        (0, 1, 36, 100)
    ]


def test_reads_a_riff_wrapper() -> None:
    plain = song(hit(0, 36))
    notes = [(0, 1, 36, 100)]
    assert played(midi.riff(plain)) == notes
    assert played(midi.riff(plain, (b"INFO", b"odd"), (b"DISP", b""))) == notes
    assert played(midi.riff(plain) + b"LIST\4\0\0\0tail") == notes
    assert played(midi.riff(plain) + track(hit(0, 38))) == notes, "what follows is no MIDI"
    with pytest.raises(MidiError, match="not of MIDI") as error:
        read_midi(midi.riff(plain).replace(b"RMID", b"WAVE"))
    assert error.value.offset == 8
    with pytest.raises(MidiError, match="without a data chunk"):
        read_midi(midi.riff(plain).replace(b"data", b"atad"))
    bad = midi.riff(song(hit(0, 36), midi.event(0, 0xFF, 0x51, 3, 0, 0, 0)), (b"INFO", b"odd"))
    with pytest.raises(MidiError) as error:
        read_midi(bad)
    assert bad[error.value.offset - 3 :].startswith(b"\xff\x51\x03")


# --- Ticks to seconds -----------------------------------------------------------------------


def test_seconds_are_magentas_to_the_last_bit() -> None:
    changes = [(0, 456_789), (100, 456_788), (1234, 1_234_567), (99_999, 16_777_215), (100_000, 1)]
    deltas = np.diff([0, *(tick for tick, _ in changes)])
    tempos = [tempo(int(delta), value) for delta, (_, value) in zip(deltas, changes, strict=True)]
    notes = [hit(delta, 36) for delta in (7, 133, 1000, 98_000, 3000)]
    data = midi.header(2, division=479) + track(*tempos) + track(*notes)

    expected = [(0, 0.0, 60.0 / ((6e7 / 456_789) * 479))]
    for tick, value in changes[1:]:
        last_tick, last_time, scale = expected[-1]
        time = last_time + scale * (tick - last_tick)
        expected.append((tick, time, 60.0 / ((6e7 / value) * 479)))

    def seconds(tick: int) -> float:
        start, time, scale = [change for change in expected if change[0] <= tick][-1]
        return time + scale * (tick - start)

    score = read_midi(data)
    assert score.notes["tick"].tolist() == [7, 141, 1142, 99_143, 102_144]
    assert score.notes["time"].tolist() == [seconds(tick) for tick in score.notes["tick"].tolist()]
    ends = score.notes["end_tick"].tolist()
    assert score.notes["end_time"].tolist() == [seconds(tick) for tick in ends]
    assert score.tempos["time"].tolist() == [time for _, time, _ in expected]
    assert score.tempos["qpm"].tolist() == [60.0 / (scale * 479) for _, _, scale in expected]


def test_tempo_is_120_until_the_file_names_another() -> None:
    score = read_midi(song(hit(480, 36), tempo(479, 250_000), hit(480, 36)))
    assert score.tempos[["tick", "qpm"]].tolist() == [(0, 120.0), (960, 240.0)]
    assert score.notes["time"].tolist() == [0.5, 1.25]


def test_of_tempos_at_a_tick_the_last_counts_and_a_repeated_one_is_none() -> None:
    data = song(
        tempo(0, 1),
        tempo(0, 600_000),
        tempo(5, 600_000),
        tempo(5, 7),
        tempo(0, 600_000),
        hit(0, 36),
    )
    assert read_midi(data).tempos[["tick", "qpm"]].tolist() == [(0, 100.0)]
    data = song(tempo(9, 400_000), tempo(0, 300_000), tempo(1, 200_000))
    assert read_midi(data).tempos[["tick", "qpm"]].tolist() == [(0, 120.0), (9, 200.0), (10, 300.0)]


def test_tempos_and_meters_count_from_every_track_by_tick() -> None:
    data = (
        midi.header(3)
        + track(tempo(0, 600_000), meter(0, 3), hit(0, 36))
        + track(tempo(960, 300_000), meter(0, 7, 3))
        + track(tempo(480, 400_000), meter(0, 5))
    )
    score = read_midi(data)
    assert score.tempos[["tick", "time", "track"]].tolist() == [
        (0, 0, 0),
        (480, 0.6, 2),
        (960, 1, 1),
    ]
    assert score.time_signatures.tolist() == [
        (0, 0.0, 3, 4, 0),
        (480, 0.6, 5, 4, 2),
        (960, 1.0, 7, 8, 1),
    ]


def test_each_track_of_format_2_has_its_own_tempos_and_meters() -> None:
    tracks = [
        track(tempo(0, 1_000_000), hit(480, 36)),
        track(meter(0, 3), hit(480, 36)),
        track(tempo(0, 250_000), hit(480, 36)),
    ]
    score = read_midi(midi.header(3, 2) + b"".join(tracks))
    assert score.format == 2
    assert score.notes[["time", "track"]].tolist() == [(1.0, 0), (0.5, 1), (0.25, 2)]
    assert score.tempos["qpm"].tolist() == [60.0, 120.0, 240.0]
    assert score.time_signatures["track"].tolist() == [1]


@pytest.mark.parametrize(
    ("frames", "ticks", "seconds_per_tick"),
    [(24, 4, 1 / 96), (25, 40, 0.001), (29, 80, 1001 / 2_400_000), (30, 80, 1 / 2400)],
)
def test_smpte_ticks_are_seconds_whatever_the_tempo(
    frames: int, ticks: int, seconds_per_tick: float
) -> None:
    data = song(tempo(0, 250_000), hit(960, 36), division=midi.smpte(frames, ticks))
    score = read_midi(data)
    assert score.ticks_per_quarter == 0
    assert score.seconds_per_tick == pytest.approx(seconds_per_tick, rel=1e-15)
    assert score.notes["time"].tolist() == pytest.approx([960 * seconds_per_tick], rel=1e-15)
    assert score.tempos["qpm"].tolist() == [120.0]


def test_ticks_beyond_32_bits() -> None:
    longest = 0x0FFFFFFF
    data = song(*(meta(longest, 1) for _ in range(20)), on(0, 36), off(longest, 36))
    score = read_midi(data)
    assert score.notes["tick"].tolist() == [20 * longest]
    assert score.notes["end_tick"].tolist() == [21 * longest]
    assert score.notes["time"].tolist() == [60.0 / (120.0 * 480) * 20 * longest]


# --- Damage ---------------------------------------------------------------------------------

HEADER = midi.header(1)
NOTE = hit(0, 36)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        pytest.param(b"", 0, "empty", id="empty"),
        pytest.param(b"MThx" + bytes(20), 0, "no MThd", id="no MIDI"),
        pytest.param(HEADER[:-1], 13, "within its header", id="short header"),
        pytest.param(midi.chunk(b"MThd", b"\0\1\0\1") + bytes(9), 4, "6 bytes", id="small header"),
        pytest.param(b"MThd\0\0\1\0" + bytes(9), 4, "longer than the file", id="long header"),
        pytest.param(midi.header(1, 3), 8, "format 3", id="format"),
        pytest.param(midi.header(1, 1, 0), 12, "0 ticks per quarter", id="division 0"),
        pytest.param(midi.header(1, 1, midi.smpte(26, 1)), 12, "26 frames", id="frame rate"),
        pytest.param(midi.header(1, 1, midi.smpte(25, 0)), 13, "0 ticks per SMPTE", id="frame"),
        pytest.param(song(tempo(0, 0)), 26, "tempo of 0", id="tempo 0"),
        pytest.param(song(meta(0, 0x51, b"\1\2")), 26, "less than 3 bytes", id="short tempo"),
        pytest.param(song(meter(0, 0)), 26, "0 beats", id="meter of 0 beats"),
        pytest.param(song(meter(0, 4, 200)), 27, "over 2\\^200", id="meter over 2^200"),
        pytest.param(song(meta(0, 0x58, b"\4")), 26, "less than 2 bytes", id="short meter"),
        pytest.param(song(b"\0\x24\x40"), 23, "status byte belongs", id="no status"),
        pytest.param(song(b"\0\x99\x80\x40"), 24, "within a message", id="first data byte"),
        pytest.param(song(b"\0\x99\x24\x80"), 25, "within a message", id="second data byte"),
        pytest.param(song(b"\0\xc9\x80"), 24, "within a message", id="only data byte"),
        pytest.param(song(b"\xff\xff\xff\xff\0"), 22, "more than four bytes", id="long number"),
        pytest.param(HEADER + track(NOTE, b"\0\x99\x24"), 33, "track ends within", id="cut event"),
        pytest.param(HEADER + track(NOTE, b"\x81"), 31, "track ends within", id="cut delta"),
        pytest.param(
            HEADER + track(NOTE, b"\0\x99\x24") + track(NOTE), 33, "track ends", id="next track"
        ),
        pytest.param(HEADER + track(b"\0\xff\1\x7f", bytes(99)), 125, "ends", id="long meta event"),
        pytest.param(HEADER + track(NOTE)[:-1], 29, "file ends within an event", id="cut file"),
        pytest.param(HEADER + track(NOTE, END)[:-4], 30, "cut off by the end", id="cut track"),
        pytest.param(HEADER + b"MTrk\0\0", 20, "header of a chunk", id="cut chunk header"),
        pytest.param(HEADER + b"junk\0\0\1\0", 22, "256 bytes cut off", id="cut unknown chunk"),
    ],
)
def test_says_what_is_wrong_and_where(data: bytes, offset: int, reason: str) -> None:
    with pytest.raises(MidiError, match=reason) as error:
        read_midi(data)
    assert error.value.offset == offset
    assert str(error.value).endswith(f"(at byte {offset})")


def test_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"broken\.mid: no MIDI file") as error:
        read_midi(path)
    assert isinstance(error.value, MidiError)
    with pytest.raises(FileNotFoundError):
        read_midi(str(tmp_path / "missing.mid"))
    path.write_bytes(song(NOTE))
    assert read_midi(path).notes.size == read_midi(str(path)).notes.size == 1


def test_salvages_what_comes_before_the_damage() -> None:
    events = [hit(2, 36), on(0, 38), hit(2, 42), b"\0\x99\x80", off(5, 38)]
    score = read_midi(midi.header(2) + track(hit(7, 50)) + track(*events), salvage=True)
    assert score.notes["pitch"].tolist() == [50, 36, 42, 38]
    assert score.damage is not None
    assert score.damage.reason == "status byte within a message"
    assert read_midi(song(NOTE), salvage=True).damage is None
    nothing = read_midi(b"no MIDI", salvage=True)
    assert nothing.notes.size == 0
    assert isinstance(nothing.damage, MidiError)


def test_a_file_cut_anywhere_is_told_and_loses_only_what_is_cut() -> None:
    events = [tempo(0, 400_000), *(hit(n, 36 + n % 5) for n in range(30)), meta(0, 1, b"text")]
    data = midi.header(2) + track(*events, END) + track(*events, END)
    whole = read_midi(data).notes["tick"].tolist()
    lengths = []
    for size in range(len(data)):
        score = read_midi(data[:size], salvage=True)
        complete = size in (14, len(data) - len(track(*events, END)))
        assert (score.damage is None) == complete, size
        assert complete or score.damage.offset <= size
        found = score.notes["tick"].tolist()
        assert found == whole[: len(found)]
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(whole)


@frees_memory
def test_hostile_claims_cost_no_memory(run_python: Callable[[str], str]) -> None:
    claims = [
        b"MThd\0\0\0\6\0\1\xff\xff\0\x60",
        b"MThd\0\0\0\6\0\1\xff\xff\0\x60MTrk\xff\xff\xff\xff",
        b"MThd\xff\xff\xff\xff\0\1\xff\xff\0\x60",
        midi.header(1) + b"MTrk\xff\xff\xff\xff\0\xff\1\xff\xff\xff\x7f",
        midi.header(1) + b"MTrk\xff\xff\xff\xff\0\xf0\xff\xff\xff\x7f",
        midi.header(1, 1, 1) + track(hit(0x0FFFFFFF, 36)),
        song(*(meta(0x0FFFFFFF, 1) for _ in range(9)), hit(0, 36), division=1),
    ]
    code = f"""
import resource
from groovefast import GrooveConverter, MidiError, read_midi
converter = GrooveConverter(split_bars=4)
def read_all():
    for claim in {claims!r}:
        for reader in (read_midi, converter.to_tensors):
            try:
                reader(claim)
            except MidiError:
                pass
for _ in range(20):
    read_midi({song(hit(0, 36))!r}), converter.to_tensors({song(hit(0, 36))!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(200):
    read_all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert int(run_python(code)) < 512, "kB"


@frees_memory
def test_memory_of_an_uncommonly_large_file_is_given_back(run_python: Callable[[str], str]) -> None:
    code = """
import midi_bytes as midi
from groovefast import read_midi
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
small = midi.song(midi.hit(0, 36))
chord = midi.on(0, 36) + midi.event(1, 36, 100) * 2_000_000
large = midi.song(chord, midi.off(1, 36))
read_midi(small)
before = resident()
assert len(read_midi(large).notes) == 2_000_001
read_midi(small)
print(resident() - before)
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("the system does not tell what memory a process has")
    grown = int(run_python(f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{code}"))
    assert grown < 56 << 20, "96 MB of notes are not kept"


def test_time_does_not_grow_with_the_square_of_open_notes_or_tempos() -> None:
    # Were it so, this would take minutes.
    count = 200_000
    chord = on(0, 36) + midi.event(1, 36, 100) * (count - 1) + off(count, 36)
    changes = (tempo(1, 1000) + tempo(1, 2000)) * (count // 2)
    notes = read_midi(midi.header(2, division=1) + track(changes) + track(chord)).notes
    assert notes["tick"].tolist() == list(range(count))
    assert set(notes["end_tick"].tolist()) == {2 * count - 1}
    assert notes["time"][[2, -1]].tolist() == pytest.approx([0.501, 0.5 + (count - 2) * 0.0015])


def mutations(data: bytes, rng: random.Random, count: int) -> Iterable[bytes]:
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(len(mutant))
            match rng.randrange(4):
                case 0:
                    mutant[place] = rng.randrange(256)
                case 1:
                    del mutant[place : place + rng.choice((1, 2, 50))]
                case 2:
                    mutant[place:place] = rng.randbytes(rng.choice((1, 3, 20)))
                case 3:
                    other = rng.randrange(len(mutant))
                    mutant[place:place] = mutant[other : other + 30]
            if not mutant:
                break
        yield bytes(mutant)


def test_mutations_of_real_files_harm_nothing(drum_files: list[Path]) -> None:
    rng = random.Random(20)
    good = drum_files[0].read_bytes()
    expected = read_midi(good)
    outcomes = {True: 0, False: 0}
    for path in rng.sample(drum_files, 60):
        data = path.read_bytes()[:4000]
        data = data[:18] + struct.pack(">I", len(data) - 22) + data[22:]
        for mutant in mutations(data, rng, 50):
            score = read_midi(mutant, rng.choice((None, ALL_CHANNELS)), salvage=True)
            outcomes[score.damage is None] += 1
            assert (score.notes["tick"] < score.notes["end_tick"]).all()
            assert score.notes["velocity"].min(initial=1) >= 1
            assert score.notes["pitch"].max(initial=0) < 128
        np.testing.assert_array_equal(read_midi(good).notes, expected.notes)
    assert min(outcomes.values()) > 100


# --- Against the slow reader ----------------------------------------------------------------


def assert_reads_as_the_slow_reader(data: bytes) -> None:
    file = slow_midi.read(data)
    for channels in ((10,), ALL_CHANNELS, (1, 10)):
        score = read_midi(data, channels)
        songs = slow_midi.songs(file, [channel - 1 for channel in channels])
        notes = [(song, note) for song in songs for note in song.notes]
        assert [tuple(note) for note in score.notes[NOTE_FIELDS].tolist()] == [
            tuple(note) for _, note in notes
        ]
        for field in ("tick", "end_tick"):
            exact = [float(slow_midi.seconds(song, getattr(note, field))) for song, note in notes]
            seconds = score.notes[field.replace("tick", "time")]
            np.testing.assert_allclose(seconds, exact, rtol=1e-12, atol=1e-12)
        if file.division < 0x8000:
            tempos = [change for song in songs for change in song.tempos]
            assert score.tempos["tick"].tolist() == [change.tick for change in tempos]
            np.testing.assert_allclose(score.tempos["qpm"] * [c.value for c in tempos], 6e7)


def any_of(*strategies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(*strategies)


deltas = st.sampled_from((0, 0, 0, 1, 2, 127, 128, 5000, 0x0FFFFFFF))
pitches = st.integers(36, 38)
some_channels = st.sampled_from((9, 9, 9, 0))
note_events = any_of(
    st.builds(on, deltas, pitches, st.integers(0, 127), some_channels),
    st.builds(on, deltas, pitches, st.integers(0, 127), some_channels),
    st.builds(off, deltas, pitches, some_channels),
    st.builds(off, deltas, pitches, some_channels),
)
events = any_of(
    note_events,
    note_events,
    st.builds(program, deltas, st.integers(0, 2), some_channels),
    st.builds(tempo, deltas, st.integers(1, 2**24 - 1)),
    st.builds(meter, deltas, st.integers(1, 255), st.integers(0, 31)),
    st.builds(meta, deltas, st.integers(0x60, 0x7F), st.binary(max_size=300)),
    st.builds(sysex, deltas, st.binary(max_size=20), st.sampled_from((0xF0, 0xF7))),
    st.builds(midi.event, deltas, st.just(0xB9), st.integers(0, 127), st.integers(0, 127)),
)
tracks = st.lists(st.lists(events, max_size=30), max_size=4)
divisions = st.one_of(st.integers(1, 0x7FFF), st.just(midi.smpte(29, 80)))


@given(st.integers(0, 2), divisions, tracks, st.booleans())
def test_any_file_reads_as_the_slow_reader_reads_it(
    format_: int, division: int, all_events: list[list[bytes]], with_end: bool
) -> None:
    end = [END] if with_end else []
    chunks = [track(*track_events, *end) for track_events in all_events]
    data = midi.header(len(chunks), format_, division) + b"".join(chunks)
    if format_ == 2 and not chunks:
        assert read_midi(data).notes.size == 0
    else:
        assert_reads_as_the_slow_reader(data)


def test_real_files_read_as_the_slow_reader_reads_them(drum_files: list[Path]) -> None:
    for path in random.Random(3).sample(drum_files, 25):
        assert_reads_as_the_slow_reader(path.read_bytes())


# --- Which part of a file ----------------------------------------------------------------


def named(name: bytes, *events: bytes) -> bytes:
    return track(meta(0, 3, name), *events, END)


def test_takes_the_track_named() -> None:
    data = midi.header(4) + b"".join(
        (
            named(b"Song", tempo(0, 400_000)),
            named(b"Drums ", hit(0, 36, channel=0), on(0, 38, channel=2)),
            named("Schlägel".encode("latin-1"), hit(0, 40)),
            named("Trommeln ♫".encode(), hit(0, 42, channel=3)),
        )
    )
    score = read_midi(data)
    assert score.track_names == ("Song", "Drums", "Schlägel", "Trommeln ♫")
    assert score.notes["pitch"].tolist() == [40]
    for track_, pitches in (
        ("Drums", [36, 38]),
        (" dRUMs", [36, 38]),
        (2, [36, 38]),
        ("Schlägel", [40]),
        ("SCHLÄGEL", [40]),
        ("schla\u0308gel", [40]),
        ("Trommeln ♫", [42]),
        ("Drum", []),
        (1, []),
        (9, []),
    ):
        found = read_midi(data, track=track_)
        assert found.notes["pitch"].tolist() == pitches, track_
        assert found.tempos["qpm"].tolist() == [150]
    assert read_midi(data, channel=1, track="drums").notes["pitch"].tolist() == [36]
    assert read_midi(data, channel=[3, 4, 4]).notes["pitch"].tolist() == [38, 42]


def test_a_track_is_left_out_as_a_whole_though_damaged() -> None:
    events = (hit(0, 36), on(1, 38), b"\0\x99\x7f")
    data = midi.header(2) + named(b"a", hit(0, 40)) + named(b"b", *events)[:-4]
    data = data[:-8] + data[-8:]
    for name, pitches in (("a", [40]), ("b", [36, 38])):
        assert read_midi(data, track=name, salvage=True).notes["pitch"].tolist() == pitches


def test_tells_where_the_last_track_ends() -> None:
    data = midi.header(2) + track(hit(0, 36), meta(7, 0x2F)) + track(hit(20, 36), END)
    assert read_midi(data).end_tick == 21


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview", "path", "text", "file"])
def test_reads_bytes_paths_and_open_files(kind: str, tmp_path: Path) -> None:
    data = song(hit(0, 36))
    path = tmp_path / "a.mid"
    path.write_bytes(data)
    if kind == "file":
        with path.open("rb") as file:
            assert len(read_midi(file).notes) == 1
        return
    sources = {"bytes": data, "bytearray": bytearray(data), "memoryview": memoryview(data)}
    sources |= {"path": path, "text": str(path)}
    assert len(read_midi(sources[kind]).notes) == 1


def test_reads_a_stream_to_its_end() -> None:
    data = song(*[hit(1, 36)] * 30_000)
    read_end, write_end = os.pipe()
    writer = threading.Thread(target=lambda: _write_all(write_end, data))
    writer.start()
    with os.fdopen(read_end, "rb", buffering=0) as stream:
        assert len(read_midi(stream).notes) == 30_000
    writer.join()


def _write_all(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "zero.mid").symlink_to("/dev/zero")
    (tmp_path / "folder.mid").mkdir()
    with (tmp_path / "huge.mid").open("wb") as file:
        file.truncate(1 << 30)
    for name, message in (
        ("pipe", "not a file but a pipe or a device"),
        ("zero", "not a file but a pipe or a device"),
        ("folder", "a folder, not a MIDI file"),
        ("huge", "larger than 64 MiB"),
    ):
        with pytest.raises(GrooveFastError, match=rf"{name}\.mid: {message}"):
            read_midi(tmp_path / f"{name}.mid")
    with (tmp_path / "text").open("w+") as text, pytest.raises(GrooveFastError, match="mode 'rb'"):
        read_midi(text)
    with pytest.raises(GrooveFastError, match="source: a path, bytes or a file opened for bytes"):
        read_midi(7)


# --- Odd files ------------------------------------------------------------------------------

# What note_seq gives up on. The note counts are of all channels.
BETTER_THAN_NOTE_SEQ = {
    "test-corrupt-file-missing-byte.mid": "the file ends within an event (at byte 267)",
    "test-empty-file.mid": "an empty file (at byte 0)",
    "test-illegal-message-all.mid": 8,
    "test-illegal-message-f4.mid": 8,
    "test-illegal-message-f5.mid": 8,
    "test-illegal-message-f9.mid": 8,
    "test-illegal-message-fd.mid": 8,
    "test-non-midi-track.mid": 8,
    "test-not-a-midi-file.mid": "no MIDI file: no MThd header (at byte 0)",
    "test-running-status-sysex.mid": 8,
}


def test_odd_files(midi_edge_dir: Path) -> None:
    expectations = json.loads((midi_edge_dir / "expected.json").read_text())
    given_up = {entry["file"] for entry in expectations if entry["note_seq"] != "ok"}
    assert given_up == set(BETTER_THAN_NOTE_SEQ)
    for entry in expectations:
        name = entry["file"]
        data = (midi_edge_dir / "midi" / name).read_bytes()
        expected = BETTER_THAN_NOTE_SEQ.get(name)
        if isinstance(expected, str):
            with pytest.raises(MidiError) as error:
                read_midi(data)
            assert str(error.value) == expected
            continue
        score = read_midi(data)
        if expected is not None:
            assert len(read_midi(data, ALL_CHANNELS).notes) == expected
            continue
        songs = 2 if score.format == 2 else 1
        assert len(score.notes) == entry["drum_notes"], name
        assert len(score.tempos) == entry["tempos"] * songs, name
        assert len(score.time_signatures) == len(entry["ts"]), name
        assert score.ticks_per_quarter == entry["tpq"], name


def test_salvages_the_notes_of_an_odd_file_that_lacks_its_last_byte(midi_edge_dir: Path) -> None:
    path = midi_edge_dir / "midi" / "test-corrupt-file-missing-byte.mid"
    assert len(read_midi(path, ALL_CHANNELS, salvage=True).notes) == 8
