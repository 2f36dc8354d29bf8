"""`groovefast-sample` as a user runs it, on small untrained models."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
from fitted import TOUCH, make_prior

from groovefast import CONFIGS, GrooVAE, Groove, GrooveConverter, read_midi
from groovefast.cli import console
from groovefast.cli.sample import command
from groovefast.midi.tracks import MidiTracks
from groovefast.model import checkpoints
from groovefast.model.checkpoints import load_model, save_model
from groovefast.model.fitted import fingerprint
from groovefast.model.models import included_models
from groovefast.playing import MODES

SMALL = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"


def _save_model(config, folder):
    from groovefast import GrooVAE
    from groovefast.model.checkpoints import save_model

    sizes = SMALL if CONFIGS[config].hparams.z_size else SMALL.replace("z_size=8", "z_size=0")
    return save_model(GrooVAE(CONFIGS[config].with_hparams(sizes)), folder)


@pytest.fixture(scope="module", autouse=True)
def models_load_once():
    """Loading a model and tracing its graphs takes longer than all the command does with it."""
    loaded = {}

    def load_once(source, *args, **options):
        files = sorted(Path(source).glob("*"))
        times = ((file, file.stat().st_mtime_ns) for file in files)
        key = source, *args, *options.items(), *times
        if key not in loaded:
            loaded[key] = load_model(source, *args, **options)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "load_model", load_once)
        yield


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
        assert status == 0
        assert [line for line in err.splitlines() if "closed hi-hat" not in line] == []
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


def test_same_seed_same_files(play, model):
    words = ("--model", model, "--temperature", 1, "--plot", "--render", "wav", "--num", 2)
    first = play(*words, "--seed", 7, into="first")
    assert first == play(*words, "--seed", 7, into="again")
    other = play(*words, "--seed", 8, into="other")
    assert first.keys() == other.keys()
    assert first != other


def test_seed_is_printed_and_repeats(run, play, model, tmp_path):
    status, out, _ = run("--model", model, "--output-dir", tmp_path / "first")
    seed = re.search(r"seed (\d+)", out)[1]
    assert status == 0
    again = play("--model", model, "--seed", seed, into="again")
    first = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert again == first
    assert f"seed {seed},".encode() in again["sample-001.mid"]


def test_new_grooves_go_on_with_the_numbers(play, model):
    words = ("--model", model, "--num", 2)
    first = play(*words, "--seed", 1)
    both = play(*words, "--seed", 2)
    assert list(both) == [f"sample-00{number}.mid" for number in (1, 2, 3, 4)]
    assert {name: both[name] for name in first} == first
    assert list(play(*words, "--seed", 3, "--plot"))[-2:] == ["sample-006.mid", "sample-006.png"]
    over = play(*words, "--seed", 2, "--overwrite")
    assert [over[f"sample-00{number}.mid"] for number in (1, 2)] == [
        both[f"sample-00{number}.mid"] for number in (3, 4)
    ]
    assert len(over) == 8


def test_plot_adds_a_picture_of_each(play, model):
    files = play("--model", model, "--num", 2, "--seed", 1, "--plot")
    assert list(files) == ["sample-001.mid", "sample-001.png", "sample-002.mid", "sample-002.png"]
    assert files["sample-001.png"].startswith(b"\x89PNG")


def test_hits_control_plays_the_hits_of_the_input(play, control_model, beats, tmp_path):
    short = _write_beat(tmp_path / "short.mid", 1, 100)
    for source, qpm in ((beats[0], 90), (short, 100)):
        words = ("--model", control_model, "--input", source, "--seed", 3, "--num", 2, "--plot")
        files = play(*words, into=source.stem)
        numbers = ("001", "002")
        assert list(files) == [f"sample-{n}.{kind}" for n in numbers for kind in ("mid", "png")]
        first, second = (files[f"sample-{number}.mid"] for number in numbers)
        assert first != second
        for midi in (first, second):
            assert _qpm(midi) == pytest.approx(qpm, rel=1e-5)
            assert _hits(midi) == _hits(source)


def _hits(source):
    """Step and drum of every hit."""
    converter = GrooveConverter(split_bars=None, pitch_classes="reduced")
    return np.argwhere(converter.to_tensors(source).outputs[0, :, :9]).tolist()


# --- Modes that rework a performance --------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model for each mode."""
    folder, configs = tmp_path_factory.mktemp("models"), {mode.model for mode in MODES.values()}
    saved = {config: _save_model(config, folder / config) for config in configs}
    return {name: saved[mode.model] for name, mode in MODES.items()}


REWORKING = sorted(set(MODES) - {"sample"})


def _words(mode, models, beats):
    words = ["--model", models[mode], "--mode", mode, "--input", beats[0], "--seed", 4]
    more = {"interpolate": ["--input", beats[1]], "groove-transfer": ["--groove", beats[1]]}
    return words + more.get(mode, [])


@pytest.mark.parametrize("mode", REWORKING)
def test_a_performance_comes_back_as_one_file(play, models, beats, mode):
    files = play(*_words(mode, models, beats), "--plot", "--render", "wav")
    num = MODES[mode].options.get("num", 0)
    names = [f"a-{mode}-00{number}" for number in range(1, 1 + num)] or [f"a-{mode}"]
    endings = (".mid", ".png", ".wav")
    assert list(files) == [name + ending for name in names for ending in endings]
    for name in names:
        assert _qpm(files[f"{name}.mid"]) == pytest.approx(90, rel=1e-5)
        assert files[f"{name}.png"].startswith(b"\x89PNG")
        assert files[f"{name}.wav"].startswith(b"RIFF")


@pytest.mark.parametrize("mode", REWORKING)
def test_a_mode_is_the_function_of_its_name(play, models, beats, mode):
    from groovefast import load_model
    from groovefast.playing import modes

    arguments = {
        "interpolate": (beats[0], beats[1], 5),
        "groove-transfer": (beats[0], beats[1]),
    }.get(mode, (beats[0],))
    names = {
        "add-hihat": "add_hihat",
        "groove-transfer": "groove_transfer",
        "continue": "continue_groove",
    }
    function = getattr(modes, names.get(mode, mode))
    expected = function(*arguments, model=load_model(models[mode]), seed=4)
    expected = expected if isinstance(expected, list) else [expected]
    played = play(*_words(mode, models, beats)).values()
    assert [_without_text(midi) for midi in played] == [each.midi for each in expected]


def test_one_place_of_an_interpolation(play, run, models, beats, tmp_path):
    words = _words("interpolate", models, beats)
    path = list(play(*words, "--num", 3).values())
    (between,) = play(*words, "--at", 0.5, into="between").items()
    assert between == ("a-interpolate-001.mid", path[1])
    status, out, err = run(*words, "--at", 0.5, "--num", 3, "--output-dir", tmp_path / "both")
    assert (status, out) == (2, "")
    assert err == "groovefast-sample: --num: of no use with --at, which asks for one only\n"


def _without_text(midi):
    """A file without the text that says how it was made."""
    tracks = MidiTracks.parse(midi)
    first = tuple(event for event in tracks.tracks[0] if not event[1].startswith(b"\xff\x01"))
    return dataclasses.replace(tracks, tracks=(first, *tracks.tracks[1:])).to_bytes()


def test_the_output_folder_is_listed_once(run, models, beats, tmp_path, monkeypatch):
    """It may hold many files: as many results, each with a listing, would take for ever."""
    for number in range(5):
        shutil.copy(beats[1], tmp_path / f"beat{number}.mid")
    listed, list_folder = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: listed.append(self) or list_folder(self))
    out = tmp_path / "out"
    words = ("--model", models["vary"], "--mode", "vary", "--num", 2, "--plot")
    status, *_ = run(*words, "--input", tmp_path, "--output-dir", out)
    assert status == 0
    assert listed.count(out) == 1


def test_results_are_not_overwritten_unasked(run, play, models, beats, tmp_path):
    words = _words("humanize", models, beats)
    first = play(*words, "--plot")
    for more, name in (((), "mid"), (("--plot",), "mid"), (("--render", "wav"), "mid")):
        status, out, err = run(*words, *more, "--output-dir", tmp_path / "out")
        assert (status, out) == (2, "")
        place = tmp_path / "out" / f"a-humanize.{name}"
        assert err.startswith(f"groovefast-sample: {place}")
        assert "--overwrite replaces what is there" in err
    (tmp_path / "out" / "a-humanize.mid").write_bytes(b"mine")
    assert play(*words, "--plot", "--overwrite") == first
    (tmp_path / "out" / "a-humanize.mid").unlink()
    assert run(*words, "--plot", "--output-dir", tmp_path / "out")[0] == 2, "the picture is there"
    (tmp_path / "out" / "a-humanize.png").rename(tmp_path / "out" / "a-humanize-p3.png")
    assert run(*words, "--plot", "--output-dir", tmp_path / "out")[0] == 2, "a page of it is there"
    assert play(*words, "--plot", "--overwrite") == first, "old pages go"


def test_a_file_given_twice_is_played_once(run, models, beats, tmp_path):
    words = ("--mode", "humanize", "--model", models["humanize"], "--seed", 1)
    inputs = ("--input", beats[0], "--input", beats[0].parent, "--input", beats[0])
    status, out, err = run(*words, *inputs, "--output-dir", tmp_path / "out")
    assert (status, err) == (0, "")
    assert out.startswith("2 MIDI files in ")


def test_the_seed_is_noted_where_it_matters(play, models, beats):
    words = _words("humanize", models, beats)
    assert b"seed" not in play(*words, into="cold")["a-humanize.mid"]
    warm = play(*words, "--temperature", 1, into="warm")["a-humanize.mid"]
    assert b"groovefast humanize, model groovae_2bar_humanize, seed 4, temperature 1" in warm
    varied = play(*_words("vary", models, beats), "--num", 2, into="varied")
    assert b"seed 4, temperature 0, spread 0.5, number 2 of 2" in varied["a-vary-002.mid"]


@pytest.mark.parametrize("out", ["in/out", "in", "in/sub/../out"])
def test_what_was_made_before_is_no_input(run, models, beats, tmp_path, out):
    folder = tmp_path / "in"
    for name in ("a.mid", "sub/b.mid", ".hidden/c.mid", "__MACOSX/d.mid", "._e.mid", "x-vary.mid"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(beats[0].read_bytes())
    words = ["--model", models["humanize"], "--mode", "humanize", "--seed", 1]
    for more in ((), ("--overwrite",), ("--overwrite",)):
        status, stdout, _ = run(*words, *more, "--input", folder, "--output-dir", tmp_path / out)
        assert status == 0
        assert stdout.startswith("3 MIDI files in ")
    made = {path.name for path in folder.rglob("*humanize*.mid")}
    assert made == {"a-humanize.mid", "b-humanize.mid", "x-vary-humanize.mid"}


@pytest.mark.parametrize("mode", MODES)
def test_without_a_model_it_takes_that_of_the_package(run, play, beats, mode):
    words = ["--mode", mode, "--seed", 1]
    words += {0: (), 1: ("--input", beats[0]), 2: ("--input", beats[0], "--input", beats[1])}[
        MODES[mode].inputs[0]
    ]
    words += ("--groove", beats[1]) if mode == "groove-transfer" else ()
    name = MODES[mode].model
    if name in included_models():
        assert play(*words, into="own") == play(*words, "--model", name, into="named")
        return
    status, _, err = run(*words, "--output-dir", "none")
    assert status == 2
    assert err.startswith(f"groovefast-sample: --model is missing: {name}, which --mode {mode}")


def test_amount_and_temperature_are_heeded(play, models, beats):
    words = _words("humanize", models, beats)
    name = "a-humanize.mid"
    assert play(*words, "--amount", 0, into="none")[name] == beats[0].read_bytes()
    plain, half, hot = (
        play(*words, *more, into=into)[name]
        for into, more in (("a", ()), ("b", ("--amount", 0.5)), ("c", ("--temperature", 1)))
    )
    assert len({plain, half, hot}) == 3
    dry = play(*words, "--timing", 0, "--dynamics", 0, into="dry")[name]
    assert dry == beats[0].read_bytes()
    timed = read_midi(play(*words, "--dynamics", 0, into="timed")[name]).notes
    stiff = read_midi(beats[0]).notes
    assert timed["velocity"].tolist() == stiff["velocity"].tolist()
    assert timed["tick"].tolist() != stiff["tick"].tolist()


def test_styles_attributes_and_touch(play, run, tmp_path):
    model = GrooVAE(CONFIGS["groovae_4bar"].with_hparams(SMALL))
    weights = fingerprint(model.weights)
    model.prior = make_prior(weights)
    model.touch = dataclasses.replace(TOUCH, about={"weights": weights})
    folder = save_model(model, tmp_path / "fitted")
    words = ["--model", folder, "--num", 1, "--seed", 1]
    asked = (
        [],
        ["--style", "jazz"],
        ["--attribute", "density=+2", "--attribute", "kick=-1"],
        ["--variety", 2],
        ["--prior", "normal"],
        ["--touch", 0],
    )
    made = [play(*words, *more, into=str(n)) for n, more in enumerate(asked)]
    assert len({file["sample-001.mid"] for file in made}) == len(asked)
    for more, message in (
        (["--style", "polka"], "--style: no such choice 'polka'; it is one of funk, jazz"),
        (["--attribute", "swing=1"], "--attribute: no such attribute 'swing'; "),
        (["--attribute", "kick=9"], "--attribute: kick: 9.0 is no number from -3 to 3"),
    ):
        status, _, err = run(*words, *more, "--output-dir", tmp_path / "none")
        assert (status, err.count("\n")) == (2, 1)
        assert err.startswith(f"groovefast-sample: {message}"), err


def test_variations_are_numbered_and_differ(play, models, beats):
    words = _words("vary", models, beats)
    files = play(*words, "--num", 3, "--spread", 3, into="far")
    assert list(files) == ["a-vary-001.mid", "a-vary-002.mid", "a-vary-003.mid"]
    assert len(set(files.values())) == 3
    (same,) = play(*words, "--spread", 0, into="near").values()
    words = _words("reconstruct", models, beats)
    assert same == play(*words, into="again")["a-reconstruct.mid"]


def test_a_folder_is_processed_whole(run, models, beats, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.mid").write_bytes(beats[0].read_bytes())
    (folder / "sub" / "a.MIDI").write_bytes(beats[1].read_bytes())
    (folder / "broken.mid").write_bytes(b"MThd")
    (folder / "notes.txt").write_text("no MIDI")
    words = ("--model", models["humanize"], "--mode", "humanize", "--seed", 1)
    status, stdout, err = run(*words, "--input", folder, "--output-dir", out)
    assert status == 3
    assert stdout == f"2 MIDI files in {out} (seed 1), 1 failed\n"
    assert err.startswith(f"failed: {folder / 'broken.mid'}: ")
    assert err.count("\n") == 1
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    assert written == ["a-humanize.mid", "sub/a-humanize.mid"]


def test_a_folder_of_broken_files_is_an_error(run, models, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.mid").write_bytes(b"MThd")
    words = ("--model", models["vary"], "--mode", "vary", "--input", tmp_path)
    status, _, err = run(*words, "--output-dir", tmp_path / "out")
    assert status == 2
    assert err.count("failed: ") == 2
    assert err.endswith("groovefast-sample: none of the 2 files could be played; see above\n")


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """Drums on channel 1, a piano on channel 2, no channel 10."""
    midi = mido.MidiFile(ticks_per_beat=480)
    for channel, name, pitches in ((0, "Kit", (36, 38)), (1, "Piano", (60, 64, 67))):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        for index in range(16):
            note = {"channel": channel, "note": pitches[index % len(pitches)]}
            track.append(mido.Message("note_on", velocity=80, **note))
            track.append(mido.Message("note_off", time=240, **note))
        midi.tracks.append(track)
    path = tmp_path_factory.mktemp("ensemble") / "song.mid"
    midi.save(path)
    return path


def test_drums_elsewhere_are_listed_and_chosen(run, play, models, ensemble, tmp_path):
    words = ("--model", models["humanize"], "--mode", "humanize", "--seed", 1, "--input", ensemble)
    status, _, err = run(*words, "--output-dir", tmp_path / "none")
    assert status == 2
    assert err == (
        f"groovefast-sample: {ensemble}: no drums on channel 10, but channel 1 'Kit' (track 1): "
        "16 notes of 36, 38; channel 2 'Piano' (track 2): 16 notes of 60, 64, 67. "
        "Name the drums with --channel or --track: --channel 1 looks like it\n"
    )
    assert not (tmp_path / "none").exists()
    by = [
        play(*words, *more, "--plot", "--render", "wav", into=str(index))
        for index, more in enumerate((("--channel", "1"), ("--track", "kit"), ("--track", "1")))
    ]
    assert by[0] == by[1] == by[2]
    midi = by[0]["song-humanize.mid"]
    assert read_midi(midi, 2).notes.tolist() == read_midi(ensemble, 2).notes.tolist()
    assert read_midi(midi, 1).notes.tolist() != read_midi(ensemble, 1).notes.tolist()
    both = play(*words, "--channel", "1-2", into="both")["song-humanize.mid"]
    assert read_midi(both, 2).notes.tolist() != read_midi(ensemble, 2).notes.tolist()
    status, _, err = run(*words, "--track", "Drms", "--output-dir", tmp_path / "none")
    assert status == 2
    assert err.endswith("song.mid: no track 'Drms'; there are 1 'Kit', 2 'Piano'\n")


def test_one_of_many_without_drums_is_told_how_to_name_them(run, models, beats, ensemble, tmp_path):
    for path in (beats[0], ensemble):
        shutil.copy(path, tmp_path)
    words = ("--model", models["humanize"], "--mode", "humanize", "--input", tmp_path)
    status, _, err = run(*words, "--output-dir", tmp_path / "out")
    assert status == 3
    assert err.startswith(f"failed: {tmp_path / 'song.mid'}: no drums on channel 10")
    assert err.endswith("Name the drums with --channel or --track: --channel 1 looks like it\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--channel 0", "--channel: '0' is no list of MIDI channels (1 to 16), as in 1,10 or 1-16"),
        ("--channel 1-999999999", "--channel: '1-999999999' is no list of MIDI channels"),
        ("--channel all", "--channel: 'all' is no list of MIDI channels"),
        ("--track 0", "--track: '0' is no track; they count from 1"),
        ("--channels all", "--channels: no such option; did you mean --channel?"),
    ],
)
def test_parts_that_cannot_be_are_named(run, words, message):
    status, _, err = run(*words.split(), "--output-dir", "none")
    assert status == 2
    assert err.startswith(f"groovefast-sample: {message}")


def test_any_meter_is_played_and_drawn(run, models, tmp_path):
    for meter in ((3, 4), (7, 8), (4, 1 << 31)):
        midi = mido.MidiFile(ticks_per_beat=480)
        midi.tracks.append(mido.MidiTrack())
        for _ in range(20):
            midi.tracks[0].append(mido.Message("note_on", channel=9, note=38, velocity=80))
            midi.tracks[0].append(mido.Message("note_off", channel=9, note=38, time=240))
        midi.save(tmp_path / "odd.mid")
        data = (tmp_path / "odd.mid").read_bytes()
        power = meter[1].bit_length() - 1
        signature = b"\0\xff\x58\x04" + bytes((meter[0], power, 24, 8))
        size = int.from_bytes(data[18:22], "big") + len(signature)
        data = data[:18] + size.to_bytes(4, "big") + signature + data[22:]
        (tmp_path / "odd.mid").write_bytes(data)
        words = ("--model", models["vary"], "--mode", "vary", "--input", tmp_path / "odd.mid")
        status, out, err = run(*words, "--plot", "--output-dir", tmp_path / "out")
        assert (status, err) == (0, "")
        assert "as it was" not in out
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


def test_what_is_told_names_options_as_they_are_typed(run, models, beats, tmp_path):
    words = ("--model", models["add-hihat"], "--mode", "add-hihat", "--input", beats[0])
    status, _, err = run(*words, "--output-dir", tmp_path / "out")
    assert status == 0
    assert err == (
        f"{beats[0]}: bars 1 to 5: the closed hi-hat that is there stays; --replace plays it anew\n"
    )


def test_what_stays_as_it_was_is_told(run, models, beats, tmp_path):
    words = _words("humanize", models, beats)
    _, out, _ = run(*words, "--amount", 0, "--output-dir", tmp_path / "out")
    assert out == f"1 MIDI file in {tmp_path / 'out'}, 1 of them as it was (seed 4)\n"


def test_a_pipe_is_no_input(run, models, tmp_path):
    os.mkfifo(tmp_path / "x.mid")
    words = ("--model", models["humanize"], "--mode", "humanize", "--input", tmp_path / "x.mid")
    status, _, err = run(*words, "--output-dir", tmp_path / "out")
    assert status == 2
    assert err == f"groovefast-sample: {tmp_path / 'x.mid'}: not a file but a pipe or a device\n"


def test_soundfont_renders(play, model):
    pretty_midi = pytest.importorskip("pretty_midi", reason="brings a SoundFont for this test")
    if not shutil.which("fluidsynth"):
        pytest.skip("fluidsynth is not installed")
    soundfont = Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")
    words = ("--model", model, "--num", 1, "--seed", 1)
    own = play(*words, "--render", "wav", into="own")["sample-001.wav"]
    other = play(*words, "--soundfont", soundfont, into="other")["sample-001.wav"]
    assert own[:4] == other[:4] == b"RIFF"
    assert own != other


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
        ("--model {model} --num 10000000000", "--num: no memory for 10,000,000,000 at once"),
        ("--model {model} --num 0", "--num: 0 is not in the range"),
        ("--model {model} --temperature -1", "--temperature: -1.0 is not in the range"),
        ("--model {model} --qpm 0", "--qpm: 0.0 is not in the range"),
        ("--model {model} --seed x", "--seed: 'x' is not a valid integer"),
        ("--model {model} --mode smaple", "--mode: no such choice 'smaple'; did you mean sample?"),
        ("--model {model} --mode reconstruct", "--input: 0 given, but --mode reconstruct works on"),
        ("--model {model} --mode humanize --input {tmp}", "--input {tmp}: no MIDI file in it"),
        ("--model {model} --mode vary --input {a} --qpm 90", "--qpm: of no use to --mode vary; it"),
        ("--model {model} --amount 1", "--amount: of no use to --mode sample; it is for humanize"),
        ("--model {model} --mode humanize --input {a} --amount 2", "--amount: 2.0 is not in the"),
        (
            "--model {model} --mode tap2drum --input {a}",
            "tap2drum: not what a model of groovae_2bar_humanize has learned; give one of",
        ),
        (
            "--model {control} --mode groove-transfer --input {a}",
            "--groove: name the performance whose feel --input is to get",
        ),
        (
            "--model {control} --mode groove-transfer --input {a} --groove {tmp}/no.mid",
            "{tmp}/no.mid: no such file or directory; check the spelling",
        ),
        ("--model {model} --soundfont {text}", "--soundfont: {text}: not a SoundFont"),
        ("--model {model} --soundfont {tmp}/no.sf2", "{tmp}/no.sf2: no such file or directory"),
        (
            "--model {model} --mode humanize --input {a} --input {copy}",
            "--input: {a} and {copy} would both become a-humanize.mid; rename one",
        ),
        (
            "--model {model} --mode interpolate --input {a}",
            "--input: 1 given, but --mode interpolate works on 2",
        ),
        (
            "--model {model} --mode interpolate --input {a} --input {a} --num 1",
            "--num: 1 is too few; --mode interpolate makes at least 2",
        ),
        ("--model {model} --input {a}", "--input: this model makes up its own hits; leave it out"),
        (
            "--model {model} --channel 1",
            "--channel: of use only with --input; give that too, or",
        ),
        ("--model {model} --style funk", "--style: this groovae_2bar_humanize has no fitted prior"),
        (
            "--model {model} --touch 1",
            "--touch: this groovae_2bar_humanize has no fitted touch",
        ),
        ("--model {model} --touch 2", "--touch: 2.0 is not in the range"),
        ("--model {model} --variety 3", "--variety: 3.0 is not in the range"),
        ("--model {model} --prior norm", "--prior: no such choice 'norm'; did you mean normal?"),
        ("--model {model} --attribute kick", "--attribute: 'kick' is not of the form NAME=AMOUNT"),
        ("--model {model} --attribute kick=much", "--attribute: 'kick=much' is not of the form"),
        (
            "--model {model} --attribute kick=1 --attribute kick=2",
            "--attribute: kick is given more than once",
        ),
        (
            "--model {model} --mode humanize --input {a} --style funk",
            "--style: of no use to --mode humanize; it is for sample",
        ),
        (
            "--model {model} --mode humanize --input {a} --attribute kick=1",
            "--attribute: of no use to --mode humanize; it is for sample or reconstruct or vary",
        ),
        ("--model {model} --timing 0", "--timing: of no use to --mode sample; it is for humanize"),
        ("--model {control}", "--input: this model plays given hits; name a MIDI file"),
        (
            "--model {model} --mode reconstruct --input {tmp}/no.mid",
            "{tmp}/no.mid: no such file or directory; check the spelling",
        ),
        ("--model {model} --mode reconstruct --input {text}", "{text}: "),
        ("--model {control} --input {a} --qpm 90", "--qpm: the tempo is that of --input; leave it"),
        ("--model {model} --input {a} --input {a}", "--input: 2 given, but --mode sample works on"),
        ("--model {model} --output-dir {text}", "{text}: file exists; choose another place"),
        ("--model {model} --output-dir {text}/out", "{text}/out: not a directory"),
    ],
)
def test_mistakes_are_one_line(
    run, model, control_model, beats, tmp_path, tmp_path_factory, words, message
):
    text = tmp_path / "text"
    text.write_text("not MIDI")
    copy = _write_beat(tmp_path_factory.mktemp("copy") / "a.mid", 2, 100)
    places = {
        "tmp": tmp_path,
        "model": model,
        "control": control_model,
        "a": beats[0],
        "text": text,
        "copy": copy,
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
