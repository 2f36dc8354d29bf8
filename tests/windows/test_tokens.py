"""The converters of tokens against Magenta's numbers and a slow reading of the specification."""

from __future__ import annotations

import hashlib
import itertools
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import midi_bytes as midi
import numpy as np
import pytest
import slow_musicvae as slow
from band_strategies import band_files
from hypothesis import given
from hypothesis import strategies as st

import groovefast as gf
from groovefast import _tokens
from groovefast.drum_part import ALL_CHANNELS
from groovefast.drums import pitch_table

Golden = Mapping[str, np.ndarray]
Converter = gf.DrumsConverter | gf.MelodyConverter | gf.TrioConverter

CONVERTERS: dict[str, gf.DrumsConverter | gf.MelodyConverter] = {
    "drums_2bar": gf.DrumsConverter(),
    "drums_16bar": gf.DrumsConverter(slice_bars=16),
    "drums_2bar_nogap": gf.DrumsConverter(gap_bars=None),
    "mel_2bar": gf.MelodyConverter(),
    "mel_16bar": gf.MelodyConverter(slice_bars=16, programs=None),
    "mel_2bar_skip_polyphony": gf.MelodyConverter(skip_polyphony=True),
    "mel_2bar_nogap": gf.MelodyConverter(gap_bars=None),
}
DRUMS_AT = 4 * 480
BAR = 4 * 480


@pytest.fixture(scope="module")
def synthetic(golden_dir: Path) -> Golden:
    return load(golden_dir / "musicvae/synthetic.npz")


@pytest.fixture(scope="module")
def synthetic_files(synthetic: Golden) -> list[bytes]:
    ends = np.cumsum(synthetic["midi_len"])[:-1]
    return [data.tobytes() for data in np.split(synthetic["midi"], ends)]


def load(path: Path) -> Golden:
    with np.load(path) as archive:
        return dict(archive)


def in_golden_order(windows: np.ndarray) -> np.ndarray:
    flat = windows.reshape(len(windows), int(np.prod(windows.shape[1:])))
    return windows[np.lexsort(flat.T[::-1])]


def digest(windows: np.ndarray) -> str:
    data = in_golden_order(windows).astype("<i2").tobytes()
    return hashlib.sha256(data).hexdigest() if len(windows) else ""


def core_tracks(converter: gf.DrumsConverter | gf.MelodyConverter, data: bytes) -> list[Any]:
    """(sub-sequence, start, tokens) of the tracks of a file, in the goldens' order."""
    is_drums = isinstance(converter, gf.DrumsConverter)
    found = _tokens.token_tracks(
        data,
        _tokens.DRUMS if is_drums else _tokens.MELODY,
        pitch_table("reduced"),
        converter.slice_bars,
        converter.gap_bars or 0,
        converter.max_bars,
        () if is_drums else converter.programs,
        False if is_drums else converter.skip_polyphony,
    )
    tokens = np.split(found.tokens, np.cumsum(found.lengths)[:-1]) if len(found.lengths) else []
    columns = found.sub_sequences.tolist(), found.start_steps.tolist()
    rows = zip(*columns, tokens, strict=True)
    return sorted((sub, start, len(own), own.tolist()) for sub, start, own in rows)


def assert_golden(
    name: str, golden: Golden, files: Sequence[bytes], with_windows: bool = True
) -> None:
    """Sub-sequences, tracks and windows of files are Magenta's."""
    converter = CONVERTERS[name]
    expected = {
        key.partition("/")[2]: value for key, value in golden.items() if key.startswith(f"{name}/")
    }
    tensors = [converter.to_tensors(data) for data in files]
    subs = [(file, start) for file, each in enumerate(tensors) for start in each.offsets.tolist()]
    wanted = zip(expected["sub_file"].tolist(), expected["sub_offset"].tolist(), strict=True)
    assert subs == list(wanted)
    windows = [
        each.tokens[each.sub_sequences == number]
        for each in tensors
        for number in range(len(each.offsets))
    ]
    assert [digest(own) for own in windows] == expected["digest"].tolist()
    counts = [len(own) for own in windows]
    assert np.repeat(np.arange(len(counts)), counts).tolist() == expected["win_sub"].tolist()
    if "windows" in expected and with_windows:
        assert np.array_equal(
            np.concatenate(list(map(in_golden_order, windows))), expected["windows"]
        )
    firsts = np.cumsum([0, *(len(each.offsets) for each in tensors)])
    tracks = [
        (first + sub, start, length, tokens)
        for first, data in zip(firsts.tolist(), files, strict=False)
        for sub, start, length, tokens in core_tracks(converter, data)
    ]
    columns = list(zip(*tracks, strict=True))
    for column, key in zip(columns, ("track_sub", "track_start", "track_len"), strict=False):
        assert list(column) == expected[key].tolist()
    assert list(itertools.chain(*columns[3])) == expected["track_tokens"].tolist()


# --- Magenta's numbers ----------------------------------------------------------------------


@pytest.mark.parametrize("name", CONVERTERS)
def test_tokens_of_our_own_files_are_magentas(
    name: str, synthetic: Golden, synthetic_files: list[bytes]
) -> None:
    assert_golden(name, synthetic, synthetic_files)


@pytest.mark.parametrize("name", ["drums_2bar", "drums_16bar"])
def test_tokens_of_the_dataset_are_magentas(
    name: str, dataset_golden_dir: Path, groove_dir: Path
) -> None:
    golden = load(dataset_golden_dir / "musicvae/drums_groove.npz")
    assert_golden(name, golden, [(groove_dir / file).read_bytes() for file in golden["files"]])


def test_windows_of_the_whole_dataset(groove_files: list[Path]) -> None:
    for converter, windows, files in (
        (gf.DrumsConverter(), 17_398, 637),
        (gf.DrumsConverter(slice_bars=16), 12_465, 333),
    ):
        counts = [len(converter.to_tensors(path)) for path in groove_files]
        assert (sum(counts), np.count_nonzero(counts)) == (windows, files)
    for converter, windows in (
        (gf.DrumsConverter(max_windows=5, seed=0), 2371),
        (gf.DrumsConverter(slice_bars=16, max_windows=5, seed=0), 1437),
    ):
        assert sum(len(converter.to_tensors(path)) for path in groove_files) == windows


def test_trios_of_our_own_files_are_magentas(
    golden_dir: Path, synthetic_files: list[bytes]
) -> None:
    golden = load(golden_dir / "musicvae/trio.npz")
    windows, subs, first = [], [], 0
    for data in synthetic_files:
        tensors = gf.TrioConverter().to_tensors(data)
        for number in range(len(tensors.offsets)):
            own = tensors.tokens[tensors.sub_sequences == number]
            windows.append(in_golden_order(own))
            subs += [first + number] * len(own)
        first += len(tensors.offsets)
    assert np.array_equal(np.concatenate(windows), golden["windows"])
    assert subs == golden["win_sub"].tolist()


def test_transposed_melodies_are_magentas(golden_dir: Path, synthetic_files: list[bytes]) -> None:
    golden = load(golden_dir / "musicvae/augment.npz")
    found = []
    for file, data in enumerate(synthetic_files):
        for amount in (-5, -2, 3, 5):
            tensors = gf.MelodyConverter().to_tensors(data, transpose=amount)
            for number, offset in enumerate(tensors.offsets.tolist()):
                own = tensors.tokens[tensors.sub_sequences == number]
                found.append((file, amount, offset, len(own), digest(own)))
    keys = ("sub_file", "amount", "sub_offset", "count", "digest")
    expected = list(zip(*(golden[key].tolist() for key in keys), strict=True))
    assert sorted(found) == sorted(expected)


def as_played(number: int, played: Any) -> list[tuple[float, ...]]:
    """The golden's columns of what was played."""
    own = played.notes
    if isinstance(played, gf.Groove):
        return [
            (number, note["time"], note["end_time"], note["pitch"], note["velocity"], 9, 0, 1)
            for note in own
        ]
    fields = ("time", "end_time", "pitch", "velocity", "instrument", "program", "is_drum")
    return [(number, *(note[field] for field in fields)) for note in own]


@pytest.mark.parametrize("where", ["golden_dir", "dataset_golden_dir"])
@pytest.mark.parametrize(
    ("kind", "converter"),
    [
        ("drums", gf.DrumsConverter()),
        ("mel", gf.MelodyConverter()),
        ("trio", gf.TrioConverter()),
    ],
)
def test_tokens_play_as_magentas_do(
    kind: str, converter: Converter, where: str, request: pytest.FixtureRequest
) -> None:
    golden = load(request.getfixturevalue(where) / "musicvae/from_tensors.npz")
    tokens = golden[f"{kind}_tokens"]
    played = converter.from_tensors(tokens)
    notes = [row for number, each in enumerate(played) for row in as_played(number, each)]
    notes.sort(key=lambda row: (row[0], row[5], row[1], row[3]))
    assert np.array_equal(np.array(notes), golden[f"{kind}_notes"])
    assert [each.duration for each in played] == golden[f"{kind}_total_time"].tolist()
    rows = converter.layout.outputs(np, tokens)
    assert converter.from_tensors(rows) == played
    assert [converter.from_tensors(own)[0] for own in rows] == played
    assert converter.from_tensors(rows.astype(np.uint8)) == played
    assert converter.from_tensors(rows.astype(bool)) == played
    assert converter.from_tensors(tokens[0].tolist()) == played[:1]
    assert converter.from_tensors([tokens[0], tokens[1][:9]])[0] == played[0]


# --- The specification, read slowly ---------------------------------------------------------


def slow_windows(data: bytes, converter: gf.DrumsConverter | gf.MelodyConverter) -> list[Any]:
    """The set of windows of each sub-sequence."""
    found = []
    for sub in slow.sub_sequences(slow.read(data)):
        if isinstance(converter, gf.DrumsConverter):
            tracks = slow.drum_tracks(sub.notes, converter.gap_bars, converter.max_bars)
        else:
            programs = set(converter.programs or ())
            wanted = [
                note
                for note in sub.notes
                if not note.is_drum and note.program in programs and 21 <= note.pitch <= 108
            ]
            tracks = slow.melodies(
                wanted, converter.gap_bars, converter.max_bars, converter.skip_polyphony
            )
        is_melody = isinstance(converter, gf.MelodyConverter)
        found.append((sub.offset, slow.windows(tracks, converter.slice_bars, is_melody)))
    return found


@given(
    band_files(),
    st.sampled_from((1, 2, 3)),
    st.sampled_from((None, 1, 2)),
    st.sampled_from((4, 100)),
    st.booleans(),
)
def test_windows_are_those_of_the_slow_reading(
    data: bytes, slice_bars: int, gap_bars: int | None, max_bars: int, skip_polyphony: bool
) -> None:
    for converter in (
        gf.DrumsConverter(slice_bars, gap_bars, max_bars),
        gf.MelodyConverter(slice_bars, range(32), gap_bars, max_bars, skip_polyphony),
        gf.MelodyConverter(slice_bars, None, gap_bars, max_bars),
    ):
        tensors = converter.to_tensors(data)
        expected = slow_windows(data, converter)
        assert tensors.offsets.tolist() == [offset for offset, _ in expected]
        for number, (_, windows) in enumerate(expected):
            own = tensors.tokens[tensors.sub_sequences == number].tolist()
            assert len(own) == len(windows)
            assert set(map(tuple, own)) == windows
        assert bool(tensors.why_none) == (len(tensors) == 0)
        places = list(zip(tensors.sub_sequences, tensors.start_steps, strict=True))
        assert places == sorted(places)


@given(band_files(), st.sampled_from((1, 2, 4)), st.sampled_from((1, 2)), st.sampled_from((5, 99)))
def test_trios_are_those_of_the_slow_reading(
    data: bytes, slice_bars: int, gap_bars: int, max_bars: int
) -> None:
    tensors = gf.TrioConverter(slice_bars, gap_bars, max_bars).to_tensors(data)
    for number, sub in enumerate(slow.sub_sequences(slow.read(data))):
        expected = slow.trios(sub.notes, slice_bars, gap_bars, max_bars)
        own = tensors.tokens[tensors.sub_sequences == number].tolist()
        assert sorted(own) == sorted([[*map(list, window)] for window in expected])


# --- What there is beside Magenta -----------------------------------------------------------


def beat(bars: int, *more: bytes) -> bytes:
    """A kick and a snare, another snare in every bar, in 4/4 at 120."""
    events = list(more)
    for bar in range(bars):
        events += [midi.hit(0, 36), midi.hit(119 + 120 * (bar % 8), 38)]
        events.append(midi.meta(BAR - 121 - 120 * (bar % 8), 1))
    return midi.song(*events)


def test_order_of_the_music_and_equal_windows_once() -> None:
    tensors = gf.DrumsConverter().to_tensors(beat(12))
    assert tensors.tokens.dtype == np.int16
    assert tensors.start_steps.tolist() == [16 * bar for bar in range(8)]
    assert tensors.tokens[0].tolist() == [1, 2, *[0] * 14, 1, 0, 2, *[0] * 13]
    # A change of tempo begins anew.
    both = midi.header(2) + beat(12)[14:] + midi.track(midi.END)
    changed = midi.song(*[midi.tempo(0, 400_000)]) and beat(12, midi.tempo(0, 400_000))
    assert np.array_equal(gf.DrumsConverter().to_tensors(both).tokens, tensors.tokens)
    assert np.array_equal(gf.DrumsConverter().to_tensors(changed).tokens, tensors.tokens)


def test_all_tempos_of_a_tick_cut() -> None:
    data = beat(8)
    half = midi.meta(4 * BAR, 1)
    changes = midi.tempo(4 * BAR, 400_000) + midi.tempo(0, 500_000)
    for first in (half, changes):
        tracks = midi.track(first) + data[14:]
        tensors = gf.DrumsConverter().to_tensors(midi.header(2) + tracks)
        assert len(tensors.offsets) == 1 + (first is changes)


def test_a_meter_of_no_beats_gives_nothing() -> None:
    data = midi.header(2) + midi.track(midi.meter(4 * BAR, 0)) + beat(8)[14:]
    tensors = gf.DrumsConverter().to_tensors(data)
    assert tensors.start_steps.tolist() == [0, 16, 32]
    with pytest.raises(gf.MidiError, match="0 beats"):
        gf.GrooveConverter(magenta_compat=True).to_tensors(data)


def test_inputs_and_outputs_are_rows_of_the_tokens() -> None:
    tensors = gf.DrumsConverter().to_tensors(beat(4))
    assert tensors.inputs.shape == (3, 32, 10)
    assert tensors.inputs.dtype == np.float32
    assert np.array_equal(tensors.inputs[..., :9] @ 2 ** np.arange(9), tensors.tokens)
    assert np.array_equal(tensors.inputs[..., 9] == 1, tensors.tokens == 0)
    assert tensors.outputs.shape == (3, 32, 512)
    assert np.array_equal(tensors.outputs.argmax(axis=-1), tensors.tokens)
    assert (tensors.outputs.sum(axis=-1) == 1).all()
    same = gf.DrumsConverter(roll_input=False).to_tensors(beat(4))
    assert np.array_equal(same.inputs, tensors.outputs)


def test_end_tokens() -> None:
    plain = gf.DrumsConverter().to_tensors(beat(4))
    converter = gf.DrumsConverter(add_end_token=True)
    tensors = converter.to_tensors(beat(4))
    assert tensors.tokens[:, -1].tolist() == [512] * 3
    assert np.array_equal(tensors.tokens[:, :-1], plain.tokens)
    assert (tensors.inputs.shape[1:], tensors.outputs.shape[1:]) == ((33, 11), (33, 513))
    assert np.array_equal(tensors.inputs[:, -1], np.tile(np.eye(11)[9], (3, 1)))
    assert np.array_equal(tensors.inputs[:, :-1, [*range(9), 10]], plain.inputs)
    assert converter.from_tensors(tensors.tokens) == gf.DrumsConverter().from_tensors(plain.tokens)
    early = converter.from_tensors([1, 0, 512, 1, 1])
    assert early == gf.DrumsConverter().from_tensors([1, 0])
    melodies = gf.MelodyConverter(add_end_token=True)
    (melody,) = melodies.from_tensors([43, 0, 0, 90, 44])
    assert melody.notes[["pitch", "end_time"]].tolist() == [(62, 0.375)]


def test_a_trio_has_no_roll() -> None:
    layout = gf.TrioConverter().layout
    tokens = np.array([[[0, 1, 3], [89, 2, 511]]], np.int16)
    rows = layout.outputs(np, tokens)
    assert rows.shape == (1, 2, 692)
    assert np.argwhere(rows[0]).tolist() == [[0, 0], [0, 91], [0, 183], [1, 89], [1, 92], [1, 691]]
    assert np.array_equal(layout.inputs(np, tokens), rows)


def test_five_windows_of_a_file_are_drawn_as_magenta_draws_them() -> None:
    tempo_change = midi.meta(0, 1) + midi.tempo(0, 400_000)
    events = beat(12)[22:-4], tempo_change, beat(3)[22:-4]
    data = midi.song(*events)
    every = gf.DrumsConverter().to_tensors(data)
    counts = np.bincount(every.sub_sequences).tolist()
    assert counts == [8, 2]
    seen = set()
    for seed in range(60):
        converter = gf.DrumsConverter(max_windows=5, seed=seed)
        drawn = converter.to_tensors(data)
        assert np.array_equal(drawn.tokens, converter.to_tensors(data).tokens)
        places = list(zip(drawn.sub_sequences.tolist(), drawn.start_steps.tolist(), strict=True))
        assert len(places) == 5
        assert places == sorted(set(places))
        seen |= set(places)
        fewer = gf.DrumsConverter(max_windows=1, seed=seed).to_tensors(data)
        assert len(fewer) == 1
    assert len(seen) == 10
    anew = gf.DrumsConverter(max_windows=5)
    assert len({anew.to_tensors(data).start_steps.tobytes() for _ in range(20)}) > 1


@pytest.mark.parametrize("converter", [*CONVERTERS.values(), gf.TrioConverter()])
def test_a_score_gives_what_its_file_does(
    converter: Converter, synthetic_files: list[bytes]
) -> None:
    compared = 0
    for data in synthetic_files:
        score = gf.read_midi(data, channel=ALL_CHANNELS)
        # Magenta knows of no tempo and no meter of another track, and of no note without an end.
        elsewhere = score.tempos["track"].any() or score.time_signatures["track"].any()
        if not elsewhere:
            expected, found = converter.to_tensors(data), converter.to_tensors(score)
            assert np.array_equal(found.tokens, expected.tokens)
            assert np.array_equal(found.start_steps, expected.start_steps)
            compared += 1
    assert compared > 9


def test_each_song_of_a_score_is_read_by_itself() -> None:
    one, two = beat(4)[14:], beat(4, midi.tempo(0, 250_000))[14:]
    score = gf.read_midi(midi.header(2, 2) + one + two)
    tensors = gf.DrumsConverter().to_tensors(score)
    assert tensors.sub_sequences.tolist() == [0, 0, 0, 1, 1, 1]
    assert tensors.offsets.tolist() == [0, 0]
    assert np.array_equal(tensors.tokens[:3], tensors.tokens[3:])


def test_reads_all_that_stands_for_a_file(tmp_path: Path) -> None:
    data = beat(4)
    path = tmp_path / "beat.mid"
    path.write_bytes(data)
    expected = gf.DrumsConverter().to_tensors(data).tokens
    groove = gf.Groove.from_midi(data)
    with path.open("rb") as file:
        for source in (path, str(path), bytearray(data), file, groove, groove.to_midi()):
            assert np.array_equal(gf.DrumsConverter().to_tensors(source).tokens, expected)


def test_plays_back_what_was_read(synthetic_files: list[bytes]) -> None:
    data = synthetic_files[36]
    for converter in (gf.DrumsConverter(), gf.TrioConverter()):
        tensors = converter.to_tensors(data)
        assert len(tensors) > 1
        for played in converter.from_tensors(tensors.tokens):
            again = converter.to_tensors(played.to_bytes())
            if len(again):  # not of a window whose first or last bar is silent
                assert len(again) == 1
                assert converter.from_tensors(again.tokens) == [played]


def test_converters_are_values() -> None:
    for converter in (*CONVERTERS.values(), gf.TrioConverter()):
        assert pickle.loads(pickle.dumps(converter)) == converter
        assert len({converter, pickle.loads(pickle.dumps(converter))}) == 1
    assert gf.MelodyConverter(programs=None) == gf.MelodyConverter(programs=range(128))
    assert gf.MelodyConverter(programs=[5, 3]) == gf.MelodyConverter(programs=(3, 5))


# --- Bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "options", "problem"),
    [
        (gf.DrumsConverter, {"slice_bars": 0}, "slice_bars: 0 is no whole number from 1"),
        (gf.DrumsConverter, {"slice_bars": True}, "slice_bars: True"),
        (gf.DrumsConverter, {"slice_bars": 101}, "slice_bars: 101 do not fit into max_bars, 100"),
        (gf.DrumsConverter, {"gap_bars": 0}, "gap_bars: 0 is no whole number"),
        (gf.DrumsConverter, {"max_bars": 10**6}, "max_bars: 1000000 is no whole number"),
        (gf.DrumsConverter, {"max_windows": 0}, "max_windows: 0"),
        (gf.DrumsConverter, {"seed": -1}, "seed: -1"),
        (gf.MelodyConverter, {"programs": [128]}, "programs: 128 is no MIDI program"),
        (gf.MelodyConverter, {"programs": ["a"]}, "programs: 'a' is no MIDI program"),
        (gf.MelodyConverter, {"programs": []}, "programs: none given"),
        (gf.TrioConverter, {"gap_bars": None}, "gap_bars: None is no whole number"),
    ],
)
def test_refuses_options(make: Any, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(gf.GrooveFastError, match=problem) as error:
        make(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("converter", "tokens", "problem"),
    [
        (gf.DrumsConverter(), [512], "no such token 512; they are 0 to 511"),
        (gf.DrumsConverter(), [[-1]], "no such token -1"),
        (gf.DrumsConverter(), [[[0]]], r"\(steps\) or \(n, steps\) wanted, not \(1, 1, 1\)"),
        (gf.DrumsConverter(), 3, "wanted"),
        (gf.DrumsConverter(), np.zeros((2, 90)), r"rows \(steps, 512\)"),
        (gf.DrumsConverter(), np.full((2, 512), np.nan), "not finite"),
        (gf.DrumsConverter(), ["kick"], "whole numbers"),
        (gf.MelodyConverter(), [90], "no such token 90; they are 0 to 89"),
        (gf.TrioConverter(), [[0, 0]], r"\(steps, 3\) or \(n, steps, 3\) wanted, not \(1, 2\)"),
        (gf.TrioConverter(), [[0, 0, 512]], "no such token 512 of part 2; they are 0 to 511"),
        (gf.TrioConverter(), [[0, 90, 0]], "no such token 90 of part 1; they are 0 to 89"),
    ],
)
def test_refuses_tokens(converter: Converter, tokens: Any, problem: str) -> None:
    with pytest.raises(gf.GrooveFastError, match=f"tokens: .*{problem}"):
        converter.from_tensors(tokens)


@pytest.mark.parametrize(
    ("converter", "data", "why"),
    [
        (gf.DrumsConverter(), midi.song(midi.hit(0, 60, channel=0)), "no drums on channel 10"),
        (gf.DrumsConverter(), midi.song(), "no drums on channel 10"),
        (gf.DrumsConverter(), beat(4, midi.meter(0, 3)), "drums on channel 10, but not in 4/4"),
        (gf.DrumsConverter(), beat(1), "drums on channel 10, but never for 2 bars in a row"),
        (gf.MelodyConverter(), beat(4), "no melody"),
        (gf.TrioConverter(), beat(40), "no trio of melody"),
    ],
)
def test_tells_why_there_are_no_windows(converter: Converter, data: bytes, why: str) -> None:
    tensors = converter.to_tensors(data)
    assert len(tensors) == 0
    assert tensors.inputs.shape[0] == tensors.outputs.shape[0] == 0
    assert tensors.why_none.startswith(why)
    with pytest.raises(gf.GrooveFastError, match=r"a\.mid: (no|drums)"):
        tensors.checked("a.mid")


def test_damaged_files_and_their_names(tmp_path: Path) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(beat(4)[:-9])
    with pytest.raises(gf.MidiError, match=r"broken\.mid: "):
        gf.DrumsConverter().to_tensors(path)
    with pytest.raises(gf.GrooveFastError, match="transpose: 200"):
        gf.MelodyConverter().to_tensors(beat(4), transpose=200)


def test_refuses_more_windows_than_any_music_has() -> None:
    """Trios of 40 instruments of each kind, over hundreds of bars."""
    parts = [(0, 5), (1, 33), (9, 0)] * 42
    tracks = [
        midi.track(
            midi.program(0, program, channel),
            midi.on(0, 60, 90, channel),
            midi.off(2000, 60, channel),
        )
        for channel, program in parts
    ]
    data = midi.header(len(tracks), 1, 4) + b"".join(tracks)
    with pytest.raises(gf.GrooveFastError, match="more than 262,144 windows of trio"):
        gf.TrioConverter().to_tensors(data)


def test_years_of_silence_take_no_memory() -> None:
    longest = 0x0FFFFFFF
    waits = [midi.meta(longest, 1) for _ in range(40)]
    data = midi.song(midi.hit(0, 36), *waits, midi.hit(0, 36), division=1)
    tensors = gf.DrumsConverter(1, gap_bars=None, max_bars=16_384).to_tensors(data)
    assert len(tensors) == 2
    assert len(gf.DrumsConverter(1).to_tensors(data)) == 2
    held = midi.song(midi.on(0, 60, 90, 0), *waits, midi.off(0, 60, 0), division=1)
    assert len(gf.MelodyConverter(max_bars=16_384).to_tensors(held)) == 2
