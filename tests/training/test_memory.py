"""The free memory, of file systems laid out as the kernel does, and of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from groovefast.training.memory import free_memory

GIB = 1 << 30
MEMINFO = f"MemTotal:  99999999 kB\nMemFree:  5 kB\nMemAvailable:  {8 * GIB // 1024} kB\n"
NO_LIMIT = 9223372036854771712


@pytest.fixture
def place(tmp_path):
    """Writes files, and gives what is free by them."""

    def place(cgroup: str = "", meminfo: str = MEMINFO) -> int | None:
        write("proc/meminfo", meminfo)
        write("proc/self/cgroup", cgroup)
        return free_memory(tmp_path / "proc", tmp_path / "cgroup")

    def write(name: str, content: object) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")

    place.write = write
    return place


def test_the_machine(place):
    assert place() == 8 * GIB


def test_nothing_can_be_read(place, tmp_path):
    assert place(meminfo="") is None
    assert free_memory(tmp_path / "nowhere", tmp_path / "nowhere") is None


@pytest.mark.parametrize("limited", ["user/own", "user", ""])
def test_groups_of_version_2(place, limited):
    for folder in ("user/own", "user"):
        place.write(f"cgroup/{folder}/memory.max", "max")
        place.write(f"cgroup/{folder}/memory.current", GIB)
    place.write(f"cgroup/{limited}/memory.max", 3 * GIB)
    place.write(f"cgroup/{limited}/memory.current", 2 * GIB)
    assert place("0::/user/own") == GIB
    place.write(f"cgroup/{limited}/memory.stat", f"anon 7\ninactive_file {GIB}\nactive_file 5")
    assert place("0::/user/own") == 2 * GIB + 5


@pytest.mark.parametrize("limited", ["docker/own", ""])
def test_groups_of_version_1(place, limited):
    place.write("cgroup/memory/docker/own/memory.limit_in_bytes", NO_LIMIT)
    place.write("cgroup/memory/docker/own/memory.usage_in_bytes", GIB)
    place.write(f"cgroup/memory/{limited}/memory.limit_in_bytes", 3 * GIB)
    place.write(f"cgroup/memory/{limited}/memory.usage_in_bytes", 2 * GIB)
    place.write(f"cgroup/memory/{limited}/memory.stat", "inactive_file 9\ntotal_inactive_file 3")
    lines = "9:name=systemd:/\n5:cpu,cpuacct:/docker/own\n4:memory,hugetlb:/docker/own\n0::/"
    assert place(lines) == GIB + 3


def test_a_path_that_is_not_mounted(place):
    """A container may see its own group as the root."""
    place.write("cgroup/memory.max", 2 * GIB)
    place.write("cgroup/memory.current", GIB)
    assert place("0::/../../outside/own") == GIB


def test_the_machine_may_have_less_than_the_group(place):
    place.write("cgroup/memory.max", 90 * GIB)
    place.write("cgroup/memory.current", GIB)
    assert place("0::/") == 8 * GIB


def test_more_is_used_than_allowed(place):
    place.write("cgroup/memory.max", GIB)
    place.write("cgroup/memory.current", 2 * GIB)
    assert place("0::/") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_this_machine():
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 0 < free_memory() < total
