"""The MIDI files that the benchmarks work on."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

DATASET = Path(__file__).resolve().parents[2] / "shared" / "groove"


def add_midi_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--midi`, the folder of MIDI files."""
    default = Path(os.environ.get("GROOVE_MIDI_DIR", DATASET))
    parser.add_argument(
        "--midi",
        type=Path,
        default=default,
        metavar="DIR",
        help="folder of MIDI files (default: GROOVE_MIDI_DIR, or ../shared/groove)",
    )


def midi_files(folder: Path) -> list[Path]:
    """Returns the MIDI files below a folder, sorted; ends the program if there are none."""
    files = sorted(folder.rglob("*.mid"))
    if not files:
        raise SystemExit(
            f"no MIDI file below {folder}: set GROOVE_MIDI_DIR to the Groove MIDI Dataset, or "
            "make a corpus with `python -m groovefast.demo FOLDER` and give it as --midi FOLDER"
        )
    return files
