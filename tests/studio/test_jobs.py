"""Modes from JSON to JSON: what the command makes, options of every kind, threads, progress."""

from __future__ import annotations

import base64
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import midi_bytes
import places
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import assert_one_line, new, outcome, sent, through_json

from groovefast import GrooveFastError, read_midi
from groovefast.cli import console
from groovefast.cli.sample import command
from groovefast.errors import OptionError
from groovefast.model import checkpoints
from groovefast.playing import MODES, play
from groovefast.studio import jobs
from groovefast.studio.jobs import inputs_of, options_of, playing
from groovefast.studio.models import Models
from groovefast.studio.pieces import Sent, opened

FLAT, TAP = (
    (places.ROOT / "docs" / "examples" / name).read_bytes() for name in ("flat.mid", "tap.mid")
)


@pytest.fixture(scope="module")
def flat() -> dict[str, Any]:
    return opened(FLAT, "flat.mid")


@pytest.fixture(scope="module")
def tap() -> dict[str, Any]:
    return opened(TAP, "tap.mid")


def midi_of(piece: dict[str, Any]) -> bytes:
    return base64.b64decode(piece["midi"])


def texts(midi: bytes) -> list[bytes]:
    """Text events, by way of mido."""
    import io

    import mido

    tracks = mido.MidiFile(file=io.BytesIO(midi)).tracks
    return [message.text for track in tracks for message in track if message.type == "text"]


# --- As the command does --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "options", "words"),
    [
        ("sample", {"num": 3}, "--num 3"),
        (
            "sample",
            {"num": 1, "style": "jazz", "variety": 0.5, "qpm": 97, "attributes": {"density": 1}},
            "--num 1 --style jazz --variety 0.5 --qpm 97 --attribute density=1",
        ),
        ("humanize", {"timing": 0.7}, "--input flat.mid --timing 0.7"),
        ("humanize", {"temperature": 1}, "--input flat.mid --temperature 1"),
        ("tap2drum", {"touch": 0}, "--input flat.mid --touch 0"),
        ("add-hihat", {"replace": True}, "--input flat.mid --replace"),
        ("groove-transfer", {"amount": 0.5}, "--input flat.mid --groove tap.mid --amount 0.5"),
        ("reconstruct", {}, "--input flat.mid"),
        ("interpolate", {"num": 3}, "--input flat.mid --input tap.mid --num 3"),
        (
            "interpolate",
            {"at": 0.3, "touch": 1},
            "--input flat.mid --input tap.mid --at 0.3 --touch 1",
        ),
        ("vary", {"num": 2, "spread": 0.8}, "--input flat.mid --num 2 --spread 0.8"),
        ("continue", {"bars": 3}, "--input flat.mid --bars 3"),
    ],
)
def test_results_are_those_of_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flat: dict[str, Any],
    tap: dict[str, Any],
    mode: str,
    options: dict[str, Any],
    words: str,
) -> None:
    for name, data in (("flat.mid", FLAT), ("tap.mid", TAP)):
        (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    run = [*words.split(), f"--mode={mode}", "--seed=5", "--output-dir=out"]
    with pytest.raises(SystemExit) as ended:
        console.run(command, run)
    assert ended.value.code == 0
    expected = [path.read_bytes() for path in sorted(Path("out").iterdir())]
    pieces = [sent(each) for each in (flat, tap)[: inputs_of(mode)[1]]]
    result = playing(mode, pieces, {**options, "seed": 5})
    assert [midi_of(piece) for piece in result["pieces"]] == expected
    assert result["seed"] == 5


def test_an_edited_piece_is_played_as_its_file(flat: dict[str, Any]) -> None:
    hits = [[*hit[:3], 127] for hit in flat["hits"][3:]]
    edited = sent(flat, hits=hits, qpm=90)
    (piece,) = playing("humanize", [edited], {"seed": 1})["pieces"]
    (expected,) = play("humanize", [edited.to_midi()], seed=1)
    assert midi_of(piece) == expected.midi
    assert piece["qpm"] == pytest.approx(90, abs=1e-3)


def test_a_new_piece_is_played() -> None:
    hits = [[None, drum, quarter, 100] for quarter in range(16) for drum in (quarter % 2, 2)]
    (piece,) = playing("humanize", [new(hits)], {"seed": 1})["pieces"]
    assert sorted(hit[1] for hit in piece["hits"]) == sorted(hit[1] for hit in hits)
    assert len(piece["bars"]) == 4
    assert piece["name"] == "new-humanize"


def test_a_seed_that_is_not_given_is_drawn_told_and_repeatable(flat: dict[str, Any]) -> None:
    results = [playing("vary", [sent(flat)], {"seed": None}) for _ in range(2)]
    assert results[0]["seed"] != results[1]["seed"]
    for result in results:
        assert f"seed {result['seed']}" in texts(midi_of(result["pieces"][0]))[-1]
        assert playing("vary", [sent(flat)], {"seed": result["seed"]}) == result


def test_names_and_messages(flat: dict[str, Any]) -> None:
    def names(mode: str, pieces: int, **options: Any) -> list[str]:
        result = playing(mode, [sent(flat)] * pieces, {"seed": 7, **options})
        return [piece["name"] for piece in result["pieces"]]

    assert names("sample", 0, num=1) == ["groove-7"]
    assert names("sample", 0, num=2) == ["groove-7-1", "groove-7-2"]
    assert names("humanize", 1) == ["flat-humanize"]
    assert names("interpolate", 2, num=2) == ["flat-interpolate-1", "flat-interpolate-2"]
    told = playing("add-hihat", [sent(flat)], {})["messages"]
    assert told == ["bars 1 to 4: the closed hi-hat that is there stays; replace plays it anew"]


def test_a_result_in_the_only_track_of_drums_is_where_drums_are(flat: dict[str, Any]) -> None:
    (piece,) = playing("tap2drum", [sent(flat)], {"seed": 1})["pieces"]
    assert (piece["channel"], piece["track"]) == (None, None)
    (piece,) = playing("tap2drum", [sent(opened(band(2), "band", track="2"))], {})["pieces"]
    assert (piece["channel"], piece["track"]) == ("10", "2")


# --- Whose drums ----------------------------------------------------------------------------


def band(channel: int, pitches: tuple[int, int] = (36, 38)) -> bytes:
    """Drums on a channel beside others, which play where General MIDI has its drums."""
    drums = b"".join(
        midi_bytes.hit(0 if not beat else 479, pitches[beat % 2], 50 + 4 * beat, channel)
        for beat in range(16)
    )
    others = b"".join(midi_bytes.hit(0 if not beat else 479, 38, 99) for beat in range(12))
    names = (midi_bytes.meta(0, 3, name) for name in (b"Pads", b"Kit"))
    tracks = (
        midi_bytes.track(name, events, midi_bytes.END)
        for name, events in zip(names, (others, drums), strict=True)
    )
    return midi_bytes.header(2) + b"".join(tracks)


@pytest.mark.parametrize("how", [{"channel": "3"}, {"track": "kit"}, {"track": "2"}])
@pytest.mark.parametrize("mode", ["humanize", "interpolate", "groove-transfer"])
def test_the_drums_are_where_the_first_piece_has_them(
    flat: dict[str, Any], mode: str, how: dict[str, str]
) -> None:
    piece = opened(band(2), "band", **how)
    beside = [sent(flat)] if inputs_of(mode)[1] == 2 else []
    (result,) = playing(
        mode, [sent(piece), *beside], {"seed": 3, **({"at": 0.5} if mode == "interpolate" else {})}
    )["pieces"]
    before, after = (read_midi(midi, 10).notes.tolist() for midi in (band(2), midi_of(result)))
    assert after == before
    assert midi_of(result) != band(2)
    assert {name: result[name] for name in how} == how
    assert {read_midi(midi_of(result), 3).notes["track"].item(0)} == {1}


@pytest.mark.parametrize("how", [{"channel": "3"}, {"track": "kit"}])
@pytest.mark.parametrize("first_how", [{}, {"track": "1"}, {"track": "2"}])
def test_a_second_piece_has_its_drums_where_it_was_opened(
    how: dict[str, str], first_how: dict[str, str]
) -> None:
    """What else plays on channel 10 there is not heard, whatever the first piece was opened as."""
    first = band(9) if first_how else FLAT
    beside = {
        tuple(notes): opened(band(2, notes), "beside", **how) for notes in ((36, 38), (49, 51))
    }
    results = [
        playing("interpolate", [sent(opened(first, "a", **first_how)), sent(second)], {"at": 1})
        for second in beside.values()
    ]
    alone = [playing("reconstruct", [sent(second)], {})["pieces"][0] for second in beside.values()]
    assert results[0]["pieces"][0]["hits"] != results[1]["pieces"][0]["hits"]
    assert alone[0]["hits"] != alone[1]["hits"]


def test_a_second_piece_of_another_kit_is_heard_as_its_drums() -> None:
    """Pitch 48 is a mid tom of General MIDI and a high tom of Roland's kit."""
    roland, reduced = (
        midi_bytes.song(*(midi_bytes.hit(0 if not n else 479, pitch, 90) for n in range(16)))
        for pitch in (48, 50)
    )
    first = sent(opened(FLAT, "a"))
    results = [
        playing("interpolate", [first, sent(opened(data, "b", kit=kit))], {"at": 0.9})
        for data, kit in ((roland, "roland"), (reduced, "reduced"))
    ]
    assert results[0]["pieces"][0]["hits"] == results[1]["pieces"][0]["hits"]


def test_errors_name_the_piece(flat: dict[str, Any]) -> None:
    empty = Sent.of({**flat, "name": "mine.mid", "hits": []})
    for mode, pieces in (("humanize", [empty]), ("interpolate", [sent(flat), empty])):
        with pytest.raises(GrooveFastError, match=r"^mine: no notes in it; give a drum perform"):
            playing(mode, pieces, {})


# --- Options --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_usual_options_may_be_given(mode: str, flat: dict[str, Any]) -> None:
    usual = through_json(options_of(mode))
    if mode == "interpolate":
        del usual["num"]
        usual["at"] = 0.0
    pieces = [sent(flat)] * inputs_of(mode)[1]
    given_all, given_none = (
        playing(mode, pieces, {**options, "seed": 2})
        for options in (usual, {"at": 0.0} if mode == "interpolate" else {})
    )
    assert given_all == given_none


@pytest.mark.parametrize(
    ("mode", "options", "line"),
    [
        ("humanise", {}, "mode: no such choice 'humanise'; did you mean humanize?"),
        (7, {}, "mode: text wanted, not 7"),
        (None, {}, "mode: text wanted, not None"),
        ("sample", None, "options: a JSON object wanted, not None"),
        ("sample", [1], "options: a JSON object wanted, not a JSON array"),
        ("sample", {"nmu": 3}, "'nmu': no such option of mode sample; did you mean num?"),
        ("sample", {"channel": 3}, "'channel': no such option of mode sample"),
        ("sample", {"pitch_classes": "/etc/passwd"}, "'pitch_classes': no such option"),
        ("sample", {"model": "/tmp"}, "model: no such model '/tmp' for sample; it is one of"),
        ("sample", {"model": 1}, "model: text wanted, not 1"),
        ("sample", {"model_name": "x"}, "'model_name': no such option of mode sample"),
        ("humanize", {"groove_from": "/etc/passwd"}, "'groove_from': no such option"),
        ("humanize", {"qpm": 100}, "qpm: of no use to `mode` humanize; it is for sample"),
        ("sample", {"amount": 0.5}, "amount: of no use to `mode` sample"),
        ("sample", {"hop_bars": 1}, "hop_bars: of no use to mode sample"),
        ("sample", {"num": 65}, "num: 65 is no whole number from 1 to 64"),
        ("sample", {"num": 1.5}, "num: 1.5 is no whole number"),
        ("sample", {"num": 10**40}, "num: a number of many digits is no whole number"),
        ("interpolate", {"num": 1}, "num: 1 is too few; `mode` interpolate makes at least 2"),
        ("interpolate", {"num": 3, "at": 0.5}, "num: of no use with `at`"),
        ("interpolate", {"at": 1.5}, "at: 1.5 is no number from 0 to 1"),
        ("sample", {"seed": -1}, "seed: -1 is no whole number from 0 to 2,147,483,647"),
        ("sample", {"seed": "5"}, "seed: '5' is no whole number"),
        ("sample", {"seed": True}, "seed: True is no whole number"),
        ("sample", {"temperature": math.nan}, "temperature: nan is no number"),
        ("sample", {"temperature": True}, "temperature: True is no number"),
        ("sample", {"temperature": 1e9}, "temperature: 1000000000.0 is no number from 0 to"),
        ("sample", {"qpm": 1}, "qpm: 1 is no number from 4 to 1,000"),
        ("sample", {"style": "polka"}, "style: "),
        ("sample", {"style": ["jazz"]}, "style: text wanted, not a JSON array"),
        ("sample", {"style": "x" * 10**6}, "style: 1,000,000 letters; 200 are enough"),
        ("sample", {"prior": "other"}, "prior: no such choice 'other'"),
        ("sample", {"attributes": {"groove": 1}}, "attributes: "),
        ("sample", {"attributes": {"density": "1"}}, "attributes 'density': '1' is no number"),
        ("sample", {"attributes": [1]}, "attributes: a JSON object wanted"),
        ("humanize", {"hop_bars": 3}, "hop_bars: 3 is more than the 2 bars"),
        ("humanize", {"timing": -0.1}, "timing: -0.1 is no number from 0 to 1"),
        ("add-hihat", {"replace": 1}, "replace: 1 is neither true nor false"),
    ],
    ids=str,
)
def test_options_that_cannot_be(flat: dict[str, Any], mode: Any, options: Any, line: str) -> None:
    pieces = [sent(flat)] * (inputs_of(mode)[1] if mode in MODES else 0)
    with pytest.raises(OptionError) as error:
        playing(mode, pieces, options)
    assert str(error.value).startswith(line)
    assert_one_line(str(error.value))


@pytest.mark.parametrize(
    ("mode", "pieces", "line"),
    [
        ("sample", 1, "pieces: 1 given, but mode sample works on 0"),
        ("humanize", 0, "pieces: 0 given, but mode humanize works on 1"),
        ("groove-transfer", 1, "pieces: 1 given, but mode groove-transfer works on 2"),
        ("interpolate", 3, "pieces: 3 given, but mode interpolate works on 2"),
    ],
)
def test_a_mode_works_on_so_many_pieces(
    flat: dict[str, Any], mode: str, pieces: int, line: str
) -> None:
    with pytest.raises(OptionError) as error:
        playing(mode, [sent(flat)] * pieces, {})
    assert str(error.value) == line


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from([0, 1, 0.5, 10**30, "jazz", "normal", "fitted", "density"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["density", "x"]) | st.text(max_size=3), inner, max_size=3
        )
    ),
    max_leaves=5,
)
NAMES = sorted({name for mode in MODES for name in options_of(mode)} | {"channel", "groove_from"})


@given(
    st.sampled_from([*MODES, "x"]) | JUNK,
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), JUNK, max_size=3) | JUNK,
)
@settings(max_examples=100)
def test_whatever_is_asked_is_answered_in_one_line(mode: Any, options: Any) -> None:
    pieces = [BAR] * (inputs_of(mode)[1] if isinstance(mode, str) and mode in MODES else 1)
    if isinstance(options, dict) and options.get("num") is None:
        options["num"] = 2 if mode == "interpolate" else 1
    result, refusal = outcome(lambda: playing(mode, pieces, options))
    if result is None:
        assert_one_line(refusal)
    else:
        assert through_json(result) == result


BAR = new([[None, 0, 0, 100], [None, 1, 1, 90]], bars=1)


# --- Models, threads, progress --------------------------------------------------------------


def test_models_are_read_once_by_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    load, read = checkpoints.load_model, []
    together = threading.Barrier(8)

    def counted(*source: Any, **options: Any) -> Any:
        read.append(source)
        return load(*source, **options)

    monkeypatch.setattr(checkpoints, "load_model", counted)
    models = Models()

    def ask(mode: str) -> Any:
        together.wait()
        return models.load(mode)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, ["sample", "vary", "reconstruct", "humanize"] * 2))
    assert len(read) == 2
    assert len({id(model) for model in found}) == 2
    models.warm()
    models.warm()
    assert len(read) == len({"groovae_16bar", *(mode.model for mode in MODES.values())})
    with pytest.raises(OptionError, match="no such choice"):
        models.load("x")


def test_threads_do_not_disturb_one_another(flat: dict[str, Any], tap: dict[str, Any]) -> None:
    def work(number: int) -> tuple[Any, list[str]]:
        mode = list(MODES)[number % len(MODES)]
        told: list[str] = []
        pieces = [sent(flat), sent(tap)][: inputs_of(mode)[1]]
        options = {"seed": number % len(MODES), **({"num": 2} if "num" in options_of(mode) else {})}
        return playing(mode, pieces, options, lambda stage, _: told.append(stage)), told

    alone = [work(number) for number in range(len(MODES))]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(2 * len(MODES)))) == alone * 2


@pytest.mark.parametrize("mode", MODES)
def test_progress_grows_to_its_end(mode: str, flat: dict[str, Any]) -> None:
    told: dict[str, list[float]] = {}
    options = {"seed": 1, **({"num": 3} if "num" in options_of(mode) else {})}
    hits = [hit for hit in flat["hits"] if hit[1] != 2]  # that a hi-hat is added
    pieces = [sent(flat, hits=hits)] * inputs_of(mode)[1]
    playing(mode, pieces, options, lambda stage, share: told.setdefault(stage, []).append(share))
    assert set(told) == ({"playing"} if mode == "sample" else {"listening", "playing"})
    for stage, shares in told.items():
        assert shares == sorted(shares)
        assert 0 < shares[0] < 1
        assert shares[-1] == 1 or (stage == "listening" and mode == "groove-transfer")


def test_what_a_report_raises_ends_the_work(flat: dict[str, Any]) -> None:
    told = []

    def report(stage: str, share: float) -> None:
        told.append((stage, share))
        if stage == "playing":
            raise InterruptedError("gone")

    with pytest.raises(InterruptedError, match="gone"):
        playing("humanize", [sent(flat)], {"seed": 1}, report)
    assert [stage for stage, _ in told].count("playing") == 1
    assert playing("humanize", [sent(flat)], {"seed": 1})["pieces"]


def test_what_may_be_asked_is_json() -> None:
    assert through_json({mode: options_of(mode) for mode in MODES})
    assert {mode: inputs_of(mode) for mode in MODES} == {
        "sample": (0, 0),
        "humanize": (1, 1),
        "tap2drum": (1, 1),
        "add-hihat": (1, 1),
        "groove-transfer": (2, 2),
        "reconstruct": (1, 1),
        "interpolate": (2, 2),
        "continue": (1, 1),
        "vary": (1, 1),
    }
    assert jobs.MODELS.load("sample") is jobs.MODELS.load("vary")
