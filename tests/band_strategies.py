"""Random MIDI files of bands for property tests, byte by byte."""

from __future__ import annotations

import midi_bytes as midi
from hypothesis import strategies as st

QUARTER = 24
STEP = QUARTER // 4
PROGRAMS = (0, 31, 32, 39, 40)
DRUM_PITCHES = (36, 38, 42, 46, 51, 58, 20)
MELODY_PITCHES = (20, 21, 48, 60, 64, 67, 108, 109)
TEMPOS = (500_000, 500_000, 400_000, 461_538, 600_001)
METERS = ((4, 2), (4, 2), (2, 1), (3, 2), (1, 0), (0, 2), (6, 3))

Events = list[tuple[int, bytes]]


@st.composite
def _notes(draw: st.DrawFn, channel: int, bars: int) -> Events:
    """Notes near the grid; some never end, some end where they begin, some go on for bars."""
    events: Events = []
    pitches = DRUM_PITCHES if channel == midi.DRUMS else MELODY_PITCHES
    for _ in range(draw(st.integers(1, 14))):
        tick = draw(st.integers(0, 16 * bars - 1)) * STEP + draw(st.sampled_from((0, 0, 1, 3, 5)))
        pitch = draw(st.sampled_from(pitches))
        length = draw(st.sampled_from((0, 1, STEP, STEP, 2 * STEP, 9, 60 * STEP, None)))
        events.append((tick, midi.on(0, pitch, 90, channel)[1:]))
        if length is not None:
            events.append((tick + length, midi.off(0, pitch, channel)[1:]))
    for program in draw(st.lists(st.sampled_from(PROGRAMS), max_size=2)):
        tick = draw(st.sampled_from((0, 0, 10 * STEP)))
        events.append((tick, midi.program(0, program, channel)[1:]))
    return events


@st.composite
def _changes(draw: st.DrawFn, bars: int) -> Events:
    """Tempos and meters, often several at one tick."""
    ticks = st.sampled_from((0, 0, 16 * STEP, 40 * STEP + 1, 16 * bars * STEP // 2))
    changes = st.one_of(
        st.sampled_from(TEMPOS).map(lambda value: midi.tempo(0, value)[1:]),
        st.sampled_from(METERS).map(lambda value: midi.meter(0, *value)[1:]),
    )
    return draw(st.lists(st.tuples(ticks, changes), max_size=4))


def _track(events: Events) -> bytes:
    """A track of events in any order, of those of one tick the first first."""
    data, last = b"", 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        data += midi.number(tick - last) + message
        last = tick
    return midi.track(data, midi.END)


@st.composite
def band_files(draw: st.DrawFn) -> bytes:
    """The bytes of a MIDI file with drums, melodies and basses, and changes in any track."""
    bars = draw(st.integers(1, 9))
    tracks = []
    for channels in draw(st.lists(st.sampled_from(((0,), (9,), (0, 9), (1, 9))), max_size=3)):
        events = draw(_changes(bars))
        for channel in channels:
            events += draw(_notes(channel, bars))
        tracks.append(_track(events))
    tracks.append(_track(draw(_changes(bars)) + draw(_notes(9, bars)) + draw(_notes(2, bars))))
    return midi.header(len(tracks), 1, QUARTER) + b"".join(tracks)
