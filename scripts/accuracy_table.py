#!/usr/bin/env python3
"""Prints what `groovefast-evaluate --json` says of models of tokens as one table, in Markdown.

    scripts/accuracy_table.py FLAT.json HIERARCHICAL.json...

The files come in pairs; the columns are those of the MusicVAE paper's table of reconstructions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

HEADINGS = (
    *("", "windows", "always the commonest", "teacher forcing, flat", "hierarchical"),
    *("sampling, flat", "hierarchical"),
)


def rows(flat: Path, hierarchical: Path) -> Iterator[list[str]]:
    """A row for each part of what two models were measured on."""
    pair = [json.loads(path.read_text(encoding="utf-8")) for path in (flat, hierarchical)]
    kinds = [each["config"]["tokens"]["representation"] for each in pair]
    if len(set(kinds)) > 1:
        raise SystemExit(f"{flat}, {hierarchical}: of {' and '.join(kinds)}; one kind wanted")
    prefix = f"{kinds[0]} " if kinds[0] == "trio" else ""
    bars = pair[0]["config"]["converter"]["split_bars"]
    for part, one in pair[0]["accuracy"].items():
        shares = [
            one["commonest"],
            *(each["accuracy"][part]["teacher_forcing"] for each in pair),
            *(each["accuracy"][part]["sampling"] for each in pair),
        ]
        name = f"{bars}-bar {prefix}{part}"
        yield [name, f"{pair[0]['windows']:,}", *(f"{share:.3f}" for share in shares)]


def main(files: Sequence[str]) -> None:
    """Prints the table of pairs of files."""
    if not files or len(files) % 2:
        raise SystemExit(__doc__)
    lines = [list(HEADINGS), ["---", *["---:"] * (len(HEADINGS) - 1)]]
    for flat, hierarchical in zip(files[::2], files[1::2], strict=True):
        lines += rows(Path(flat), Path(hierarchical))
    for line in lines:
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
