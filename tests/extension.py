"""Whether the compiled part of the package is that of the sources beside it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

SOURCES = ("CMakeLists.txt", "csrc/*.cpp", "csrc/*.hpp", "groovefast/**/*.p[yx][xd]")


def compiled_modules(root: Path) -> list[Path]:
    """Returns the files that are imported for the `.pyx` files of a checkout."""
    sources = root.glob("groovefast/**/*.pyx")
    names = (".".join(path.relative_to(root).with_suffix("").parts) for path in sources)
    specs = map(importlib.util.find_spec, names)
    return [Path(spec.origin) for spec in specs if spec and spec.origin]


def newer_source(root: Path, package: Path, compiled: Iterable[Path]) -> Path | None:
    """Returns a source that changed since it was compiled, if any.

    Args:
        root: A checkout.
        package: The folder `groovefast` that is imported; only that of the checkout is compiled
            from what lies there.
        compiled: What is compiled of it.
    """
    if package != root / "groovefast":
        return None
    built = min((path.stat().st_mtime for path in compiled), default=float("inf"))
    changed = {path.stat().st_mtime: path for glob in SOURCES for path in root.glob(glob)}
    newest = max(changed)
    return changed[newest] if newest > built else None
