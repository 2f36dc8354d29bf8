"""The one-command entries: the dataset's download, and the shell scripts where something lacks."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_models import make_rnn
from window_records import random_played, random_windows, write_performances, write_shards

from groovefast import CONFIGS, GrooVAE, load_model
from groovefast.config import HParams
from groovefast.errors import GrooveFastError
from groovefast.model.checkpoints import save_model
from groovefast.model.models import included_models

SCRIPTS = Path(__file__).parent.parent / "scripts"


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name while it is being loaded.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


download_groove = _load(SCRIPTS / "download_groove.py")


def test_the_tests_that_scripts_name_exist():
    root = SCRIPTS.parent
    named = [
        name
        for script in SCRIPTS.glob("*.sh")
        for name in re.findall(r"tests/[\w/]+\.py", script.read_text(encoding="utf-8"))
    ]
    assert named
    assert [name for name in named if not (root / name).exists()] == []


@pytest.mark.parametrize("config", ["groovae_4bar", "groovae_2bar_humanize"])
def test_a_model_is_shipped_with_what_is_fitted_and_a_card(config, tmp_path, monkeypatch):
    ship_model = _load(SCRIPTS / "ship_model.py")
    tiny = CONFIGS[config].with_hparams("z_size=4,enc_rnn_size=[4],dec_rnn_size=[4]")
    runs = [save_model(GrooVAE(tiny, seed=seed), tmp_path / str(seed), 7) for seed in (1, 2)]
    records = tmp_path / "records"
    for number, split in enumerate(("train", "validation", "test")):
        write_shards(records, random_windows(24, 64, seed=number), name=split)
    words = ["ship_model.py", "--to", str(tmp_path / "to"), str(records), *map(str, runs)]
    monkeypatch.setattr(sys, "argv", words)
    ship_model.main()
    folder = tmp_path / "to" / config
    assert (folder / "weights.npz").stat().st_size < 20_000
    model, first, second = (load_model(path) for path in (folder, *runs))
    for name, variable in model.weights.items():
        mean = (first.weights[name] + second.weights[name]) / 2
        assert np.allclose(variable, mean, atol=2e-3), name
    assert model.prior is not None
    assert model.touch is not None
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"# {config}\n" in card
    assert "| **this model** |" in card
    assert ("| samples |" in card) == (config == "groovae_4bar")


def test_a_model_without_z_is_shipped_with_a_card_of_its_own(tmp_path, monkeypatch):
    ship_model = _load(SCRIPTS / "ship_model.py")
    run = save_model(make_rnn(), tmp_path / "run", 7)
    records = tmp_path / "records"
    for number, split in enumerate(("train", "validation", "test")):
        write_performances(records, [random_played(16, seed=number)], name=split)
    words = ["ship_model.py", "--to", str(tmp_path / "to"), str(records), str(run)]
    monkeypatch.setattr(sys, "argv", words)
    ship_model.main()
    folder = tmp_path / "to" / "groove_rnn"
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md",
        "config.json",
        "weights.npz",
    ]
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.count("| **this model** |") == 2
    assert "| n-gram of the two steps before |" in card


def test_a_mean_of_two_configs_is_of_the_first(tmp_path):
    ship_model = _load(SCRIPTS / "ship_model.py")
    names = "groovae_2bar_tap_fixed_velocity_note_dropout", "groovae_2bar_tap_fixed_velocity"
    sizes = "z_size=4,enc_rnn_size=[4],dec_rnn_size=[4]"
    folders = [
        save_model(GrooVAE(CONFIGS[name].with_hparams(sizes)), tmp_path / name, 7) for name in names
    ]
    assert ship_model.mean_model([str(folder) for folder in folders]).config.name == names[0]


@pytest.mark.parametrize("name", ["groovae_16bar", "groovae_16bar_flat"])
def test_a_long_model_begins_with_what_is_known_of_bars(tmp_path, monkeypatch, name):
    sizes = "enc_rnn_size=[4],dec_rnn_size=[6,5]"
    learned = GrooVAE(CONFIGS["groovae_4bar"].with_hparams(f"z_size=5,{sizes}"), seed=1)
    folder = save_model(learned, tmp_path / "learned", 7)
    words = ["begin_long_model.py", str(folder), name, str(tmp_path / "begun")]
    monkeypatch.setattr(sys, "argv", [*words, "--hparams", f"z_size=9,{sizes}"])
    _load(SCRIPTS / "begin_long_model.py").main()
    begun = load_model(tmp_path / "begun", config=name).weights
    known = {key: np.asarray(value) for key, value in learned.weights.items()}
    way, cell = "bidirectional_rnn/bw/multi_rnn_cell/cell_0", "multi_rnn_cell/cell_0/lstm_cell"
    reader = f"encoder/hierarchical_level_0/cell_0/{way}/lstm_cell/kernel"
    np.testing.assert_array_equal(begun[reader], known[f"encoder/cell_0/{way}/lstm_cell/kernel"])
    writer = "decoder" if "flat" in name else "core_decoder/decoder"
    rows = begun[f"{writer}/{cell}/kernel"]
    np.testing.assert_array_equal(rows[:27], known[f"decoder/{cell}/kernel"][:27])
    np.testing.assert_array_equal(rows[-6:], known[f"decoder/{cell}/kernel"][-6:])
    for part in ("output_projection/kernel", "multi_rnn_cell/cell_1/lstm_cell/bias"):
        np.testing.assert_array_equal(begun[f"{writer}/{part}"], known[f"decoder/{part}"])
    monkeypatch.setattr(sys, "argv", [*words, "--hparams", "enc_rnn_size=[7]"])
    with pytest.raises(GrooveFastError, match=f"{name}: layers of the sizes of groovae_4bar"):
        _load(SCRIPTS / "begin_long_model.py").main()


def test_the_chain_knows_all_configs():
    chain = (SCRIPTS / "train_models.sh").read_text(encoding="utf-8")
    trained = set(re.findall(r"^train_(groov\w+)\(\)", chain, re.M))
    assert trained == {*included_models(), "groovae_16bar_flat"}
    settings = re.findall(r"\b([a-z_]+)=[\d.]+", chain)
    known = {field.name for field in dataclasses.fields(HParams)}
    assert {name for name in settings if name not in known} == {"eval_every"}  # the script's own


@pytest.fixture
def payload():
    """A zip of the dataset's shape."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("groove/info.csv", "drummer,split\n")
        archive.writestr("groove/drummer1/1.mid", os.urandom(50_000))
    return memory.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.ranges.append(self.headers["Range"])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        start = int(asked[1]) if asked and self.server.knows_ranges else 0
        self.send_response(206 if start else 200)
        self.end_headers()
        self.wfile.write(self.server.payload[start : self.server.breaks_at])
        self.server.breaks_at = None

    def log_message(self, *_):
        """Keeps the test's output clean."""


@pytest.fixture
def server(payload):
    """Serves the zip on loopback; `breaks_at` cuts the next answer short."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.payload, server.ranges = payload, []
    server.knows_ranges, server.breaks_at = True, None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def archive(server, payload):
    return download_groove.Archive(
        url=f"http://127.0.0.1:{server.server_port}/groove.zip",
        size=len(payload),
        sha256=hashlib.sha256(payload).hexdigest(),
        folder="groove",
    )


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_download_unpacks_and_leaves_nothing_else(archive, tmp_path):
    assert download_groove.main([str(tmp_path / "data")], archive) == 0
    assert _names(tmp_path / "data") == ["groove"]
    assert _names(tmp_path / "data" / "groove") == ["drummer1", "info.csv"]


def test_download_is_not_repeated(archive, tmp_path, server, capsys):
    for _ in range(2):
        assert download_groove.main([str(tmp_path)], archive) == 0
    assert len(server.ranges) == 1
    assert "already there" in capsys.readouterr().out


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_broken_download_goes_on(archive, tmp_path, server, capsys, knows_ranges):
    server.knows_ranges, server.breaks_at = knows_ranges, 10_000
    assert download_groove.main([str(tmp_path)], archive) == 2
    assert "ended early. Run this again" in capsys.readouterr().err
    assert _names(tmp_path) == ["groove.zip.part"]
    assert download_groove.main([str(tmp_path)], archive) == 0
    assert server.ranges == [None, "bytes=10000-"]
    assert _names(tmp_path) == ["groove"]


def test_wrong_content_is_refused_and_removed(archive, tmp_path, capsys):
    other = dataclasses.replace(archive, sha256="0" * 64)
    assert download_groove.main([str(tmp_path)], other) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "SHA-256" in message
    assert _names(tmp_path) == []


def test_no_network_says_what_to_do(archive, tmp_path, capsys):
    nowhere = dataclasses.replace(archive, url="http://127.0.0.1:9/groove.zip")
    assert download_groove.main([str(tmp_path)], nowhere) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "--archive" in message
    assert nowhere.url in message


def test_archive_from_elsewhere(archive, tmp_path, payload, server, capsys):
    path = tmp_path / "fetched.zip"
    path.write_bytes(payload)
    assert download_groove.main(["--archive", str(path), str(tmp_path / "data")], archive) == 0
    assert (tmp_path / "data" / "groove" / "info.csv").exists()
    assert server.ranges == []
    path.write_bytes(payload[:-1])
    assert download_groove.main(["--archive", str(path), str(tmp_path / "more")], archive) == 2
    assert f"{path}: {len(payload) - 1:,} bytes" in capsys.readouterr().err
    assert path.exists()


def test_the_dataset_is_the_published_one():
    assert download_groove.GROOVE.url.startswith("https://storage.googleapis.com/magentadata/")
    assert download_groove.GROOVE.size == 3_260_318


TOOLS = (
    "basename",
    "bash",
    "cksum",
    "cp",
    "dirname",
    "env",
    "find",
    "mkdir",
    "rm",
    "sort",
    "xargs",
)


@pytest.fixture
def bare_machine(tmp_path):
    """Runs a script of a copy of the project where only the TOOLS and what is given exist."""
    root, tools = tmp_path / "project", tmp_path / "bin"
    shutil.copytree(SCRIPTS, root / "scripts")
    for folder in ("csrc", "groovefast"):
        (root / folder).mkdir()
    for name in ("pyproject.toml", "CMakeLists.txt"):
        (root / name).touch()
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))

    def run(script, **programs):
        for name, body in programs.items():
            (tools / name).write_text(f"#!/bin/sh\n{body}\n")
            (tools / name).chmod(0o755)
        return subprocess.run(
            [root / "scripts" / script],
            env={"PATH": str(tools)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


PYTHON = f'exec {sys.executable} "$@"'
NO_HEADERS = f'[ "$1" = - ] && exit 1; exec {sys.executable} "$@"'


@pytest.mark.skipif(os.name != "posix", reason="shell scripts")
@pytest.mark.parametrize("script", ["test.sh", "demo.sh"])
@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({}, "needs Python 3.10 to 3.13; install it (Debian, Ubuntu: apt-get install python3 "),
        ({"python3": "exit 1"}, "needs Python 3.10 to 3.13; install it"),
        ({"python3": NO_HEADERS}, "python3 lacks its venv module or its C headers; install them"),
        ({"python3": PYTHON}, "needs a C++ compiler; install one (Debian, Ubuntu: apt-get"),
    ],
)
def test_what_is_missing_is_named(bare_machine, script, programs, message):
    done = bare_machine(script, **programs)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{script}: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="shell scripts")
def test_installing_happens_once(bare_machine, tmp_path):
    """A stand-in for Python records what it is asked, and makes a .venv of itself."""
    asked = tmp_path / "asked"
    venv = tmp_path / "project" / ".venv"
    python = (
        f'echo "$*" >>{asked}\n'
        f'if [ "$2" = venv ]; then mkdir -p {venv}/bin; '
        f"cp $0 {venv}/bin/python; cp $0 {venv}/bin/groovefast-convert; fi"
    )
    for _ in range(2):
        assert bare_machine("test.sh", python3=python, **{"c++": ""}).returncode == 0
    words = asked.read_text().splitlines()
    assert [line for line in words if "pip install" in line] == [
        "-m pip install --quiet --disable-pip-version-check "
        f"--editable {tmp_path / 'project'}[test]"
    ]
    assert sum(line.startswith("-m pytest ") for line in words) == 2
    (tmp_path / "project" / "csrc" / "smf.cpp").write_text("int changed;")
    assert bare_machine("test.sh", python3=python, **{"c++": ""}).returncode == 0
    assert sum("pip install" in line for line in asked.read_text().splitlines()) == 2


def test_the_table_of_accuracies_is_the_papers(tmp_path, capsys):
    accuracy_table = _load(SCRIPTS / "accuracy_table.py")

    def written(name, **accuracy):
        config = CONFIGS[name].to_dict()
        measures = ("teacher_forcing", "sampling", "commonest")
        parts = {
            part: dict(zip(measures, shares, strict=True)) for part, shares in accuracy.items()
        }
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"config": config, "windows": 1000, "accuracy": parts}))
        return str(path)

    accuracy_table.main(
        [
            written("cat-mel_2bar_small", melody=(0.9, 0.8, 0.7)),
            written("flat-trio_16bar", melody=(0.5, 0.4, 0.3), bass=(0.25, 0.2, 0.1)),
            written("hierdec-trio_16bar", melody=(0.75, 0.6, 0.3), bass=(0.5, 0.3, 0.1)),
        ]
    )
    _, rule, *lines = capsys.readouterr().out.splitlines()
    assert rule == "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines == [
        "| 2-bar melody | 1,000 | 0.700 | 0.900 | – | 0.800 | – |",
        "| trio melody | 1,000 | 0.300 | 0.500 | 0.750 | 0.400 | 0.600 |",
        "| trio bass | 1,000 | 0.100 | 0.250 | 0.500 | 0.200 | 0.300 |",
    ]
