"""A corpus of made-up tunes with bass and drums, for models of melodies and trios.

`python -m groovefast.demo --melodies FOLDER` writes it. A tune has sixteen bars: a form such as
AABA, whose sections are phrases of four bars over chords in a key. A phrase says a motif, says it
again on the next chords and comes to rest; when a section comes back, something of it is varied.
The bass plays a pattern on the roots and leads to the next section, the drums keep a beat, with a
crash where sections begin and fills where they end. All of it follows from the seed.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from groovefast.errors import check_whole
from groovefast.files import write_atomically
from groovefast.midi.arrangement import Arrangement, Part

TUNES = 2000
"""As many as a small model does not learn by heart."""
BAR = 16
"""Steps."""
PHRASE = 4
"""Bars."""

KEYS = (0, 2, 5, 7)
"""C, D, F and G."""
MODES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
"""Semitones above the key note."""
CHORDS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (5, 3, 0, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 6, 2), (0, 6, 5, 6), (0, 3, 4, 0)),
}
"""Of the bars of a phrase, the degrees of the scale that they stand on, from 0."""
FORMS = ("AABA", "AABA", "ABAB", "AABB", "ABAC", "ABCA")

MOTIFS = (
    "x---x---x---x---",
    "x-----x-x---x---",
    "x-x-x---x-x-x---",
    "x--x--x-x---x---",
    "x-------x-x-x---",
    "x-x-x-x-x---....",
)
RESTS = ("x-----------....", "x---x---x-------", "x-x-x-----------")
"""What motifs and the ends of phrases are in time: a note, as long as it lasts, or nothing."""
CONTOURS = ((0, 1, 2, 4), (2, 1, 0, 2), (0, 2, 4, 2), (4, 3, 2, 0), (0, 0, 1, 2))
"""Degrees above the chord's, of one note after another."""
MELODY_PROGRAMS = (0, 4, 11, 16, 24, 27)

BASS_LINES = (
    "1-------5-------",
    "1---5---1---5---",
    "1-----1-5---5---",
    "1-1-1-1-1-1-1-1-",
    "1---3---5---3---",
)
"""Roots, thirds and fifths of the bar's chord."""
BASS_DEGREES = {"1": 0, "3": 2, "5": 4}
BASS_PROGRAMS = (32, 33, 34, 36)

KICK, SNARE, CLOSED, OPEN, LOW_TOM, HIGH_TOM, CRASH, RIDE = 36, 38, 42, 46, 45, 50, 49, 51
BEATS = (
    {KICK: "x.......x.......", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
    {KICK: "x.......x.x.....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
    {KICK: "x...x...x...x...", SNARE: "....x.......x...", OPEN: "..x...x...x...x."},
    {KICK: "x.....x...x.....", SNARE: "....x.......x...", CLOSED: "xxxxxxxxxxxxxxxx"},
    {KICK: "x..x..x.x..x..x.", SNARE: "....x.......x..x", RIDE: "x...x...x...x..."},
    {KICK: "x.........x.....", SNARE: "........x.......", CLOSED: "x...x...x...x..."},
)
FILLS = (
    {SNARE: "........x.x.xxxx", KICK: "x...x..........."},
    {HIGH_TOM: "........xxx.....", LOW_TOM: "............xxx.", KICK: "x.......x...x..."},
    {SNARE: "....x...x.x.x.x.", KICK: "x.............x.", LOW_TOM: ".............x.x"},
)

_LOWEST_KEY, _CENTRE = 60, 67
_LOWEST_BASS = 33
_VARIED, _FILLED, _CRASHED = 0.5, 0.7, 0.8
_Choice = TypeVar("_Choice")
_COLUMNS = ("midi_filename", "split", "key", "mode", "form", "bpm")


class Note(NamedTuple):
    """A note: from a step up to another, and its pitch."""

    start: int
    end: int
    pitch: int


class Motif(NamedTuple):
    """A bar of melody, but for its chord."""

    rhythm: str
    contour: Sequence[int]


class Scale(NamedTuple):
    """A key: the pitch of its degree 0, and its mode."""

    tonic: int
    mode: str

    def pitch(self, degree: int) -> int:
        """Returns that of a degree, also of those below 0 and above the octave."""
        octave, within = divmod(degree, len(MODES[self.mode]))
        return self.tonic + 12 * octave + MODES[self.mode][within]

    def near(self, degree: int, pitch: int) -> int:
        """Returns a degree in the octave in which it is closest to a pitch."""
        in_octaves = (degree + 7 * octave for octave in range(-4, 5))
        return min(in_octaves, key=lambda each: abs(self.pitch(each) - pitch))


class Section(NamedTuple):
    """Four bars.

    Attributes:
        chords: A degree for each.
        motifs: What the melody says in each.
        centre: The pitch it is about.
        bass: The line of `BASS_LINES`.
        beat: What the drums play.
    """

    chords: Sequence[int]
    motifs: Sequence[Motif]
    centre: int
    bass: str
    beat: dict[int, str]


class Tune(NamedTuple):
    """A tune: what `info.csv` says of it, and what is played."""

    scale: Scale
    form: str
    bpm: int
    arrangement: Arrangement


def write_tunes(folder: str | os.PathLike[str], num: int = TUNES, seed: int = 0) -> list[Path]:
    """Writes tunes and their `info.csv`, whose `split` column says which are for training.

    Args:
        folder: Made if it does not exist; files of the same names are replaced.
        num: How many tunes; of ten one is for validation and one for the test.
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
    root.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    paths = []
    for index in range(num):
        # Each tune has a generator of its own: another `num` changes none of them.
        tune = compose(np.random.default_rng((seed, index)))
        paths.append(root / f"tune-{index + 1:05d}.mid")
        tune.arrangement.save(paths[-1])
        split = {3: "validation", 8: "test"}.get(index % 10, "train")
        scale = tune.scale
        rows.writerow((paths[-1].name, split, scale.tonic % 12, scale.mode, tune.form, tune.bpm))
    write_atomically(root / "info.csv", text.getvalue().encode())
    return paths


def compose(rng: np.random.Generator) -> Tune:
    """Makes up a tune."""
    mode = str(rng.choice(list(MODES)))
    scale = Scale(_LOWEST_KEY + int(rng.choice(KEYS)), mode)
    form = str(rng.choice(FORMS))
    sections = {name: _section(mode, rng) for name in sorted(set(form))}
    if rng.random() < 0.5:
        # One bass line and one beat throughout.
        sections = {
            name: each._replace(bass=sections["A"].bass, beat=sections["A"].beat)
            for name, each in sections.items()
        }
    melody: list[Note] = []
    bass: list[Note] = []
    drums: list[Note] = []
    for number, name in enumerate(form):
        section, first = sections[name], number * PHRASE * BAR
        is_last = number == len(form) - 1
        # What is said a second time is said a little otherwise, and the end comes home.
        again = name in form[:number] and rng.random() < _VARIED
        following = 0 if is_last else sections[form[number + 1]].chords[0]
        melody += _melody(_varied(section, rng) if again else section, scale, first, is_last)
        bass += _bass(section, scale, first, following)
        drums += _drums(section, first, rng)
    parts = [
        _part(0, melody, int(rng.choice(MELODY_PROGRAMS))),
        _part(1, bass, int(rng.choice(BASS_PROGRAMS))),
        _part(9, drums, is_drum=True),
    ]
    bpm = int(rng.integers(80, 161))
    return Tune(scale, form, bpm, Arrangement.from_steps(parts, len(form) * PHRASE * BAR, bpm))


def _section(mode: str, rng: np.random.Generator) -> Section:
    """A motif three times, with an answer in between now and then, and an end."""
    said = Motif(_one_of(MOTIFS, rng), _one_of(CONTOURS, rng))
    answer = Motif(_one_of(MOTIFS, rng), _one_of(CONTOURS, rng))
    rest = Motif(_one_of(RESTS, rng), _one_of(CONTOURS, rng))
    motifs = ((said, said, said, rest), (said, answer, said, rest), (said, said, answer, rest))
    return Section(
        _one_of(CHORDS[mode], rng),
        _one_of(motifs, rng),
        _CENTRE + int(rng.choice((-5, 0, 5))),
        _one_of(BASS_LINES, rng),
        _one_of(BEATS, rng),
    )


def _varied(section: Section, rng: np.random.Generator) -> Section:
    """The same with one of its bars otherwise: another rhythm, or another contour."""
    motifs, bar = list(section.motifs), int(rng.integers(PHRASE - 1))
    if rng.random() < 0.5:
        motifs[bar] = motifs[bar]._replace(rhythm=_one_of(MOTIFS, rng))
    else:
        motifs[bar] = motifs[bar]._replace(contour=_one_of(CONTOURS, rng))
    return section._replace(motifs=motifs)


def _melody(section: Section, scale: Scale, first: int, comes_home: bool) -> list[Note]:
    notes = []
    for bar, (chord, motif) in enumerate(zip(section.chords, section.motifs, strict=True)):
        is_end = comes_home and bar == PHRASE - 1
        root = scale.near(0 if is_end else chord, section.centre)
        spans = _spans(motif.rhythm)
        for number, (start, end) in enumerate(spans):
            home = is_end and number == len(spans) - 1
            degree = root if home else root + motif.contour[number % len(motif.contour)]
            begin = first + bar * BAR
            notes.append(Note(begin + start, begin + end, scale.pitch(degree)))
    return notes


def _bass(section: Section, scale: Scale, first: int, following: int) -> list[Note]:
    notes = []
    low = scale._replace(tonic=scale.tonic - 24)
    for bar, chord in enumerate(section.chords):
        begin, root = first + bar * BAR, low.near(chord, _LOWEST_BASS + 6)
        line = section.bass
        for start, end in _spans(line):
            degree = root + BASS_DEGREES[line[start]]
            if bar == PHRASE - 1 and start >= 12:
                degree = low.near(following, _LOWEST_BASS + 6) + 1  # from above to the next root
            notes.append(Note(begin + start, begin + end, low.pitch(degree)))
    return notes


def _drums(section: Section, first: int, rng: np.random.Generator) -> list[Note]:
    notes = []
    for bar in range(PHRASE):
        beat, begin = section.beat, first + bar * BAR
        if bar == PHRASE - 1 and rng.random() < _FILLED:
            beat = _one_of(FILLS, rng)
        hits = [(step, pitch) for pitch, line in beat.items() for step, _ in _spans(line)]
        if bar == 0 and rng.random() < _CRASHED:
            hits = [hit for hit in hits if hit not in {(0, CLOSED), (0, RIDE)}] + [(0, CRASH)]
        notes += [Note(begin + step, begin + step + 1, pitch) for step, pitch in sorted(hits)]
    return notes


def _spans(line: str) -> list[tuple[int, int]]:
    """Where the notes of a line begin and end: `x--.` holds one from 0 to 3."""
    starts = [step for step, mark in enumerate(line) if mark not in "-."]
    return [
        (start, start + 1 + len(line[start + 1 :]) - len(line[start + 1 :].lstrip("-")))
        for start in starts
    ]


def _one_of(choices: Sequence[_Choice], rng: np.random.Generator) -> _Choice:
    return choices[int(rng.integers(len(choices)))]


def _part(instrument: int, notes: list[Note], program: int = 0, is_drum: bool = False) -> Part:
    starts, ends, pitches = (np.array(column) for column in zip(*notes, strict=True))
    return Part(instrument, starts, ends, pitches, program, is_drum)
