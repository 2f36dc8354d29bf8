#!/usr/bin/env python3
"""Prints what `groovefast-evaluate --json` says of models of tokens as one table, in Markdown.

    scripts/accuracy_table.py FILE.json...

Its columns are those of the MusicVAE paper's table of reconstructions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HEADINGS = (
    *("", "windows", "always the commonest", "teacher forcing: flat", "hierarchical"),
    *("sampling: flat", "hierarchical"),
)
MEASURES = ("teacher_forcing", "sampling")


def rows(evaluations: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A row for each part of each kind of window."""
    found: dict[tuple[str, str], dict[tuple[str, bool], float]] = {}
    for each in evaluations:
        config = each["config"]
        is_laid_out = config["hparams"]["hierarchical_decoder"]
        bars, kind = config["converter"]["split_bars"], config["tokens"]["representation"]
        for part, accuracy in each["accuracy"].items():
            name = f"{bars}-bar {part}" if kind != "trio" else f"trio {part}"
            row = found.setdefault((name, f"{each['windows']:,}"), {})
            row["commonest", False] = accuracy["commonest"]
            row |= {(measure, is_laid_out): accuracy[measure] for measure in MEASURES}
    columns = [("commonest", False)] + [(each, laid) for each in MEASURES for laid in (False, True)]
    return [
        [*head, *(f"{row[column]:.3f}" if column in row else "–" for column in columns)]
        for head, row in found.items()
    ]


def main(files: Sequence[str]) -> None:
    """Prints the table of some files."""
    if not files:
        raise SystemExit(__doc__)
    evaluations = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    rule = ["---", *["---:"] * (len(HEADINGS) - 1)]
    for line in (HEADINGS, rule, *rows(evaluations)):
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
