"""MIDI reading and the grid once more: slowly, in exact fractions, straight from SPEC's words.

It shares nothing with the package. It reads well-formed files only.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

DEFAULT_TEMPO = 500_000
STEPS_PER_QUARTER = 4
STEPS_PER_BAR = 16


class Event(NamedTuple):
    tick: int
    status: int
    data: bytes  # of a meta event: its type, then its payload


class Note(NamedTuple):
    tick: int
    end_tick: int
    pitch: int
    velocity: int
    channel: int
    program: int
    track: int


@dataclasses.dataclass
class File:
    format: int
    division: int
    tracks: list[list[Event]]


def read(data: bytes) -> File:
    """The events of every track."""
    _, format_, _, division = (int.from_bytes(data[i:j], "big") for i, j in _HEADER_FIELDS)
    tracks = []
    place = 8 + int.from_bytes(data[4:8], "big")
    while place < len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "big")
        if data[place : place + 4] == b"MTrk":
            tracks.append(list(_events(data[place + 8 : place + 8 + size])))
        place += 8 + size
    return File(format_, division, tracks)


_HEADER_FIELDS = ((4, 8), (8, 10), (10, 12), (12, 14))


def _number(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value * 128 + data[place] % 128
        place += 1
        if data[place - 1] < 128:
            return value, place


def _events(data: bytes) -> Iterator[Event]:
    place, tick, running = 0, 0, 0
    while place < len(data):
        delta, place = _number(data, place)
        tick += delta
        status = running
        if data[place] >= 0x80:
            status = data[place]
            place += 1
        if status < 0xF0:
            running = status
            size = 1 if status >> 4 in (0xC, 0xD) else 2
            yield Event(tick, status, data[place : place + size])
        else:
            kind = b""
            if status == 0xFF:
                kind = data[place : place + 1]
                place += 1
            size, place = _number(data, place)
            yield Event(tick, status, kind + data[place : place + size])
            if kind == b"\x2f":
                return
        place += size


def notes_of_track(
    events: Sequence[Event], track: int, channels: Sequence[int], step: int
) -> list[Note]:
    """A track's notes, instruments by their first closed note, notes as they were closed.

    Those that close where they open, or never, come out a step long; the latter last, by tick.
    """
    instruments: dict[tuple[int, int], list[Note]] = {}
    open_notes: dict[tuple[int, int], list[tuple[int, int]]] = {}
    programs = dict.fromkeys(range(16), 0)
    for event in events:
        kind, channel = event.status >> 4, event.status & 15
        if event.status >= 0xF0 or channel not in channels:
            continue
        if kind == 0xC:
            programs[channel] = event.data[0]
        elif kind == 9 and event.data[1] > 0:
            key = (channel, event.data[0])
            open_notes.setdefault(key, []).append((event.tick, event.data[1]))
        elif kind in (8, 9):
            pitch = event.data[0]
            began = open_notes.pop((channel, pitch), [])
            closed = [note for note in began if note[0] < event.tick]
            if closed and len(closed) < len(began):
                open_notes[channel, pitch] = [note for note in began if note[0] == event.tick]
            for tick, velocity in closed or began:
                instrument = instruments.setdefault((channel, programs[channel]), [])
                end = event.tick if closed else tick + step
                note = Note(tick, end, pitch, velocity, channel, programs[channel], track)
                instrument.append(note)
    unended = [(key, note) for key, notes in sorted(open_notes.items()) for note in notes]
    for (channel, pitch), (tick, velocity) in sorted(unended, key=lambda each: each[1][0]):
        instrument = instruments.setdefault((channel, programs[channel]), [])
        instrument.append(
            Note(tick, tick + step, pitch, velocity, channel, programs[channel], track)
        )
    return [note for notes in instruments.values() for note in notes]


class Change(NamedTuple):
    """A tempo (microseconds a quarter) or a meter from some tick on."""

    tick: int
    value: int | tuple[int, int]


class Song(NamedTuple):
    notes: list[Note]
    tempos: list[Change]
    meters: list[Change]
    division: int


def songs(file: File, channels: Sequence[int]) -> list[Song]:
    """What is played together: all tracks, but in format 2 each track by itself."""
    step = max(file.division // 4, 1)
    if file.division >= 0x8000:
        frames = 0x100 - (file.division >> 8)
        rate = 30000 / 1001 if frames == 29 else frames
        step = max(int(0.125 * rate * (file.division & 0xFF) + 0.5), 1)
    notes = [notes_of_track(events, i, channels, step) for i, events in enumerate(file.tracks)]
    if file.format == 2:
        groups = [[i] for i in range(len(file.tracks))]
    else:
        groups = [list(range(len(file.tracks)))]
    return [
        Song(
            [note for i in group for note in notes[i]],
            _without_repeats(_changes([file.tracks[i] for i in group], 0x51, DEFAULT_TEMPO)),
            _changes([file.tracks[i] for i in group], 0x58, (4, 4)),
            file.division,
        )
        for group in groups
    ]


def _changes(tracks: Sequence[Sequence[Event]], kind: int, default: object) -> list[Change]:
    """The last value at each tick."""
    by_tick = {0: default}
    events = sorted(itertools.chain(*tracks), key=lambda event: event.tick)
    for event in events:
        if event.status == 0xFF and event.data[0] == kind:
            value = event.data[1:]
            is_tempo = kind == 0x51
            by_tick[event.tick] = (
                int.from_bytes(value, "big") if is_tempo else (value[0], 2 ** value[1])
            )
    return [Change(tick, value) for tick, value in by_tick.items()]


def _without_repeats(changes: Sequence[Change]) -> list[Change]:
    return [
        change for i, change in enumerate(changes) if i == 0 or change.value != changes[i - 1].value
    ]


def seconds(song: Song, tick: int) -> Fraction:
    """When a tick is."""
    if song.division >= 0x8000:
        frames = 0x100 - (song.division >> 8)
        rate = Fraction(30000, 1001) if frames == 29 else Fraction(frames)
        return tick / (rate * (song.division & 0xFF))
    total = Fraction(0)
    ends = [change.tick for change in song.tempos[1:]] + [tick]
    for change, end in zip(song.tempos, ends, strict=True):
        ticks = max(0, min(end, tick) - change.tick)
        total += Fraction(ticks * change.value, 1_000_000 * song.division)
    return total


def position(song: Song, tick: int) -> Fraction:
    """Steps from the start of the song: beats, or half seconds under SMPTE division."""
    if song.division >= 0x8000:
        return seconds(song, tick) * STEPS_PER_QUARTER * 2
    return Fraction(tick * STEPS_PER_QUARTER, song.division)


class Hit(NamedTuple):
    step: int
    drum: int
    velocity: int
    offset: Fraction


class Bar(NamedTuple):
    begin: Fraction  # position
    end: Fraction
    first_step: int
    num_steps: int
    meter: tuple[int, int]


def _bar_length(meter: tuple[int, int]) -> Fraction:
    """Steps in a bar; one shorter than a step is counted as one of 4/4."""
    length = Fraction(4 * STEPS_PER_QUARTER * meter[0], meter[1])
    return length if length >= 1 else Fraction(4 * STEPS_PER_QUARTER)


def bars(song: Song, until: Fraction) -> list[Bar]:
    """All bars that begin up to a position: a meter begins one, steps are counted anew in each.

    A meter that is named again near a bar line goes on.
    """
    found: list[Bar] = []
    meters: list[tuple[Fraction, tuple[int, int]]] = []
    for change in song.meters:
        begin = position(song, change.tick)
        if meters and meters[-1][1] == change.value:
            length = _bar_length(change.value)
            beyond = (begin - meters[-1][0]) % length
            if min(beyond, length - beyond) < Fraction(1, 2):
                continue
        meters.append((begin, change.value))
    first_step = 0
    ends = [*(begin for begin, _ in meters[1:]), None]
    for (begin, meter), end in zip(meters, ends, strict=True):
        length = _bar_length(meter)
        line = begin
        while line <= until and (end is None or line < end):
            next_line = line + length if end is None else min(line + length, end)
            steps = -((line - next_line) // 1)
            found.append(Bar(line, next_line, first_step, steps, meter))
            first_step += steps
            line += length
    return found


def _bars_of(song: Song) -> list[Bar]:
    """Those of all notes, and the one after."""
    return bars(song, 1 + max((position(song, note.tick) for note in song.notes), default=0))


def grid(song: Song, pitch_class: Sequence[int]) -> list[Hit]:
    """The loudest note of each cell, of equals the first, by step and drum."""
    cells: dict[tuple[int, int], Hit] = {}
    all_bars = _bars_of(song)
    for note in song.notes:
        drum = pitch_class[note.pitch]
        if drum > 8:
            continue
        place = position(song, note.tick)
        index = max(i for i, bar in enumerate(all_bars) if bar.begin <= place)
        bar = all_bars[index]
        near = [(bar.begin + step, bar.first_step + step) for step in range(bar.num_steps)]
        near += [(bar.begin, bar.first_step) for bar in all_bars[index + 1 : index + 2]]
        on_step, step = min(near, key=lambda each: (abs(place - each[0]), -each[0]))
        hit = Hit(step, drum, note.velocity, 2 * (on_step - place))
        cell = (hit.step, drum)
        if cell not in cells or cells[cell].velocity < hit.velocity:
            cells[cell] = hit
    return sorted(cells.values())


def window_starts(song: Song, hits: Sequence[Hit], steps: int, hop: int) -> list[int]:
    """First steps of the windows over whole bars of STEPS_PER_BAR steps in one meter."""
    if not hits:
        return []
    starts: list[int] = []
    run: list[Bar] = []
    for bar in [*_bars_of(song), None]:
        is_whole = bar is not None and bar.end - bar.begin == STEPS_PER_BAR
        fits = is_whole and bar.meter[0] == bar.meter[1] and bar.first_step <= hits[-1].step
        if run and not (fits and bar.meter == run[-1].meter):
            last = run[-1].first_step + STEPS_PER_BAR - steps
            starts += range(run[0].first_step, last + 1, hop)
            run = []
        if fits:
            run.append(bar)
    return starts


def qpm_at(song: Song, step: int) -> Fraction:
    """The tempo at a step."""
    if song.division >= 0x8000:
        return Fraction(120)
    bar = [bar for bar in _bars_of(song) if bar.first_step <= step][-1]
    place = bar.begin + step - bar.first_step
    reached = [change for change in song.tempos if position(song, change.tick) <= place]
    return Fraction(60_000_000, reached[-1].value)
