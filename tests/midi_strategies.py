"""Random MIDI files for property tests: drums of all kinds among other tracks and events."""

from __future__ import annotations

import io

import mido
from hypothesis import strategies as st

RESOLUTIONS = (24, 96, 110, 192, 220, 480, 960)
METERS = ((4, 4), (4, 4), (2, 2), (3, 4), (6, 8), (5, 4), (7, 8), (12, 8), (4, 8), (1, 16))
PITCHES = (24, 35, 36, 37, 38, 40, 42, 44, 46, 45, 48, 49, 51, 90)
"""Several of one class, and two of none."""


def _track(events):
    """A track of (tick, message) in any order."""
    track, last = mido.MidiTrack(), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - last))
        last = tick
    return track


@st.composite
def _drum_events(draw, quarter, quarters, channel):
    """Note-ons and note-offs near the grid, with flams, zero lengths, overlaps, endless notes."""
    events = []
    for _ in range(draw(st.integers(1, 25))):
        step = draw(st.integers(0, 4 * quarters - 1))
        late = draw(st.integers(-quarter // 6, quarter // 6))
        tick = max(0, step * quarter // 4 + late)
        note, velocity = draw(st.sampled_from(PITCHES)), draw(st.integers(1, 127))
        length = draw(st.sampled_from((0, 1, quarter // 8, quarter // 4, quarter, None)))
        on = mido.Message("note_on", channel=channel, note=note, velocity=velocity)
        events.append((tick, on))
        if length is not None:
            off = draw(st.sampled_from(("note_on", "note_off")))
            events.append(
                (tick + length, mido.Message(off, channel=channel, note=note, velocity=0))
            )
    return events


@st.composite
def _other_events(draw, quarter, quarters):
    """Everything that is no drum note."""
    kinds = (
        mido.MetaMessage("set_tempo", tempo=draw(st.integers(200_000, 2_000_000))),
        mido.MetaMessage("lyrics", text="la"),
        mido.Message("control_change", channel=9, control=4, value=draw(st.integers(0, 127))),
        mido.Message("polytouch", channel=9, note=49, value=3),
        mido.Message("program_change", channel=9, program=draw(st.integers(0, 127))),
        mido.Message("sysex", data=(1, 2, 3)),
        mido.Message("note_on", channel=0, note=36, velocity=90),
        mido.Message("note_off", channel=0, note=36, velocity=70),
    )
    ticks = st.integers(0, quarter * quarters)
    return draw(st.lists(st.tuples(ticks, st.sampled_from(kinds)), max_size=8))


@st.composite
def _meter_events(draw, quarter, quarters):
    """Meters, most of them on quarter notes."""
    events = []
    for beat in draw(st.lists(st.integers(0, quarters), max_size=3, unique=True)):
        numerator, denominator = draw(st.sampled_from(METERS))
        meter = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        astray = draw(st.sampled_from((0, 0, quarter // 3)))
        events.append((beat * quarter + astray, meter))
    return events


@st.composite
def midi_files(draw, meters=True):
    """The bytes of a MIDI file with notes on channel 10."""
    quarter = draw(st.sampled_from(RESOLUTIONS))
    quarters = draw(st.integers(1, 40))
    conductor = draw(_other_events(quarter, quarters))
    if meters:
        conductor += draw(_meter_events(quarter, quarters))
    tracks = [conductor]
    for _ in range(draw(st.integers(1, 2))):
        drums = draw(_drum_events(quarter, quarters, 9))
        tracks.append(drums + draw(_other_events(quarter, quarters)))
    midi = mido.MidiFile(type=1, ticks_per_beat=quarter)
    midi.tracks.extend(map(_track, tracks))
    # One note that is certainly one.
    midi.tracks[-1].append(mido.Message("note_on", channel=9, note=38, velocity=64, time=1))
    midi.tracks[-1].append(mido.Message("note_off", channel=9, note=38, velocity=0, time=9))
    return to_bytes(midi)


def to_bytes(midi):
    """The bytes of a `mido.MidiFile`."""
    buffer = io.BytesIO()
    midi.save(file=buffer)
    return buffer.getvalue()


def other_events(data, factor=1):
    """(tick, track, message) of all that is no drum note and no end of a track, read by mido."""
    events = []
    for index, track in enumerate(mido.MidiFile(file=io.BytesIO(data)).tracks):
        tick = 0
        for message in track:
            tick += message.time
            is_note = message.type in ("note_on", "note_off")
            if message.type == "end_of_track" or (is_note and message.channel == 9):
                continue
            events.append((tick * factor, index, message.copy(time=0)))
    return events
