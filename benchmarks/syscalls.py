"""System calls of a conversion, per file, by strace.

python benchmarks/syscalls.py [--midi DIR] [--workers 1]

Starting Python and planning are taken off: what a conversion of a single file does is subtracted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from corpus import add_midi_option, midi_files
from timing import Report, option_parser

CONVERT = "import sys, groovefast; groovefast.convert(*sys.argv[1:3], workers=int(sys.argv[3]))"
NAMED = 12


def counted(midi: Path, workers: int) -> dict[str, int]:
    """How often each system call is made when the folder or file is converted."""
    with tempfile.TemporaryDirectory() as scratch:
        counts = Path(scratch) / "counts"
        command = [
            sys.executable,
            "-c",
            CONVERT,
            str(midi.resolve()),
            f"{scratch}/shards",
            str(workers),
        ]
        strace = ["strace", "-f", "-c", "-U", "calls,name", "-o", str(counts)]
        # Elsewhere than here, where `python -c` would find the sources beside this folder.
        subprocess.run([*strace, *command], check=True, cwd=scratch)
        rows = (line.split() for line in counts.read_text().splitlines())
        return {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[0].isdigit()}


def main() -> None:
    parser = option_parser(__doc__, rounds=1)
    parser.add_argument("--workers", type=int, default=1)
    add_midi_option(parser)
    arguments = parser.parse_args()
    if not shutil.which("strace"):
        raise SystemExit("strace is not installed: apt-get install strace")
    files = midi_files(arguments.midi)
    report = Report(f"System calls of converting {len(files):,} files")
    start = counted(files[0], arguments.workers)
    calls = counted(arguments.midi, arguments.workers)
    del calls["total"]
    per_file = {name: (count - start.get(name, 0)) / len(files) for name, count in calls.items()}
    most = sorted(per_file, key=lambda name: -per_file[name])[:NAMED]
    for name in most:
        report.figure(name, per_file[name], "a file")
    report.figure("all", sum(per_file.values()), "a file")
    report.write(arguments.json)


if __name__ == "__main__":
    main()
