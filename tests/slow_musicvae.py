"""MusicVAE's converters once more: slowly, straight from the specification's words.

It shares nothing with the package, and reads well-formed files only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import slow_midi

STEPS_PER_BAR = 16
DRUM_CHANNEL = 9
NONE, OFF = "none", "off"
REDUCED = (
    {36, 35},
    {38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85},
    {42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22},
    {46, 67, 72, 74, 79, 81, 26},
    {45, 29, 41, 43, 61, 64, 84},
    {48, 47, 60, 63, 77, 86, 87},
    {50, 30, 62, 76, 83},
    {49, 52, 55, 57, 58},
    {51, 53, 59, 82},
)


class Note(NamedTuple):
    start: float
    end: float
    pitch: int
    instrument: int
    program: int
    is_drum: bool


class StepNote(NamedTuple):
    start: int
    end: int
    pitch: int
    instrument: int
    program: int
    is_drum: bool


class Song(NamedTuple):
    notes: list[Note]
    meters: list[tuple[float, tuple[int, int]]]
    tempos: list[tuple[float, float]]


# --- From MIDI to sub-sequences -------------------------------------------------------------


def read(data: bytes, transpose: int = 0) -> Song:
    """Notes by instrument, and the meters and tempos of the first track, all in seconds."""
    file = slow_midi.read(data)
    clock = _tempo_map(file)

    def seconds(tick: int) -> float:
        since, time, scale = [each for each in clock if each[0] <= tick][-1]
        return time + scale * (tick - since)

    notes, number = [], itertools.count()
    for events in file.tracks:
        for (channel, program), own in _instruments(events).items():
            instrument = next(number)
            for start, end, pitch in own:
                is_drum = channel == DRUM_CHANNEL
                shifted = pitch if is_drum else pitch + transpose
                if 0 <= shifted <= 127:
                    times = seconds(start), seconds(end)
                    notes.append(Note(*times, shifted, instrument, program, is_drum))
    meters = [
        (seconds(event.tick), (event.data[1], 2 ** event.data[2]))
        for event in file.tracks[0]
        if event.status == 0xFF and event.data[0] == 0x58
    ]
    tempos = [(time, 60.0 / (scale * file.division)) for _, time, scale in clock]
    return Song(notes, meters, tempos)


def _tempo_map(file: slow_midi.File) -> list[tuple[int, float, float]]:
    """Tick, seconds and seconds a tick of each tempo."""
    clock = [(0, 0.0, 60.0 / (120.0 * file.division))]
    for event in file.tracks[0]:
        if event.status != 0xFF or event.data[0] != 0x51:
            continue
        scale = 60.0 / ((6e7 / int.from_bytes(event.data[1:], "big")) * file.division)
        if event.tick == 0:
            clock = [(0, 0.0, scale)]
        elif scale != clock[-1][2]:
            since, time, last = clock[-1]
            clock.append((event.tick, time + last * (event.tick - since), scale))
    return clock


def _instruments(
    events: Sequence[slow_midi.Event],
) -> dict[tuple[int, int], list[tuple[int, int, int]]]:
    """Start, end and pitch of the closed notes of each channel and program, as they closed."""
    found: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    programs = dict.fromkeys(range(16), 0)
    sounding: dict[tuple[int, int], list[int]] = {}
    for event in events:
        kind, channel = event.status >> 4, event.status & 15
        if kind == 0xC:
            programs[channel] = event.data[0]
        elif kind == 9 and event.data[1]:
            sounding.setdefault((channel, event.data[0]), []).append(event.tick)
        elif kind in (8, 9):
            began = sounding.pop((channel, event.data[0]), [])
            closed = [tick for tick in began if tick < event.tick]
            if closed and len(closed) < len(began):
                sounding[channel, event.data[0]] = [t for t in began if t == event.tick]
            for tick in closed:
                own = found.setdefault((channel, programs[channel]), [])
                own.append((tick, event.tick, event.data[0]))
    return found


class SubSequence(NamedTuple):
    offset: float
    notes: list[StepNote]  # none where bars do not have 16 steps


def sub_sequences(song: Song) -> list[SubSequence]:
    if not song.notes:
        return []
    total = max(note.end for note in song.notes)
    events: list[tuple[float, object]] = [*song.meters, *song.tempos]
    events.sort(key=lambda event: event[0])
    meter: object = (4, 4)
    qpm: object = 120.0
    splits = [0.0]
    for time, value in events:
        if time >= total:
            continue
        if value == (meter if isinstance(value, tuple) else qpm):
            continue
        if isinstance(value, tuple):
            meter = value
        else:
            qpm = value
        if time > splits[-1]:
            splits.append(time)
    return [
        SubSequence(first, _quantized(song, first, last))
        for first, last in itertools.pairwise([*splits, total])
    ]


def _quantized(song: Song, first: float, last: float) -> list[StepNote]:
    meter = _last(song.meters, first, (4, 4))
    qpm = _last(song.tempos, first, 120.0)
    if meter[0] == 0 or meter[0] != meter[1]:
        return []
    per_second = 4 * qpm / 60.0
    notes = sorted((n for n in song.notes if first <= n.start < last), key=lambda n: n.start)
    steps = []
    for note in notes:
        start = int((note.start - first) * per_second + 0.5)
        end = int((min(note.end, last) - first) * per_second + 0.5)
        steps.append(StepNote(start, end + (start == end), *note[2:]))
    return steps


def _last(events, time, default):
    """The value that holds at a time."""
    held = [value for at, value in sorted(events, key=lambda event: event[0]) if at <= time]
    return held[-1] if held else default


# --- Drums ----------------------------------------------------------------------------------


class Track(NamedTuple):
    start: int
    tokens: list[int]


def drum_tracks(notes: Iterable[StepNote], gap_bars: int | None, max_bars: int) -> list[Track]:
    hits: dict[int, int] = {}
    for note in notes:
        for number, pitches in enumerate(REDUCED):
            if note.is_drum and note.pitch in pitches:
                hits[note.start] = hits.get(note.start, 0) | 2**number
    groups: list[list[int]] = []
    for step in sorted(hits):
        if groups and (gap_bars is None or step - groups[-1][-1] - 1 < 16 * gap_bars):
            groups[-1].append(step)
        else:
            groups.append([step])
    tracks = []
    for group in groups:
        first, last = group[0] // 16 * 16, group[-1] // 16 * 16 + 16
        last = min(last, first + 16 * max_bars)
        tracks.append(Track(first, [hits.get(step, 0) for step in range(first, last)]))
    return tracks


# --- Melodies -------------------------------------------------------------------------------


def melodies(
    notes: Iterable[StepNote], gap_bars: int | None, max_bars: int, skip_polyphony: bool = False
) -> list[Track]:
    """Those of all instruments, of notes that are wanted already."""
    tracks = []
    by_instrument = sorted(notes, key=lambda n: (n.instrument, n.start, -n.pitch))
    for _, own in itertools.groupby(by_instrument, key=lambda n: n.instrument):
        unused = list(own)
        while unused:
            track, unused = _melody(unused, gap_bars, skip_polyphony)
            if track is not None:
                tokens = [_token(event) for event in track[1][: 16 * max_bars]]
                tracks.append(Track(track[0], tokens))
    return tracks


def _melody(notes, gap_bars, skip_polyphony):
    """The first melody's start and events, and the notes after it."""
    base = notes[0].start // 16 * 16
    events: list[object] = []
    for index, note in enumerate(notes):
        start, end = note.start - base, note.end - base
        if events:
            on = max(step for step, event in enumerate(events) if isinstance(event, int))
            off = max(step for step, event in enumerate(events) if event == OFF)
            if start == on:
                if skip_polyphony:
                    return None, []
                continue
            if gap_bars is not None and start - off >= 16 * gap_bars:
                return (base, _whole_bars(events)), notes[index:]
        events = (events + [NONE] * (end + 1))[: end + 1]
        events[start:] = [note.pitch, *[NONE] * (end - start - 1), OFF]
    return (base, _whole_bars(events)), []


def _whole_bars(events):
    if len(events) % 16 == 1:
        return events[:-1]
    return events + [NONE] * (-len(events) % 16)


def _token(event: object) -> int:
    return event - 19 if isinstance(event, int) else (NONE, OFF).index(str(event))


def _cleaned(window: Sequence[int]) -> tuple[int, ...]:
    first = next((i for i, token in enumerate(window) if token > 1), len(window))
    return (*[0] * first, *window[first:])


# --- Windows --------------------------------------------------------------------------------


def windows(tracks: Sequence[Track], slice_bars: int, is_melody: bool) -> set[tuple[int, ...]]:
    size = 16 * slice_bars
    return {
        _cleaned(track.tokens[at : at + size]) if is_melody else tuple(track.tokens[at : at + size])
        for track in tracks
        for at in range(0, len(track.tokens) - size + 1, 16)
    }


def trios(notes: Sequence[StepNote], slice_bars: int, gap_bars: int, max_bars: int) -> list[tuple]:
    """All windows of a sub-sequence, each as (token of melody, of bass, of drums) a step."""
    if not notes:
        return []
    bars = min(math.ceil(max(note.end for note in notes) / 16), max_bars)
    kinds: dict[str, list[tuple[list[int], set[int]]]] = {"melody": [], "bass": [], "drums": []}
    for number in sorted({note.instrument for note in notes if note.instrument <= 127}):
        own = [note for note in notes if note.instrument == number]
        kind = "drums" if own[0].is_drum else _kind(own[0].program)
        line = _line(own, kind, bars) if kind else None
        if kind and line is not None:
            covered = {
                bar
                for note in own
                for bar in range(note.start // 16, math.ceil(note.end / 16))
                if bar < bars
            }
            near = {
                bar for bar in range(bars) if any(abs(bar - other) <= gap_bars for other in covered)
            }
            kinds[kind].append((line, near))
    found = []
    for trio in itertools.product(*kinds.values()):
        together = set.intersection(*(near for _, near in trio))
        anywhere = set.union(*(near for _, near in trio))
        for edge in (set(range(bars)[:gap_bars]), set(range(bars)[-gap_bars:])):
            together = together | edge if anywhere & edge else together - edge
        for first in range(bars - slice_bars + 1):
            if together.issuperset(range(first, first + slice_bars)):
                steps = slice(16 * first, 16 * (first + slice_bars))
                found.append(tuple(zip(*(line[steps] for line, _ in trio), strict=True)))
    return found


def _kind(program: int) -> str | None:
    return "melody" if program < 32 else "bass" if program < 40 else None


def _line(notes: Sequence[StepNote], kind: str, bars: int) -> list[int] | None:
    """An instrument's tokens over all bars; None if it gives nothing."""
    if kind == "drums":
        tracks = drum_tracks(notes, None, 10**6)
    else:
        tracks = melodies((n for n in notes if 21 <= n.pitch <= 108), None, 10**6)
    if not tracks:
        return None
    track = tracks[0]
    line = [0] * track.start + track.tokens
    if kind != "drums" and max(t for t in range(len(line)) if line[t] > 1) > max(
        (t for t in range(len(line)) if line[t] == 1), default=-1
    ):
        line.append(1)
    return (line + [0] * (16 * bars))[: 16 * bars]
