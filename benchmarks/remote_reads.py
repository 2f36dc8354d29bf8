"""Conversion of MIDI files in a bucket of S3 that takes 20 ms for each answer.

As many are read at once as is usual, against one at a time, which is measured on a part of them.
The server, `slow_store.py`, is a process of its own on this machine: what it and the client of S3
take of its processors is part of what is measured.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path

import fsspec
from corpus import add_midi_option, midi_files
from timing import Report, Timings, option_parser
from worker import Worker

from groovefast import convert


def converting(url: str, workers: int | None) -> float:
    """The seconds that a conversion by so many workers takes."""
    gc.collect()
    with tempfile.TemporaryDirectory() as output:
        start = time.perf_counter()
        report = convert(url, output, workers=workers)
        seconds = time.perf_counter() - start
    if not report.complete:
        raise SystemExit(f"{url}: not all files were read")
    return seconds


def main() -> None:
    parser = option_parser(__doc__, rounds=3)
    parser.add_argument("--few", type=int, default=100, help="files to read one at a time")
    parser.add_argument("--delay-ms", type=float, default=20, help="of each answer")
    add_midi_option(parser)
    arguments = parser.parse_args()
    paths = midi_files(arguments.midi)
    few = min(arguments.few, len(paths))
    report = Report(f"Converting {len(paths):,} files of a slow bucket", ("fsspec", "s3fs"))
    script = str(Path(__file__).with_name("slow_store.py"))
    words = [str(arguments.midi), str(few), str(arguments.delay_ms)]
    with Worker([sys.executable, script, *words]) as server:
        fsspec.config.conf["s3"] = {
            "key": "key",
            "secret": "secret",
            "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{server.ready}"},
        }
        converting("s3://bucket/few", None)
        one, usual = Timings(few, []), Timings(len(paths), [])
        for _ in range(arguments.rounds):
            one.seconds.append(converting("s3://bucket/few", 1))
            usual.seconds.append(converting("s3://bucket/songs", None))
    report.table("files/s", {"one at a time": one, "as many at once as usual": usual})
    report.figure("against one at a time", usual.faster_than(one), "×", at_least=20)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
