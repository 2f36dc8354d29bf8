from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from model_families import GROOVAE, MAGENTAS_GROOVAE

from groovefast import GrooveConverter
from groovefast.config import CONFIGS, Config, ConverterConfig
from groovefast.drums import output_pitches
from groovefast.errors import GrooveFastError, MidiError
from groovefast.midi.groove import Groove
from groovefast.windows.rows import RowLayout

GOLDEN_OPTIONS: dict[str, dict[str, object]] = {
    **{name: {"config": name} for name in MAGENTAS_GROOVAE if "dropout" not in name},
    "tapify_keep_velocity": {"tapify": True},
    "split_instruments": {"split_instruments": True},
    "split_instruments_hits_control": {"split_instruments": True, "hits_as_controls": True},
    "categorical_8_8": {"num_velocity_bins": 8, "num_offset_bins": 8},
}
MIDI_TICK = 1 / 60
"""A tick, in half steps, as offsets are: what is half a step off is written so much nearer."""


@pytest.fixture(scope="module")
def golden(dataset_golden_dir: Path) -> dict[str, np.ndarray]:
    with np.load(dataset_golden_dir / "transforms.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def beat(made_up_dir: Path) -> Path:
    """Sixteen bars of bossa nova."""
    return made_up_dir / "drummer1/session1/176_latin-bossa_118_beat_4-4.mid"


@pytest.fixture(scope="module")
def samples(golden_dir: Path) -> np.ndarray:
    """Six grids that Magenta's model drew."""
    checkpoint = golden_dir / "magenta_checkpoints" / "groovae_2bar_hits_control_small"
    with np.load(checkpoint / "expected.npz") as archive:
        return archive["decoded"]


def make_converter(options: dict[str, object]) -> GrooveConverter:
    if "config" in options:
        return GrooveConverter.from_config(str(options["config"]))
    return GrooveConverter(hop_bars=1, **options)  # type: ignore[arg-type]


def assert_same(tensors: object, others: object) -> None:
    for field in ("inputs", "outputs", "controls", "start_steps", "qpms"):
        np.testing.assert_array_equal(getattr(tensors, field), getattr(others, field))


@pytest.mark.parametrize("name", GOLDEN_OPTIONS)
def test_files_become_magentas_windows(
    name: str, golden: dict[str, np.ndarray], groove_dir: Path
) -> None:
    converter = make_converter(GOLDEN_OPTIONS[name])
    kinds = ("inputs", "outputs", "controls")
    for number, filename in enumerate(golden["filename"]):
        ours = converter.to_tensors(groove_dir / str(filename))
        expected = [golden[f"{name}/{kind}"][golden[f"{name}/file"] == number] for kind in kinds]
        for window in zip(*expected, strict=True):
            at = [
                index
                for index in range(len(ours))
                if all(
                    np.array_equal(getattr(ours, kind)[index], values)
                    for kind, values in zip(kinds, window, strict=True)
                )
            ]
            assert at, f"a window of {filename} is missing"


def test_windows_know_where_they_start(beat: Path) -> None:
    two_bars = GrooveConverter(split_bars=2, hop_bars=3).to_tensors(beat)
    whole = GrooveConverter(split_bars=None).to_tensors(beat)
    assert whole.outputs.shape == (1, whole.outputs.shape[1], 27)
    assert whole.outputs.shape[1] % 16 == 0
    bars = whole.outputs.shape[1] // 16
    assert two_bars.start_steps.tolist() == list(range(0, 16 * (bars - 1), 48))
    for start, window in zip(two_bars.start_steps, two_bars.outputs, strict=True):
        np.testing.assert_array_equal(window, whole.outputs[0, start : start + 32])
    np.testing.assert_allclose(two_bars.qpms, 118, atol=1e-3)


def test_all_arrays_are_float32_and_belong_to_the_caller(beat: Path) -> None:
    for options in GOLDEN_OPTIONS.values():
        tensors = make_converter(options).to_tensors(beat)
        for field in ("inputs", "outputs", "controls"):
            assert getattr(tensors, field).dtype == np.float32
        performed = tensors.outputs.copy()
        tensors.inputs[:] = 7
        tensors.controls[:] = 7
        np.testing.assert_array_equal(tensors.outputs, performed)


def test_every_kind_of_source_gives_the_same(beat: Path) -> None:
    converter = GrooveConverter(pitch_classes="reduced")
    expected = converter.to_tensors(beat.read_bytes())
    assert len(expected) > 5
    groove = Groove.from_midi(beat)
    for source in (beat, str(beat), mido.MidiFile(beat), groove, groove.to_midi()):
        assert_same(converter.to_tensors(source), expected)


@pytest.mark.parametrize("name", GOLDEN_OPTIONS)
def test_a_file_without_windows_gives_empty_arrays(name: str) -> None:
    converter = make_converter(GOLDEN_OPTIONS[name])
    config = converter.config
    assert config.window_steps is not None
    one_hit = Groove([(0.0, 0.1, 36, 90)])
    waltz = Groove([(2.0 * beat, 2.0 * beat + 0.1, 36, 90) for beat in range(12)], 120, (3, 4))
    for source in (Groove([]), one_hit, waltz):
        tensors = converter.to_tensors(source)
        assert len(tensors) == 0
        layout = RowLayout.of(config)
        rows = config.window_steps * layout.rows_per_step
        assert tensors.inputs.shape == tensors.outputs.shape == (0, rows, layout.depth)
        assert tensors.controls.shape == (0, rows, layout.control_depth)
        assert tensors.inputs.dtype == tensors.controls.dtype == np.float32
        assert tensors.start_steps.shape == tensors.qpms.shape == (0,)


def test_a_whole_file_without_drums_gives_no_window() -> None:
    tensors = GrooveConverter(split_bars=None).to_tensors(Groove([]))
    assert len(tensors) == 0
    assert tensors.outputs.shape[-1] == 27


def test_windows_overlap_only_when_asked(beat: Path) -> None:
    starts = GrooveConverter(split_bars=2).to_tensors(beat).start_steps
    assert (np.diff(starts) == 32).all()
    assert len(starts) > 2
    of_config = GrooveConverter.from_config("groovae_2bar_humanize").to_tensors(beat).start_steps
    assert (np.diff(of_config) == 16).all()


def test_converters_of_the_same_options_are_equal() -> None:
    converter = GrooveConverter(4, channel=[10, 1], track="Kit", seed=3)
    assert converter == GrooveConverter(4, 4, channel=(1, 10), track="Kit", seed=3)
    assert hash(converter) == hash(GrooveConverter(4, channel=(1, 10), track="Kit", seed=3))
    assert repr(converter) == "GrooveConverter(split_bars=4, channel=(1, 10), track='Kit', seed=3)"
    assert eval(repr(converter)) == converter
    assert repr(GrooveConverter()) == "GrooveConverter()"
    others = (
        GrooveConverter(4, channel=1, track="Kit", seed=3),
        GrooveConverter(4, 1, channel=(1, 10), track="Kit", seed=3),
        GrooveConverter.from_config("groovae_4bar"),
    )
    assert converter not in others
    assert converter != "GrooveConverter"


def test_other_meters_are_read_when_asked() -> None:
    waltz = Groove([(1.5 * bar, 1.5 * bar + 0.1, 36, 90) for bar in range(8)], 120, (3, 4))
    tensors = GrooveConverter(split_bars=2, hop_bars=1, quarters_per_bar=3).to_tensors(waltz)
    assert tensors.outputs.shape == (7, 24, 27)
    assert (tensors.outputs[:, [0, 12], 0] == 1).all()


def test_hears_other_channels_and_tracks_when_named() -> None:
    midi = mido.MidiFile()
    track = mido.MidiTrack()
    midi.tracks.append(track)
    for _ in range(40):
        track.append(mido.Message("note_on", channel=0, note=36, velocity=90))
        track.append(mido.Message("note_off", channel=0, note=36, time=480))
    for part, windows in (({}, 0), ({"channel": 1}, 5), ({"track": 1}, 5), ({"track": "x"}, 0)):
        converter = GrooveConverter(**part)
        assert len(converter.to_tensors(midi)) == windows


def test_unmapped_pitches_are_dropped_or_named(tmp_path: Path) -> None:
    groove = Groove([(0.0, 0.1, 36, 90), (3.9, 4.0, 100, 90), (3.0, 3.1, 38, 90)])
    tensors = GrooveConverter().to_tensors(groove)
    assert np.count_nonzero(tensors.outputs[..., :9]) == 2
    path = tmp_path / "odd.mid"
    groove.save(path)
    with pytest.raises(GrooveFastError, match="100") as caught:
        GrooveConverter(unmapped_pitches="error").to_tensors(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_same(
        GrooveConverter(unmapped_pitches="error").to_tensors(Groove(groove.notes[[0, 2]])), tensors
    )


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(Groove([(0.0, 0.1, 36, 90)]).to_bytes()[:40])
    with pytest.raises(MidiError) as from_bytes:
        GrooveConverter().to_tensors(path.read_bytes())
    with pytest.raises(MidiError, match=r"broken\.mid") as from_path:
        GrooveConverter().to_tensors(path)
    assert from_path.value.offset == from_bytes.value.offset
    assert isinstance(from_path.value, ValueError)
    with pytest.raises(FileNotFoundError):
        GrooveConverter().to_tensors(tmp_path / "none.mid")
    with pytest.raises(GrooveFastError, match="source: a path, bytes"):
        GrooveConverter().to_tensors(3)  # type: ignore[arg-type]


def test_note_dropout_follows_the_seed(beat: Path) -> None:
    def inputs(seed: int | None) -> np.ndarray:
        converter = GrooveConverter(max_note_dropout_probability=0.8, seed=seed)
        return converter.to_tensors(beat).inputs

    np.testing.assert_array_equal(inputs(1), inputs(1))
    assert not np.array_equal(inputs(1), inputs(2))
    assert not np.array_equal(inputs(None), inputs(None))
    performed = GrooveConverter().to_tensors(beat).outputs
    dropped = inputs(1) != performed
    assert 0.05 < dropped[..., :9].sum() / performed[..., :9].sum() < 0.6
    assert not inputs(1)[dropped].any()


def test_options_are_those_of_the_config() -> None:
    parameters = inspect.signature(GrooveConverter).parameters
    for field in dataclasses.fields(ConverterConfig):
        if field.name != "hop_bars":
            assert parameters[field.name].default == field.default
    for config in map(CONFIGS.get, GROOVAE):
        for same in (config.name, config, config.converter):
            assert GrooveConverter.from_config(same).config == config.converter
    changed = GrooveConverter.from_config("groovae_4bar", split_bars=1, hop_bars=2, humanize=True)
    assert changed.config == ConverterConfig(split_bars=1, hop_bars=2, humanize=True)
    own = Config(
        "own", ConverterConfig(pitch_classes=[[pitch] for pitch in output_pitches("reduced")])
    )
    assert GrooveConverter.from_config(own).config == own.converter


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_bars": 0}, "split_bars: a whole number from 1 wanted, not 0"),
        ({"split_bars": 2.0}, "split_bars: a whole number from 1 wanted, not 2.0"),
        ({"hop_bars": -1}, "hop_bars: a whole number from 1 wanted, not -1"),
        ({"hop_bars": 1.5}, "hop_bars: a whole number from 1 wanted, not 1.5"),
        ({"steps_per_quarter": 0}, "steps_per_quarter: a whole number"),
        ({"quarters_per_bar": True}, "quarters_per_bar: a whole number"),
        ({"pitch_classes": "rolland"}, "pitch_classes: no such map 'rolland'"),
        ({"add_instruments": (9,)}, "add_instruments: a drum class 0..8 wanted, not 9"),
        ({"num_velocity_bins": 1}, "num_velocity_bins: 0 or a whole number from 2"),
        ({"num_offset_bins": -3}, "num_offset_bins: 0 or a whole number from 2"),
        (
            {"max_note_dropout_probability": 1.5},
            "max_note_dropout_probability: a value from 0 to 1",
        ),
        (
            {"unmapped_pitches": "keep"},
            "unmapped_pitches: no such choice 'keep'; it is one of drop, error",
        ),
        ({"channel": "10"}, "channel: '10' is no MIDI channel"),
        ({"channel": 0}, "channel: 0 is no MIDI channel; they are 1 to 16"),
        ({"channel": ()}, "channel: none given"),
        ({"track": 0}, "track: 0 is no number of a track; they count from 1"),
        ({"track": " "}, "track: an empty name"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(GrooveFastError, match=message):
        GrooveConverter(**options)  # type: ignore[arg-type]


def test_from_tensors_is_magentas(golden: dict[str, np.ndarray]) -> None:
    samples, expected = golden["from_tensors/samples"], golden["from_tensors/notes"]
    grooves = GrooveConverter().from_tensors(samples)
    assert len(grooves) == len(samples)
    for number, groove in enumerate(grooves):
        rows = expected[expected[:, 0] == number]
        for column, field in enumerate(("pitch", "velocity", "time", "end_time"), start=1):
            assert groove.notes[field].tolist() == rows[:, column].tolist()
        assert groove.qpm == 120


def test_from_tensors_takes_one_or_many(samples: np.ndarray) -> None:
    converter = GrooveConverter()
    many = converter.from_tensors(samples)
    assert converter.from_tensors(samples[0]) == many[:1]
    assert converter.from_tensors(list(samples)) == many
    assert converter.from_tensors([samples[0], samples[1][:16]])[0] == many[0]
    assert converter.from_tensors(samples.tolist()[0])[0].notes["pitch"].tolist() == (
        many[0].notes["pitch"].tolist()
    )
    assert converter.from_tensors(samples[:0]) == []


def test_from_tensors_at_another_tempo(samples: np.ndarray) -> None:
    at_120 = GrooveConverter().from_tensors(samples)[0]
    at_60 = GrooveConverter().from_tensors(samples, qpm=60)[0]
    assert at_60.qpm == 60
    np.testing.assert_array_equal(at_60.notes["time"], 2 * at_120.notes["time"])


def test_a_window_is_as_long_as_its_rows(samples: np.ndarray) -> None:
    for converter in (GrooveConverter(), GrooveConverter(split_instruments=True)):
        layout = RowLayout.of(converter.config)
        silent = np.zeros((2, 64 * layout.rows_per_step, layout.depth))
        silent[1, 0] = 1
        assert [groove.end for groove in converter.from_tensors(silent)] == [16, 16]
    for groove in GrooveConverter().from_tensors(samples):
        assert groove.end == groove.quarters == 4 * (groove.quarters // 4)


@pytest.mark.parametrize("kit", ["roland", "kit.txt", "35|40|22|26|58|45|48|57|59"])
def test_from_tensors_writes_for_a_kit(
    kit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: np.ndarray
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kit.txt").write_text("kick: 1\nsnare: 2 38\nride: 9, 8\n")
    for plain, written in zip(
        GrooveConverter().from_tensors(samples),
        GrooveConverter().from_tensors(list(samples), pitch_classes=kit),
        strict=True,
    ):
        pitches = dict(zip(output_pitches("reduced"), output_pitches(kit), strict=True))
        expected = [pitches[pitch] for pitch in plain.notes["pitch"].tolist()]
        assert written.notes["pitch"].tolist() == [each for each in expected if each is not None]


def test_a_file_of_a_kit_stays_with_the_converter(tmp_path: Path) -> None:
    path = tmp_path / "kit.txt"
    path.write_text("kick: 40\nride: 41\n")
    converter = GrooveConverter(split_bars=None, pitch_classes=path)
    path.unlink()
    assert converter.config.pitch_classes == ((40,), (), (), (), (), (), (), (), (41,))
    beat = Groove([(0.0, 0.1, 41, 90), (0.5, 0.6, 40, 90), (1.0, 1.1, 36, 90)])
    (window,) = converter.to_tensors(beat).outputs
    assert np.argwhere(window[:, :9]).tolist() == [[0, 8], [4, 0]]
    (again,) = converter.from_tensors(window, pitch_classes=converter.config.pitch_classes)
    assert again.notes["pitch"].tolist() == [41, 40]


def test_split_and_binned_vectors_come_back(beat: Path) -> None:
    plain = GrooveConverter()
    performed = plain.to_tensors(beat).outputs
    expected = plain.from_tensors(performed)
    split = GrooveConverter(split_instruments=True)
    assert split.from_tensors(split.to_tensors(beat).outputs) == expected
    for shape in ({}, {"split_instruments": True}):
        binned = GrooveConverter(num_velocity_bins=128, num_offset_bins=256, **shape)
        for groove, played in zip(
            binned.from_tensors(binned.to_tensors(beat).outputs), expected, strict=True
        ):
            assert groove.notes["pitch"].tolist() == played.notes["pitch"].tolist()
            np.testing.assert_allclose(groove.notes["time"], played.notes["time"], atol=0.002)
            ours, theirs = (each.notes["velocity"].astype(int) for each in (groove, played))
            assert abs(ours - theirs).max() <= 2


def test_split_and_binned_rows_as_wide_as_plain_ones_are_not_taken_for_them(beat: Path) -> None:
    converter = GrooveConverter(split_instruments=True, num_velocity_bins=13, num_offset_bins=13)
    assert RowLayout.of(converter.config).depth == 27
    tensors = converter.to_tensors(beat)
    assert tensors.inputs.shape == tensors.outputs.shape == (len(tensors), 32 * 9, 27)
    np.testing.assert_array_equal(tensors.outputs.sum(axis=-1) - tensors.outputs[..., 0], 2)


def test_binned_vectors_come_back_as_spec_says() -> None:
    converter = GrooveConverter(num_velocity_bins=8, num_offset_bins=8)
    sample = np.zeros((16, 153), np.float32)
    sample[4, 1] = 1
    sample[4, 9 + 8 * 1 + 6] = 1
    sample[4, 9 + 72 + 8 * 1 + 3] = 1
    (note,) = converter.from_tensors(sample)[0].notes.tolist()
    assert note == (0.125 * (4 - (3 / 8 - 0.5)), 0.125 * (5 - (3 / 8 - 0.5)), 38, int(6 / 8 * 127))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((32, 26)), r"samples: \(rows, 27\) or \(n, rows, 27\) wanted, not \(1, 32, 26\)"),
        (np.zeros(27), "samples: "),
        (np.zeros((2, 2, 16, 27)), "samples: "),
        (np.full((16, 27), np.nan), "samples: a value is not finite"),
    ],
)
def test_wrong_samples_are_named(samples: np.ndarray, message: str) -> None:
    with pytest.raises(GrooveFastError, match=message):
        GrooveConverter().from_tensors(samples)


def test_split_rows_are_whole_steps() -> None:
    with pytest.raises(GrooveFastError, match="10 rows are no whole number of steps of 9"):
        GrooveConverter(split_instruments=True).from_tensors(np.zeros((10, 3)))


@st.composite
def grids(draw: st.DrawFn, steps_per_bar: int = 16) -> np.ndarray:
    """Sampled windows: hits with a velocity of 1..127 and any offset, ±1 among them."""
    steps = steps_per_bar * draw(st.integers(1, 4))
    hits = draw(arrays(np.bool_, (steps, 9)))
    velocities = draw(arrays(np.uint8, (steps, 9), elements=st.integers(1, 127)))
    offsets = draw(
        arrays(
            np.float32,
            (steps, 9),
            elements=st.floats(-1, 1, width=32) | st.sampled_from([-1.0, 1.0]),
        )
    )
    hits[draw(st.integers(0, steps - 1)), draw(st.integers(0, 8))] = True
    grid = np.concatenate((hits, velocities / np.float32(127) * hits, offsets * hits), axis=1)
    return grid.astype(np.float32)


@given(grid=grids(), qpm=st.floats(40, 260))
def test_sampled_grids_come_back_from_their_midi(grid: np.ndarray, qpm: float) -> None:
    assert_comes_back(grid, qpm, GrooveConverter(split_bars=None, pitch_classes="reduced"))


@given(data=st.data(), steps_per_quarter=st.sampled_from([1, 2, 3, 6, 12, 24]))
def test_grids_of_any_resolution_come_back(data: st.DataObject, steps_per_quarter: int) -> None:
    options = {"steps_per_quarter": steps_per_quarter, "quarters_per_bar": 3}
    converter = GrooveConverter(split_bars=None, pitch_classes="reduced", **options)  # type: ignore[arg-type]
    assert_comes_back(data.draw(grids(converter.config.steps_per_bar)), 97.3, converter)


def assert_comes_back(grid: np.ndarray, qpm: float, converter: GrooveConverter) -> None:
    (groove,) = converter.from_tensors(grid, qpm)
    (read,) = converter.to_tensors(groove.to_bytes()).outputs
    last = np.nonzero(grid[:, :9].any(axis=1))[0][-1]
    bar = converter.config.steps_per_bar
    assert len(read) == (last // bar + 1) * bar
    np.testing.assert_array_equal(read[:, :18], grid[: len(read), :18])
    expected = grid[: len(read), 18:].copy()
    # A note before 0 begins the file.
    expected[0] = np.minimum(expected[0], 0)
    np.testing.assert_allclose(read[:, 18:], expected, atol=MIDI_TICK + 1e-6)


def test_real_files_come_back_from_our_midi(drum_files: list[Path]) -> None:
    converter = GrooveConverter(split_bars=None, pitch_classes="reduced")
    for path in drum_files[:: len(drum_files) // 20]:
        for grid in converter.to_tensors(path).outputs:
            assert_comes_back(grid, 111.0, converter)


def test_converting_never_imports_tensorflow(run_python: Callable[[str], str], beat: Path) -> None:
    code = (
        "import sys; from groovefast import GrooveConverter;"
        f"t = GrooveConverter.from_config('groovae_4bar').to_tensors({str(beat)!r});"
        "GrooveConverter().from_tensors(t.outputs)[0].to_bytes();"
        "print(len(t) > 0, 'tensorflow' in sys.modules, 'matplotlib' in sys.modules)"
    )
    assert run_python(code) == "True False False"
