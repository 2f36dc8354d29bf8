"""A corpus of made-up drumming: where there is no data set at hand, the demo plays its own.

`python -m groovefast.demo FOLDER` writes about 200 performances and an `info.csv` with the columns
of the Groove MIDI Dataset. Patterns are written down below as a drummer would; what makes them
sound played is added: each drummer's drift in time, each limb's place before or behind the beat,
swing, accents, ghost notes, flams, and fills where phrases end. All of it follows from the seed.
With `--melodies` it writes tunes with bass and drums, see `demo_tunes`.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from groovefast.cli import console
from groovefast.demo_tunes import TUNES, write_tunes
from groovefast.drums import ROLAND
from groovefast.errors import check_whole
from groovefast.files import write_atomically
from groovefast.midi.groove import NOTE_DTYPE, Groove

KICK, SNARE, CLOSED, OPEN, LOW, MID, HIGH, CRASH, RIDE = range(9)
CROSS_STICK_PITCH = 37
"""A stick laid across the snare's rim."""

PERFORMANCES = 200
"""As many as make a small corpus."""

_STEPS_PER_BEAT = 4
_NOTE_SECONDS = 0.1
_FILL_SHARE = 0.15
_LOUDNESS = {"X": 0.92, "x": 0.66, "o": 0.46, ".": 0.0, "g": 0.24, "f": 0.9}
"""Accent, stroke, light stroke, rest, ghost note, flam."""

_BALANCE = {KICK: 0.95, SNARE: 1.0, CLOSED: 0.8, OPEN: 0.85, CRASH: 1.05, RIDE: 0.8}
_LIMB = {KICK: "foot", SNARE: "left", CLOSED: "right", OPEN: "right", RIDE: "right"}
"""What plays each drum; toms and crash are played by both hands."""

Bar = Mapping[int, str]
"""One bar: for each drum a line with one character of `_LOUDNESS` for each 16th."""


@dataclasses.dataclass(frozen=True)
class Style:
    """A way of playing.

    Attributes:
        name: As in the `style` column.
        bpm: Lowest and highest tempo.
        bars: Patterns a performance is made of; one is chosen and sometimes left for another.
        swing: How late the offbeats of `swung` are, in 16ths; a triplet feel is 2/3.
        swung: "8ths" or "16ths".
        lean: Milliseconds by which each limb is behind (+) or ahead of (-) the beat.
        beats_per_bar: 4, or 3.
        cross_stick: The snare line is played on the rim.
    """

    name: str
    bpm: tuple[int, int]
    bars: tuple[Bar, ...]
    swing: float = 0.0
    swung: str = "16ths"
    lean: Mapping[str, float] = dataclasses.field(default_factory=dict)
    beats_per_bar: int = 4
    cross_stick: bool = False

    def swing_of(self, step: int) -> float:
        """Returns how late a step is by the style, in steps."""
        if self.swung == "8ths":
            return self.swing if step % 4 in (2, 3) else 0.0
        return self.swing if step % 2 else 0.0


STYLES = (
    Style(
        "rock", (100, 150),
        (
            {KICK: "X.....x.X.......", SNARE: "....X.......X...", CLOSED: "X.x.X.x.X.x.X.x."},
            {KICK: "X.......X.x...x.", SNARE: "....X.......X..g", CLOSED: "X.x.X.x.X.x.X.o."},
            {KICK: "X.x.....X.x.....", SNARE: "....X.......X...", RIDE: "X.x.X.x.X.x.X.x."},
        ),
        lean={"right": -4},
    ),
    Style(
        "punk", (160, 190),
        (
            {KICK: "X...X...X...X...", SNARE: "..X...X...X...X.", CLOSED: "X.x.X.x.X.x.X.x."},
            {KICK: "X..x..x.X..x..x.", SNARE: "....X.......X...", CRASH: "x...x...x...x..."},
        ),
        lean={"left": -6, "foot": -4},
    ),
    Style(
        "funk", (88, 112),
        (
            {KICK: "X..x..x...x..x..", SNARE: ".g..X..g.g.gX..g", CLOSED: "xoxoxoxoxoxoxoxo"},
            {KICK: "X.x.......xx....", SNARE: "....X..g.g..X.g.", CLOSED: "XoxoXoxoXoxoXo..",
             OPEN: "..............x."},
            {KICK: "X......x..x..x..", SNARE: "..g.X.g..g..X..g", CLOSED: "X.xoX.xoX.xoX.xo"},
        ),
        swing=0.12, lean={"left": 5},
    ),
    Style(
        "hiphop", (78, 98),
        (
            {KICK: "X......x..X.....", SNARE: "....X.......X...", CLOSED: "X.x.X.xxX.x.X.x."},
            {KICK: "X..x......Xx....", SNARE: "....X..g....X...", CLOSED: "x.x.x.x.x.x.x.x."},
            {KICK: "X.x....x.x......", SNARE: "....X.......X..g", CLOSED: "XoxoXoxoXoxoXoxo"},
        ),
        swing=0.4, lean={"left": 16, "foot": 6, "right": -3},
    ),
    Style(
        "jazz/swing", (130, 200),
        (
            {RIDE: "X...X.x.X...X.x.", CLOSED: "....x.......x...", KICK: "o...o...o...o..."},
            {RIDE: "X...X.x.X...X.x.", CLOSED: "....x.......x...", SNARE: "......g......og.",
             KICK: "g...g...g...g.x."},
            {RIDE: "X...X.x.X...X.x.", CLOSED: "....x.......x...", SNARE: "..o.......x....."},
        ),
        swing=0.62, swung="8ths", lean={"right": -7},
    ),
    Style(
        "blues/shuffle", (92, 128),
        (
            {KICK: "X.....x.X.....x.", SNARE: "....X.......X...", CLOSED: "X.x.X.x.X.x.X.x."},
            {KICK: "X.......X.x.....", SNARE: "..g.X.g...g.X.g.", RIDE: "X.x.X.x.X.x.X.x."},
        ),
        swing=0.66, swung="8ths", lean={"left": 6},
    ),
    Style(
        "latin/samba", (96, 118),
        (
            {KICK: "X..xX..xX..xX..x", SNARE: "g.xgg.gxg.xgx.gx", RIDE: "XoxxXoxxXoxxXoxx"},
            {KICK: "x..XX..Xx..XX..X", SNARE: "xgXgxgXgXggXgxgX", CLOSED: "..x...x...x...x."},
        ),
        swing=0.16, lean={"left": -5, "right": -4},
    ),
    Style(
        "latin/bossa", (112, 140),
        (
            {KICK: "x..xx..xx..xx..x", SNARE: "X..x..x...x..x..", CLOSED: "xoxoxoxoxoxoxoxo"},
            {KICK: "x..xx..xx..xx..x", SNARE: "X.....x...x.x...", RIDE: "x.x.x.x.x.x.x.x."},
        ),
        cross_stick=True,
    ),
    Style(
        "reggae", (68, 84),
        (
            {KICK: "........X.......", SNARE: "........X.......", CLOSED: "x.x.x.xox.x.x.x."},
            {KICK: "....X.......X...", SNARE: "....X..g....X...", CLOSED: "X.o.X.o.X.ogX.o."},
        ),
        swing=0.5, lean={"left": 8, "foot": 8}, cross_stick=True,
    ),
    Style(
        "dance/disco", (112, 128),
        (
            {KICK: "X...X...X...X...", SNARE: "....X.......X...", CLOSED: "xo..xo..xo..xo..",
             OPEN: "..X...X...X...X."},
            {KICK: "X...X...X...X...", SNARE: "....X.......X..g", CLOSED: "xoxoxoxoxoxoxoxo"},
        ),
        lean={"right": -3},
    ),
    Style(
        "soul/motown", (104, 128),
        (
            {KICK: "X..x..x.X..x..x.", SNARE: "X...X...X...X...", CLOSED: "X.x.X.x.X.x.X.x."},
            {KICK: "X.....xxX.......", SNARE: "....X..g....X.g.", CLOSED: "X.x.X.x.X.x.X.x."},
        ),
        swing=0.08, lean={"left": 4},
    ),
    Style(
        "rock/halftime", (130, 160),
        (
            {KICK: "X.....x.....x...", SNARE: "........X.......", CLOSED: "X...x...X...x..."},
            {KICK: "X..x..........x.", SNARE: "....g.g.X.....g.", RIDE: "X.x.X.x.X.x.X.x."},
        ),
        swing=0.2, lean={"left": 10},
    ),
    Style(
        "afrobeat", (104, 124),
        (
            {KICK: "X..x....X.x.....", SNARE: "g.g...x.g...X..g", CLOSED: "X.xoX.x.X.xoX.xo"},
            {KICK: "x.....x.X..x..x.", SNARE: ".g..x..g.gx..g.x", RIDE: "X.x.x.X.x.X.x.x."},
        ),
        swing=0.14, lean={"left": 3, "foot": -3},
    ),
    Style(
        "pop/waltz", (92, 132),
        (
            {KICK: "X...........", SNARE: "....x...x...", CLOSED: "X.o.x.o.x.o."},
            {KICK: "X.........x.", SNARE: "....o...X...", RIDE: "X...x.o.x.o."},
        ),
        beats_per_bar=3,
    ),
)  # fmt: skip

FILLS: tuple[Bar, ...] = (
    {KICK: "X.......X.......", SNARE: "X.xxX.xx........", HIGH: "........Xxx.....",
     LOW: "............Xxxx"},
    {KICK: "X...x...x...x...", SNARE: "Xoxo............", HIGH: "....Xoxo........",
     MID: "........XoXo....", LOW: "............XxXX"},
    {SNARE: "ggggooooxxxxXXXX", KICK: "x...x...x...x..."},
    {SNARE: "f...f.x...f.xxX.", KICK: "..x...X.x...x..x"},
    {HIGH: "X..X....X..X....", LOW: "..x..xx...x..xXX", KICK: ".x..x..x.x..x..."},
    {SNARE: "X.gxg.Xgx.gXg.xX", OPEN: "..............x.", KICK: "X.....x...x....."},
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Drummer:
    """A player's hand: how steady, how even, and how far from the written lean.

    Attributes:
        name: As in the `drummer` column.
        drift_ms: Deviation of the slow wandering about the beat that all limbs share.
        jitter_ms: Deviation of each stroke by itself.
        touch: Deviation of loudness from stroke to stroke.
        lean_ms: Milliseconds added to each limb's lean.
    """

    name: str
    drift_ms: float
    jitter_ms: float
    touch: float
    lean_ms: Mapping[str, float]


DRUMMERS = (
    Drummer("drummer1", 6.0, 3.5, 0.05, {"foot": -2, "left": 2, "right": -3}),
    Drummer("drummer2", 9.0, 5.0, 0.07, {"foot": 3, "left": 5, "right": -1}),
    Drummer("drummer3", 7.0, 4.0, 0.06, {"foot": -5, "left": -2, "right": -6}),
    Drummer("drummer4", 12.0, 6.5, 0.09, {"foot": 1, "left": 8, "right": 2}),
)


@dataclasses.dataclass(frozen=True)
class Stroke:
    """One stroke as meant: where on the grid, on what, how."""

    step: int
    drum: int
    mark: str
    crescendo: float = 1.0


def write_corpus(
    folder: str | os.PathLike[str], num: int = PERFORMANCES, seed: int = 0
) -> list[Path]:
    """Writes performances and their `info.csv`.

    Args:
        folder: Made if it does not exist; files of the same names are replaced.
        num: How many performances; about one in seven is a fill on its own.
        seed: The same seed and number give the same files.

    Returns:
        The MIDI files written.

    Raises:
        OptionError: No such number or seed.
        OSError: The folder cannot be written.
    """
    check_whole("num", num, 1)
    check_whole("seed", seed, 0)
    root = Path(folder)
    rows, paths = [], []
    for index in range(num):
        # Each performance has a generator of its own: another `num` changes none of them.
        rng = np.random.default_rng((seed, index))
        round_, turn = divmod(index, len(STYLES))
        style, drummer = STYLES[turn], DRUMMERS[round_ % len(DRUMMERS)]
        is_fill = style.beats_per_bar == 4 and rng.random() < _FILL_SHARE
        groove = perform(style, drummer, rng, is_fill)
        row = _describe(index, style, drummer, groove, is_fill)
        path = root / row["midi_filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        groove.save(path)
        rows.append(row)
        paths.append(path)
    root.mkdir(parents=True, exist_ok=True)
    write_atomically(root / "info.csv", _csv(rows))
    return paths


def perform(style: Style, drummer: Drummer, rng: np.random.Generator, is_fill: bool) -> Groove:
    """Plays a style: 8 to 16 bars, or a fill of two."""
    bpm = int(rng.integers(style.bpm[0], style.bpm[1] + 1))
    strokes = _fill_alone(rng) if is_fill else _arrange(style, rng)
    return _play(strokes, style, drummer, bpm, rng)


def _arrange(style: Style, rng: np.random.Generator) -> list[Stroke]:
    """Phrases of four bars; a crash opens some of them and a fill closes most."""
    num_bars = 4 * int(rng.integers(2, 5))
    steps_per_bar = style.beats_per_bar * _STEPS_PER_BEAT
    home = int(rng.integers(len(style.bars)))
    strokes: list[Stroke] = []
    for bar in range(num_bars):
        first = bar * steps_per_bar
        if bar and bar % 4 == 0 and rng.random() < 0.4:
            home = int(rng.integers(len(style.bars)))
        played = _vary(_strokes(style.bars[home], first), rng)
        if bar % 4 == 3 and rng.random() < 0.75:
            played = _with_fill(played, first, steps_per_bar, rng)
        if bar % 8 == 0 and rng.random() < 0.7:
            played = [stroke for stroke in played if (stroke.step, stroke.drum) != (first, CLOSED)]
            played.append(Stroke(first, CRASH, "X"))
        strokes += played
    return strokes


def _fill_alone(rng: np.random.Generator) -> list[Stroke]:
    """Two bars of fill, growing louder."""
    chosen = rng.choice(len(FILLS), 2, replace=False)
    strokes = [
        stroke for bar, fill in enumerate(chosen) for stroke in _strokes(FILLS[fill], 16 * bar)
    ]
    return [
        dataclasses.replace(stroke, crescendo=0.75 + 0.25 * stroke.step / 32) for stroke in strokes
    ]


def _strokes(bar: Bar, first: int) -> list[Stroke]:
    return [
        Stroke(first + step, drum, mark)
        for drum, line in bar.items()
        for step, mark in enumerate(line)
        if mark != "."
    ]


def _vary(strokes: list[Stroke], rng: np.random.Generator) -> list[Stroke]:
    """What differs from bar to bar: ghost notes come and go, a hi-hat opens, a kick moves."""
    varied = []
    for stroke in strokes:
        chance = rng.random()
        if stroke.mark == "g" and chance < 0.25:
            continue
        if stroke.drum == KICK and stroke.mark == "x" and chance < 0.12:
            continue
        if stroke.drum == CLOSED and stroke.step % 4 == 2 and chance < 0.04:
            stroke = dataclasses.replace(stroke, drum=OPEN)
        if stroke.drum == SNARE and stroke.mark == "X" and chance < 0.03:
            stroke = dataclasses.replace(stroke, mark="f")
        varied.append(stroke)
    return varied


def _with_fill(
    strokes: list[Stroke], first: int, steps_per_bar: int, rng: np.random.Generator
) -> list[Stroke]:
    """The bar's last one to three beats replaced by those of a fill, growing louder."""
    beats = int(rng.integers(1, 4))
    last = first + steps_per_bar
    start = last - beats * _STEPS_PER_BEAT
    # A fill is written in four beats; the bar may have three.
    fill = _strokes(FILLS[rng.integers(len(FILLS))], last - 4 * _STEPS_PER_BEAT)
    kept = [stroke for stroke in strokes if stroke.step < start]
    return kept + [
        dataclasses.replace(stroke, crescendo=0.8 + 0.2 * (stroke.step - start) / (last - start))
        for stroke in fill
        if stroke.step >= start
    ]


def _play(
    strokes: list[Stroke], style: Style, drummer: Drummer, bpm: int, rng: np.random.Generator
) -> Groove:
    """Turns strokes as meant into notes as played."""
    strokes = sorted(strokes, key=lambda stroke: (stroke.step, stroke.drum))
    step_seconds = 60.0 / bpm / _STEPS_PER_BEAT
    num_steps = strokes[-1].step + 1
    drift = wander(num_steps, 8.0, rng) * drummer.drift_ms / 1000
    phrase = wander(num_steps, 24.0, rng) * 0.05
    notes: list[tuple[float, float, int, int]] = []
    for stroke in strokes:
        limb = _LIMB.get(stroke.drum, "right")
        lean_ms = style.lean.get(limb, 0.0) + drummer.lean_ms[limb]
        delay = lean_ms / 1000 + drift[stroke.step] + rng.normal(0, drummer.jitter_ms / 1000)
        time = (stroke.step + style.swing_of(stroke.step)) * step_seconds + delay
        loudness = _loudness(stroke, drummer, rng) + phrase[stroke.step]
        pitch = _pitch(stroke, style)
        if stroke.mark == "f":
            notes.append(_note(time - rng.uniform(0.022, 0.036), pitch, loudness * 0.4))
        notes.append(_note(time, pitch, loudness))
    notes.sort()
    return Groove(
        np.array(notes, NOTE_DTYPE), float(bpm), (style.beats_per_bar, 4), ticks_per_quarter=480
    )


def wander(length: int, memory: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns a random walk drawn back to 0, of deviation 1, forgetting in `memory` steps."""
    keep = np.exp(-1.0 / memory)
    values = np.empty(length)
    value = rng.normal()
    for index in range(length):
        values[index] = value
        value = keep * value + rng.normal() * np.sqrt(1 - keep**2)
    return values


def _loudness(stroke: Stroke, drummer: Drummer, rng: np.random.Generator) -> float:
    """0..1: the mark, leaning on the beat, the balance of the kit and an uneven hand."""
    on_beat = 0.04 if stroke.step % _STEPS_PER_BEAT == 0 else -0.02
    meant = (_LOUDNESS[stroke.mark] + on_beat) * _BALANCE.get(stroke.drum, 0.95)
    return meant * stroke.crescendo + rng.normal(0, drummer.touch)


def _pitch(stroke: Stroke, style: Style) -> int:
    if style.cross_stick and stroke.drum == SNARE and stroke.mark != "g":
        return CROSS_STICK_PITCH
    return ROLAND[stroke.drum][0]


def _note(time: float, pitch: int, loudness: float) -> tuple[float, float, int, int]:
    # Nothing sounds before the recording begins.
    start = max(0.0, time)
    return start, start + _NOTE_SECONDS, pitch, int(np.clip(round(127 * loudness), 8, 127))


def _describe(
    index: int, style: Style, drummer: Drummer, groove: Groove, is_fill: bool
) -> dict[str, str]:
    """One row of `info.csv`."""
    beat_type = "fill" if is_fill else "beat"
    meter = f"{style.beats_per_bar}-4"
    session = f"{drummer.name}/session1"
    stem = f"{index + 1}_{style.name.replace('/', '-')}_{groove.qpm:.0f}_{beat_type}_{meter}"
    return {
        "drummer": drummer.name,
        "session": session,
        "id": f"{session}/{index + 1}",
        "style": style.name,
        "bpm": f"{groove.qpm:.0f}",
        "beat_type": beat_type,
        "time_signature": meter,
        "midi_filename": f"{session}/{stem}.mid",
        "audio_filename": "",
        "duration": f"{60 * groove.quarters / groove.qpm:.6f}",
        "split": _split(index),
    }


def _split(index: int) -> str:
    """Eight performances of each style in ten train, one validates, one tests."""
    # Each round shifts the styles by 7 of the 10 places, so that each comes to every place.
    place = (index + 3 * (index // len(STYLES))) % 10
    return {3: "validation", 8: "test"}.get(place, "train")


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@console.command("groovefast.demo")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option(
    "--melodies", is_flag=True, help="Write tunes with bass and drums, rather than drumming."
)
@click.option(
    "--num",
    type=click.IntRange(min=1),
    help="How many.  [default: 200 performances, or 2,000 tunes]",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Same seed, same files.",
)
def command(folder: str | None, melodies: bool, num: int | None, seed: int) -> None:
    """Write made-up drum performances, or tunes, to FOLDER, with an info.csv.

    Tunes go to the folder `tunes` if none is named.
    """
    if folder is None and not melodies:
        raise click.UsageError("Missing argument 'FOLDER'.")
    folder = folder or "tunes"
    write, usual, what = (
        (write_tunes, TUNES, "tunes") if melodies else (write_corpus, PERFORMANCES, "performances")
    )
    paths = write(folder, num or usual, seed)
    click.echo(f"{len(paths)} {what} in {folder}")


if __name__ == "__main__":
    console.run(command)
