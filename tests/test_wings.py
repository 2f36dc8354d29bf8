"""The plan of the house: imports run downwards, and in no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import groovefast

PACKAGE = Path(groovefast.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "midi": set(),
    "shards": set(),
    "sound": {"midi"},
    "windows": {"midi", "shards"},
    "model": {"windows"},
    "conversion": {"midi", "shards"},
    "fitting": {"model", "shards", "windows"},
    "training": {"fitting", "model", "shards", "windows"},
    "playing": {"midi", "model", "windows"},
    "evaluation": {"fitting", "model", "shards", "windows"},
    "studio": {"midi", "model", "playing", "sound", "windows"},
    "cli": {
        *("conversion", "evaluation", "fitting", "midi", "model", "playing", "shards", "sound"),
        *("studio", "training", "windows"),
    },
}
"""Which wings each may import from: imports of types, and in functions, count like all others."""

ENTRANCES = {"__init__", "demo", "demo_tunes"}
"""At the top of the package, and yet above all wings; its other files import none."""


def modules() -> list[str]:
    """Every module of the package, as in `midi.groove`."""
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def path_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> Iterator[str]:
    """The modules of the package that a module imports anywhere, as in `midi.groove`."""
    known = set(modules())
    for node in ast.walk(ast.parse(path_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "groovefast":
                longest = [".".join(parts[1:end]) for end in range(len(parts), 1, -1)]
                yield from [each for each in longest if each in known][:1]


def wing_of(module: str) -> str | None:
    """The folder a module is in; None at the top of the package."""
    wing = module.split(".")[0]
    return wing if (PACKAGE / wing).is_dir() else None


@pytest.mark.parametrize("module", modules())
def test_imports_run_downwards(module: str) -> None:
    own = wing_of(module)
    if module in ENTRANCES:
        return
    allowed = {own, *(MAY_IMPORT[own] if own else ())}
    wings = {found: wing_of(found) for found in imports(module)}
    assert {name: wing for name, wing in wings.items() if wing and wing not in allowed} == {}


def test_every_folder_is_a_wing() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT)


def test_wings_go_round_in_no_circle() -> None:
    """Each is listed after all that it may import from."""
    below: set[str] = set()
    for wing, may_import in MAY_IMPORT.items():
        assert may_import <= below
        below.add(wing)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """But for a class that fetches its own picture when it is asked to draw itself."""
    graph = {
        module: {each for each in imports(module) if each.rpartition(".")[2] != "plot"}
        for module in modules()
        if module not in ENTRANCES
    }
    reachable: dict[str, set[str]] = {}

    def reach(module: str, path: tuple[str, ...]) -> set[str]:
        assert module not in path, " imports ".join((*path, module))
        if module not in reachable:
            reachable[module] = {
                far
                for near in graph.get(module, ())
                for far in (near, *reach(near, (*path, module)))
            }
        return reachable[module]

    for module in graph:
        reach(module, ())


@pytest.mark.parametrize(
    ("wing", "never"),
    [
        ("midi", {"tensorflow"}),
        ("conversion", {"tensorflow"}),
        ("sound", {"tensorflow"}),
        ("playing", {"tensorflow"}),
        ("studio", {"tensorflow"}),
    ],
)
def test_wings_that_do_without_tensorflow(wing: str, never: set[str]) -> None:
    for module in modules():
        if wing_of(module) == wing:
            tree = ast.parse(path_of(module).read_text(encoding="utf-8"))
            names = {
                name.split(".")[0]
                for node in ast.walk(tree)
                for name in (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
            }
            assert not names & never, module
