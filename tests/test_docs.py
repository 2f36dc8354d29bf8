"""What docs/how-it-works.md shows exists: files, functions, figures; and its examples run."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from groovefast.cli import train
from groovefast.config import CONFIGS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGE = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
IN_CODE = re.findall(r"\[`([\w.:]+)`\]\((\.\./[\w./-]+)\)", PROSE)


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("figures", DOCS / "figures.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name while it is being loaded.
    sys.modules["figures"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["figures"]


def _names(tree, prefix=""):
    """All that is defined in a module, methods as Class.method."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _names(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize(("name", "path"), sorted(set(IN_CODE)))
def test_names_are_defined_where_links_lead(name, path):
    text = (DOCS / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        assert name in set(_names(ast.parse(text)))
    else:
        assert re.search(rf"\b{name}\(", text)


def test_every_formula_stands_beside_code():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    with_formulas = [each for each in sections if "$$" in each or "```math" in each]
    assert len(with_formulas) > 8
    assert [each.splitlines()[0] for each in with_formulas if "](../" not in each] == []


def test_links_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://)([^)]+)\)", PROSE)
    headings = re.findall(r"^#+ (.+)$", PROSE, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
    assert {each for each in targets if each.startswith("#")} <= anchors
    files = [each for each in targets if not each.startswith("#")]
    assert [each for each in files if not (DOCS / each).exists()] == []


def test_every_figure_is_shown_with_the_command_that_draws_it(figures):
    shown = re.findall(r"^!\[[^\]]+\]\((\S+)\)\n\n\*((?:.+\n)+)", PAGE, re.MULTILINE)
    assert [image for image, _ in shown] == [f"images/how-{name}.png" for name in figures.FIGURES]
    commands = [re.findall(r"`python docs/figures\.py (\S+)`", below) for _, below in shown]
    assert commands == [[name] for name in figures.FIGURES]


def test_readme_leads_to_the_page():
    assert "](docs/how-it-works.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_examples_run(capsys):
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert snippets
    for snippet in snippets:
        exec(snippet, {})
    assert "-0.79" in capsys.readouterr().out


def test_small_models_are_trained_as_the_page_says(figures):
    (block,) = (each for each in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "train" in each)
    shown = shlex.split(block.replace("\\\n", ""))
    assert shown == figures.command("free-bits", Path("runs/how-it-works"))
    (trains,) = (each for each in vars(train).values() if isinstance(each, click.Command))
    known = {option for param in trains.params for option in param.opts}
    for name, run in figures.RUNS.items():
        table = rf"^\| `{name}` \| `{run.config}` \| {run.steps:,} \| .*{re.escape(run.differs)}`?"
        assert name == "free-bits" or re.search(table, PAGE, re.MULTILINE)
        words = figures.command(name, Path("runs"))
        assert {word for word in words if word.startswith("--")} <= known
        assert CONFIGS[run.config].with_hparams(words[words.index("--hparams") + 1])


# --- The figures themselves -------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up(figures, made_up_dir, tmp_path_factory):
    """Few made-up windows, and the record of a run that was never made."""
    sources = figures.Sources(made_up_dir, tmp_path_factory.mktemp("runs"), most=8)
    run = sources.runs / "free-bits"
    run.mkdir()
    (run / "training.png").touch()
    names = ("loss", "losses/r_loss", "losses/kl_bits")
    names += tuple(f"metrics/{part}_loss" for part in ("hits", "velocities", "offsets"))
    lines = [
        {"step": step, "split": split, **dict.fromkeys(names, 100.0 / step)}
        for step in (1, 2)
        for split in ("train", "eval")
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return sources


@pytest.mark.parametrize(
    ("name", "panels"),
    [("losses", 3), ("temperature", 6), ("posterior", 4), ("attributes", 8), ("next-step", 2)],
)
def test_figures_are_drawn(figures, made_up, name, panels):
    drawn = figures.FIGURES[name](made_up)
    assert len(drawn.axes) == panels
    assert all(ax.has_data() and ax.get_title("left") for ax in drawn.axes)


@pytest.mark.parametrize(("name", "panels"), [("grid", 1), ("interpolation", 6)])
def test_figures_of_named_performances_are_drawn(figures, groove_dir, tmp_path, name, panels):
    drawn = figures.FIGURES[name](figures.Sources(groove_dir, tmp_path))
    assert len(drawn.axes) == panels
    assert all(ax.has_data() for ax in drawn.axes)


def test_the_command_writes_what_is_named(figures, tmp_path):
    result = CliRunner().invoke(figures.main, ["gradient", "--output-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "batch ± 0.25" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["how-gradient.png"]
