"""Writes the seed corpus of the fuzz target: one small file for each thing a reader has to know.

    PYTHONPATH=tests python3 csrc/fuzz/make_corpus.py FOLDER

The byte before each file chooses the target's options.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from midi_bytes import (
    END,
    event,
    header,
    hit,
    meta,
    meter,
    off,
    on,
    program,
    riff,
    smpte,
    song,
    sysex,
    tempo,
    track,
)

QUARTER = 96
BEAT = hit(0, 36) + hit(QUARTER // 2 - 1, 42) + hit(QUARTER // 2 - 1, 38)
BARS = BEAT * 24
OPTIONS = (*range(8), 9, 65, 67, 69)


def files() -> Iterator[bytes]:
    """The files, each whole and correct or broken in one way."""
    beat = song(BARS, division=QUARTER)
    yield beat
    yield beat[:-9]
    yield beat + b"tail"
    yield riff(beat, (b"INFO", b"odd"))
    yield b""
    yield header(0)

    yield song(tempo(0, 600_000), meter(0, 4), BARS, division=QUARTER)
    yield song(BARS, tempo(7, 300_000), BARS, tempo(0, 1), BARS, division=QUARTER)
    yield song(meter(0, 3), BARS, meter(0, 4), BARS, meter(5, 5, 4), BARS, division=QUARTER)
    yield song(meter(0, 2, 1), BARS, meter(0, 200, 31), BARS, division=QUARTER)

    yield song(on(0, 36), event(9, 36, 0), event(5, 36, 90), event(5, 36, 0))
    yield song(on(0, 36), meta(1, 1, b"text"), event(9, 36, 0), sysex(0, b"\x7e"), event(5, 36, 90))
    yield song(*(on(delta, 36) for delta in (0, 1, 0, 3)), off(0, 36), off(1, 36), off(0, 36))
    yield song(on(0, 40, channel=2), program(1, 7, 2), on(1, 41, channel=2), off(1, 40, 2))
    yield song(
        event(0, 0xE9, 0, 64), event(0, 0xD9, 3), event(0, 0xB9, 4, 90), event(0, 0xA9, 36, 1)
    )
    yield song(sysex(0, b"\x43\x12"), sysex(4, b"\x01\xf7", 0xF7), event(0, 0xF2, 1, 2))
    yield song(event(0, 0xF1, 1), event(0, 0xF3, 2), event(0, 0xF4), event(0, 0xF8), BEAT)
    yield song(hit(0x0FFFFFFF, 36), hit(0x1FFFFF, 38), hit(0x3FFF, 42), hit(0x7F, 46))

    trio = program(0, 33, 1) + program(0, 0, 2) + meter(0, 4)
    for _ in range(9):
        trio += hit(0, 36) + on(0, 40, 90, 1) + on(0, 60, 90, 2) + on(0, 64, 90, 2)
        trio += off(QUARTER, 64, 2) + off(QUARTER, 60, 2) + off(QUARTER, 40, 1) + hit(QUARTER, 38)
    yield song(trio, division=QUARTER)
    yield song(trio, tempo(0, 1), tempo(0, 400_000), meter(0, 0), trio, division=QUARTER)

    for format_ in (0, 1, 2, 3):
        tracks = track(tempo(0, 400_000), END) + track(meter(0, 4), BARS) + track(BARS, END)
        yield header(3, format_, QUARTER) + tracks
    for division in (0, 1, 0x7FFF, smpte(24, 4), smpte(25, 40), smpte(29, 80), smpte(30, 0)):
        yield song(BARS, meter(3, 4), BARS, division=division)


def main(folder: Path) -> None:
    """Writes every file under every set of options."""
    folder.mkdir(parents=True, exist_ok=True)
    for (index, file), options in itertools.product(enumerate(files()), OPTIONS):
        (folder / f"{index:02}-{options}").write_bytes(bytes([options]) + file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
