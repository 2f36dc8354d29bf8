"""The pipeline that GrooveFast replaces: note_seq, then a grid in plain Python.

`convert.py` starts this as a worker, in an interpreter that has note_seq 0.0.5. It is told a folder
to leave its grids in, or nothing, and answers with the seconds it took for all files and the
windows it made. Importing note_seq and keeping the grids for comparison are not counted.
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

STEPS_PER_QUARTER = 4
STEPS_PER_BAR = 16
WINDOW_STEPS = 64
ROLAND = (
    (36,),
    (38, 37, 40),
    (42, 22, 44),
    (46, 26),
    (43, 58),
    (47, 45),
    (50, 48),
    (49, 52, 55, 57),
    (51, 53, 59),
)
DRUM_OF_PITCH = {pitch: drum for drum, group in enumerate(ROLAND) for pitch in group}


def grid_of(sequence: note_seq.NoteSequence) -> np.ndarray | None:
    """Hits, velocities and offsets, (3, steps, 9) of whole bars; None if Magenta drops the file."""
    meters = {(meter.numerator, meter.denominator) for meter in sequence.time_signatures}
    if len(sequence.tempos) > 1 or meters - {(4, 4)}:
        return None
    qpm = sequence.tempos[0].qpm if sequence.tempos else 120.0
    steps_per_second = STEPS_PER_QUARTER * qpm / 60.0
    step_length = 60.0 / qpm / STEPS_PER_QUARTER
    loudest: dict[tuple[int, int], Any] = {}
    for note in sequence.notes:
        drum = DRUM_OF_PITCH.get(note.pitch)
        if not note.is_drum or drum is None:
            continue
        step = int(note.start_time * steps_per_second + 0.5)
        cell = (step, drum)
        if cell not in loudest or note.velocity > loudest[cell].velocity:
            loudest[cell] = note
    if not loudest:
        return None
    bars = max(step for step, _ in loudest) // STEPS_PER_BAR + 1
    grid = np.zeros((3, bars * STEPS_PER_BAR, 9))
    for (step, drum), note in loudest.items():
        grid[0, step, drum] = 1
        grid[1, step, drum] = note.velocity / 127
        grid[2, step, drum] = 2 * (step * step_length - note.start_time) / step_length
    return grid


def windows_of(grid: np.ndarray) -> list[np.ndarray]:
    """Whole windows, one for each bar that can begin one."""
    rows = np.concatenate(list(grid), axis=1).astype(np.float32)
    last = len(rows) - WINDOW_STEPS
    return [rows[start : start + WINDOW_STEPS] for start in range(0, last + 1, STEPS_PER_BAR)]


def convert(paths: list[str], keep_in: str | None) -> dict[str, float]:
    windows = 0
    start = time.perf_counter()
    grids = []
    for path in paths:
        grid = grid_of(note_seq.midi_file_to_note_sequence(path))
        grids.append(grid)
        if grid is not None:
            windows += len(windows_of(grid))
    seconds = time.perf_counter() - start
    if keep_in:
        named: dict[str, Any] = {
            str(index): grid for index, grid in enumerate(grids) if grid is not None
        }
        np.savez(Path(keep_in) / "grids.npz", **named)
    return {"seconds": seconds, "windows": windows}


def main() -> None:
    paths = Path(sys.argv[1]).read_text().splitlines()
    serve({"version": note_seq.__version__}, lambda folder: convert(paths, folder))


if __name__ == "__main__":
    main()
