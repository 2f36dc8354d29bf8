"""`groovefast-sample` as a user runs it, on small untrained models."""

from __future__ import annotations

import re

import numpy as np
import pytest

from groovefast import CONFIGS, Groove, GrooveConverter, read_midi
from groovefast.cli import console
from groovefast.cli.sample import MODES, command

SMALL = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"


def _save_model(config, folder):
    from groovefast import GrooVAE
    from groovefast.checkpoints import save_model

    return save_model(GrooVAE(CONFIGS[config].with_hparams(SMALL)), folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return _save_model("groovae_2bar_humanize", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def control_model(tmp_path_factory):
    return _save_model("groovae_2bar_hits_control", tmp_path_factory.mktemp("control"))


def _write_beat(path, bars, qpm, seed=0):
    """A groove of kick, snare and hi-hat with human timing."""
    rng = np.random.default_rng(seed)
    steps = np.arange(0, 16 * bars, 2)
    drums = np.where(steps % 8 == 0, 0, np.where(steps % 8 == 4, 1, 2))
    velocities = rng.integers(40, 127, len(steps))
    Groove.from_hits(steps, drums, velocities, rng.uniform(-0.3, 0.3, len(steps)), qpm).save(path)
    return path


@pytest.fixture(scope="module")
def beats(tmp_path_factory):
    """Two performances: five bars at 90 and two at 120 quarters a minute."""
    folder = tmp_path_factory.mktemp("beats")
    return _write_beat(folder / "a.mid", 5, 90, 1), _write_beat(folder / "b.mid", 2, 120, 2)


@pytest.fixture
def run(capsys):
    """Runs the command; gives exit status, stdout and stderr."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            console.run(command, [str(word) for word in words])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


@pytest.fixture
def play(run, tmp_path):
    """Runs it successfully into a folder; gives the files by name."""

    def play(*words, into="out"):
        status, _, err = run(*words, "--output-dir", tmp_path / into)
        assert (status, err) == (0, "")
        return {path.name: path.read_bytes() for path in sorted((tmp_path / into).iterdir())}

    return play


def _qpm(midi):
    return read_midi(midi).tempos["qpm"][0]


def test_sample_writes_playable_grooves(play, model):
    files = play("--model", model, "--num", 3, "--seed", 5, "--temperature", 1)
    assert list(files) == ["sample-001.mid", "sample-002.mid", "sample-003.mid"]
    for midi in files.values():
        notes = read_midi(midi).notes
        assert len(notes) > 0
        assert notes["time"].max() < 2 * 4 * 0.5
        assert _qpm(midi) == 120
    assert len(set(files.values())) == 3


def test_number_and_tempo_have_defaults(play, model):
    files = play("--model", model, "--seed", 5, "--qpm", 97)
    assert len(files) == 8
    assert _qpm(files["sample-001.mid"]) == pytest.approx(97, rel=1e-5)


def test_names_sort_beyond_a_thousand(play, model):
    files = play("--model", model, "--num", 1001, "--seed", 0)
    first, *_, last = files
    assert (first, last) == ("sample-0001.mid", "sample-1001.mid")


@pytest.mark.parametrize("mode", MODES)
def test_same_seed_same_files(play, model, beats, mode):
    inputs = [word for beat in beats[: MODES[mode].num_inputs] for word in ("--input", beat)]
    words = ("--model", model, "--mode", mode, *inputs, "--temperature", 1, "--plot", "--num", 2)
    first = play(*words, "--seed", 7, into="first")
    assert first == play(*words, "--seed", 7, into="again")
    other = play(*words, "--seed", 8, into="other")
    assert first.keys() == other.keys()
    assert first != other


def test_seed_is_printed_and_repeats(run, play, model, tmp_path):
    status, out, _ = run("--model", model, "--output-dir", tmp_path / "first")
    seed = re.search(r"seed (\d+)", out)[1]
    assert status == 0
    assert play("--model", model, "--seed", seed, into="first") == play(
        "--model", model, "--seed", seed, into="again"
    )


def test_plot_adds_a_picture_of_each(play, model):
    files = play("--model", model, "--num", 2, "--seed", 1, "--plot")
    assert list(files) == ["sample-001.mid", "sample-001.png", "sample-002.mid", "sample-002.png"]
    assert files["sample-001.png"].startswith(b"\x89PNG")


def test_reconstruct_takes_each_window_in_turn(play, model, beats):
    words = ("--model", model, "--mode", "reconstruct", "--input", beats[0], "--seed", 0)
    files = play(*words, into="all")
    assert list(files) == ["reconstruct-001.mid", "reconstruct-002.mid"]
    assert _qpm(files["reconstruct-001.mid"]) == pytest.approx(90, rel=1e-5)
    assert list(play(*words, "--num", 1, into="one")) == ["reconstruct-001.mid"]


def test_reconstruct_is_decode_of_mu(play, model, beats):
    from groovefast import load_model

    files = play("--model", model, "--mode", "reconstruct", "--input", beats[1], "--seed", 0)
    converter = GrooveConverter.from_config("groovae_2bar_humanize", pitch_classes="reduced")
    loaded = load_model(model)
    mu, _ = loaded.encode(converter.to_tensors(beats[1]).inputs)
    (groove,) = converter.from_tensors(loaded.decode(mu, temperature=0, seed=0), qpm=120)
    assert files["reconstruct-001.mid"] == groove.to_bytes()


def test_interpolation_begins_and_ends_at_the_inputs(play, model, beats):
    inputs = ("--input", beats[0], "--input", beats[1])
    words = ("--model", model, "--seed", 0)
    files = play(*words, "--mode", "interpolate", *inputs, "--num", 5, into="between")
    assert list(files) == [f"interpolate-00{number}.mid" for number in range(1, 6)]
    for name, beat in (("interpolate-001.mid", beats[0]), ("interpolate-005.mid", beats[1])):
        ends = play(*words, "--mode", "reconstruct", "--input", beat, into=beat.name)
        assert files[name] == ends["reconstruct-001.mid"]
    tempos = [_qpm(midi) for midi in files.values()]
    assert tempos == pytest.approx([90, 97.5, 105, 112.5, 120], rel=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_hits_control_plays_the_hits_of_the_input(play, control_model, beats, mode):
    inputs = beats[: max(MODES[mode].num_inputs, 1)]
    words = [word for beat in inputs for word in ("--input", beat)]
    files = play("--model", control_model, "--mode", mode, *words, "--seed", 3, "--num", 2)
    assert f"{mode}-001.mid" in files
    assert _qpm(files[f"{mode}-001.mid"]) == pytest.approx(90, rel=1e-5)


def test_dropout_of_training_spares_the_input(play, tmp_path, beats):
    folder = _save_model("groovae_2bar_tap_fixed_velocity_note_dropout", tmp_path / "model")
    words = ("--model", folder, "--mode", "reconstruct", "--input", beats[0], "--seed", 0)
    assert play(*words, into="first") == play(*words, into="again")


def test_a_checkpoint_of_magenta_plays(play, golden_dir):
    checkpoint = golden_dir / "magenta_checkpoints" / "groovae_4bar_small" / "model.ckpt-0"
    assert len(play("--model", checkpoint, "--num", 2, "--seed", 0, into="named")) == 2
    words = ("--model", checkpoint, "--config", "groovae_2bar_humanize", "--num", 2, "--seed", 0)
    assert len(play(*words, into="told")) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--model {tmp}/none", "--model {tmp}/none: no such model; groovefast-train leaves one"),
        ("--model {tmp}", "{tmp}: no model and no checkpoint in it"),
        ("--model {model} --num 0", "--num: 0 is not in the range"),
        ("--model {model} --temperature -1", "--temperature: -1.0 is not in the range"),
        ("--model {model} --qpm 0", "--qpm: 0.0 is not in the range"),
        ("--model {model} --seed x", "--seed: 'x' is not a valid integer"),
        ("--model {model} --mode smaple", "--mode: no such choice 'smaple'; did you mean sample?"),
        ("--model {model} --mode reconstruct", "--input: 0 given, but --mode reconstruct works on"),
        (
            "--model {model} --mode interpolate --input {a}",
            "--input: 1 given, but --mode interpolate works on 2",
        ),
        (
            "--model {model} --mode interpolate --input {a} --input {a} --num 1",
            "--num: 1 is too few; --mode interpolate makes at least 2",
        ),
        ("--model {model} --input {a}", "--input: this model makes up its own hits; leave it out"),
        ("--model {control}", "--input: this model plays given hits; name a MIDI file"),
        (
            "--model {model} --mode reconstruct --input {tmp}/no.mid",
            "{tmp}/no.mid: no such file or directory; check the spelling",
        ),
        ("--model {model} --mode reconstruct --input {text}", "{text}: "),
        (
            "--model {model} --mode reconstruct --input {short}",
            "--input {short}: has no 2 whole bars of drums in 4/4",
        ),
        ("--model {model} --output-dir {text}", "{text}: file exists; choose another place"),
        ("--model {model} --output-dir {text}/out", "{text}/out: not a directory"),
    ],
)
def test_mistakes_are_one_line(run, model, control_model, beats, tmp_path, words, message):
    text, short = tmp_path / "text.mid", tmp_path / "short.mid"
    text.write_text("not MIDI")
    _write_beat(short, 1, 100)
    places = {
        "tmp": tmp_path,
        "model": model,
        "control": control_model,
        "a": beats[0],
        "text": text,
        "short": short,
    }
    words = words.format(**places).split()
    if "--output-dir" not in words:
        words += ["--output-dir", tmp_path / "out"]
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.startswith(f"groovefast-sample: {message.format(**places)}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words", ["--help", "--model none --output-dir out", "--mode what", "--num 0"]
)
def test_tensorflow_waits_until_the_options_are_right(run_python, words):
    loaded = run_python(
        "import contextlib, io, sys\n"
        "from groovefast.cli.sample import main\n"
        f"sys.argv[1:] = {words.split()}\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main()\n"
        "print({'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    assert loaded == "set()"
