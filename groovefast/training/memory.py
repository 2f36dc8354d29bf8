"""How much memory there is before the kernel ends the process; only Linux tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


class _Files(NamedTuple):
    """Where the groups of one version of control groups are, and what tells of their memory."""

    root: str
    limit: str
    usage: str
    cached: tuple[str, str]


_V1 = _Files(
    "memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_active_file", "total_inactive_file"),
)
_V2 = _Files("", "memory.max", "memory.current", ("active_file", "inactive_file"))


def free_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Returns what is free on the machine or in the process's control groups, whichever is less.

    Cached files count as free, since the kernel drops them first.

    Args:
        proc: Where the kernel tells of processes.
        cgroups: Where it tells of control groups, of version 1 or 2.

    Returns:
        Bytes; None where neither can be read.
    """
    free = [*_on_machine(proc), *_in_groups(proc, cgroups)]
    return max(0, min(free)) if free else None


def _on_machine(proc: Path) -> Iterator[int]:
    kibibytes = _fields(proc / "meminfo").get("MemAvailable:")
    if kibibytes is not None:
        yield 1024 * kibibytes


def _in_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    """What is left in each group that limits the process's memory: its own, and those around it."""
    for line in _read(proc / "self" / "cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        files = _V1 if controllers else _V2
        root = cgroups / files.root
        # In a container its own group may be mounted as the root: then the path leads nowhere.
        folder = root / path.strip("/")
        for group in (folder, *folder.parents):
            yield from _in_group(group, files)
            if group == root:
                break


def _in_group(group: Path, files: _Files) -> Iterator[int]:
    limit, usage = _read(group / files.limit).strip(), _read(group / files.usage).strip()
    if limit.isdecimal() and usage.isdecimal():  # a limit may also be "max"
        statistics = _fields(group / "memory.stat")
        yield int(limit) - int(usage) + sum(statistics.get(name, 0) for name in files.cached)


def _fields(file: Path) -> dict[str, int]:
    """The lines `name number` of a file."""
    lines = (line.split() for line in _read(file).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
