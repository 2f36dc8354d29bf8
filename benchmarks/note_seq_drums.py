"""What MusicVAE's drums were made with: note_seq, and windows cut and told apart in Python.

`tokens.py` starts this as a worker, in an interpreter that has note_seq 0.0.5. Magenta itself,
whose converter does the same and makes one-hots of the windows, cannot be installed beside any
Python of today. The worker is told a folder to leave its windows in, or nothing, and answers with
the seconds it took for all files. Importing note_seq is not counted.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from worker import serve

warnings.filterwarnings("ignore")
import note_seq  # noqa: E402
from note_seq import sequences_lib  # noqa: E402

STEPS_PER_QUARTER = 4
STEPS_PER_BAR = 16
WINDOW_STEPS = 32
MAX_STEPS = 1600
REDUCED = (
    (36, 35),
    (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
    (42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22),
    (46, 67, 72, 74, 79, 81, 26),
    (45, 29, 41, 43, 61, 64, 84),
    (48, 47, 60, 63, 77, 86, 87),
    (50, 30, 62, 76, 83),
    (49, 52, 55, 57, 58),
    (51, 53, 59, 82),
)
CLASS_OF_PITCH = {pitch: drum for drum, group in enumerate(REDUCED) for pitch in group}


def tracks_of(sequence: Any) -> list[list[int]]:
    """The tokens of each drum track of a sub-sequence."""
    try:
        quantized = sequences_lib.quantize_note_sequence(sequence, STEPS_PER_QUARTER)
        bar = sequences_lib.steps_per_bar_in_quantized_sequence(quantized)
    except (
        sequences_lib.BadTimeSignatureError,
        sequences_lib.MultipleTimeSignatureError,
        sequences_lib.NegativeTimeError,
    ):
        return []
    if bar != STEPS_PER_BAR:
        return []
    drums = [note for note in quantized.notes if note.is_drum and note.pitch in CLASS_OF_PITCH]
    for note in drums:
        note.pitch = CLASS_OF_PITCH[note.pitch]
    kept = [type(note).FromString(note.SerializeToString()) for note in drums]
    del quantized.notes[:]
    quantized.notes.extend(kept)
    tracks: list[list[int]] = []
    start = 0
    while True:
        track = note_seq.DrumTrack()
        track.from_quantized_sequence(quantized, start, gap_bars=1, pad_end=True)
        if not len(track):
            return tracks
        start = track.end_step
        tokens = [sum(1 << drum for drum in event) for event in track]
        tracks.append(tokens[:MAX_STEPS])


def windows_of(path: str) -> list[set[tuple[int, ...]]]:
    """The different windows of each sub-sequence of a file."""
    sequence = note_seq.midi_file_to_note_sequence(path)
    found = []
    for part in sequences_lib.split_note_sequence_on_time_changes(sequence):
        tracks = tracks_of(part)
        found.append(
            {
                tuple(tokens[first : first + WINDOW_STEPS])
                for tokens in tracks
                for first in range(0, len(tokens) - WINDOW_STEPS + 1, STEPS_PER_BAR)
            }
        )
    return found


def convert(paths: list[str], keep_in: str | None) -> dict[str, float]:
    start = time.perf_counter()
    windows = [windows_of(path) for path in paths]
    seconds = time.perf_counter() - start
    if keep_in:
        named: dict[str, Any] = {
            str(index): np.array(sorted(window for part in parts for window in part))
            for index, parts in enumerate(windows)
        }
        np.savez(Path(keep_in) / "windows.npz", **named)
    return {"seconds": seconds, "windows": sum(len(part) for parts in windows for part in parts)}


def main() -> None:
    paths = Path(sys.argv[1]).read_text().splitlines()
    serve({"version": note_seq.__version__}, lambda folder: convert(paths, folder))


if __name__ == "__main__":
    main()
