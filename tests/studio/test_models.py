"""Models that the studio is started with: what a page is told of them, and what they play."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import as_sent, sent
from token_models import DRUMS, MELODY, SIXTEEN, TRIO, make_token_model

from groovefast import DrumsConverter, GrooveFastError, MelodyConverter, TrioConverter
from groovefast.errors import OptionError
from groovefast.model import checkpoints
from groovefast.model.checkpoints import load_model, save_model
from groovefast.playing import MODES, play
from groovefast.sound.synth import render, to_wav
from groovefast.studio import jobs, voices
from groovefast.studio.jobs import options_of, playing
from groovefast.studio.models import Models
from groovefast.studio.pieces import Sent, opened

KINDS = (DRUMS, MELODY, TRIO, SIXTEEN)
RNG = np.random.default_rng(0)
TUNE = np.tile([43, 0, 47, 0, 50, 1, 0, 0], 32)
BEAT = np.tile([5, 0, 4, 0, 6, 0, 4, 0], 32)
FILES = {
    DRUMS: DrumsConverter().from_tensors(BEAT[:32])[0].to_bytes(),
    MELODY: MelodyConverter().from_tensors(TUNE[:32], 100)[0].to_bytes(),
    TRIO: TrioConverter().from_tensors(np.stack((TUNE, TUNE // 2, BEAT), -1))[0].to_bytes(),
    SIXTEEN: DrumsConverter().from_tensors(BEAT)[0].to_bytes(),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("given")
    return {kind: save_model(make_token_model(kind), folder / f"my {kind}") for kind in KINDS}


@pytest.fixture
def models(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Models:
    models = Models()
    models.give(folders.values())
    monkeypatch.setattr(jobs, "MODELS", models)
    return models


def midi_of(piece: dict[str, Any]) -> bytes:
    return base64.b64decode(piece["midi"])


def piece_of(kind: str) -> dict[str, Any]:
    return opened(FILES[kind], f"{kind}.mid", pitched=True)


# --- What is offered ------------------------------------------------------------------------


def test_given_models_are_offered_where_they_can_play(models: Models) -> None:
    mine = [f"my {kind}" for kind in KINDS]
    for mode in ("sample", "vary", "interpolate", "reconstruct"):
        offered = models.offered(mode)
        assert offered[0] == MODES[mode].model
        assert offered[-4:] == mine
    for mode in ("humanize", "tap2drum", "add-hihat", "groove-transfer", "continue"):
        assert models.offered(mode) == [MODES[mode].model]
        assert models.facts(mode, options_of(mode)) == []


def test_a_page_is_told_what_each_heeds(models: Models) -> None:
    facts = {each["name"]: each for each in models.facts("sample", options_of("sample"))}
    own, drums, sixteen = (facts[name] for name in ("groovae_4bar", f"my {DRUMS}", f"my {SIXTEEN}"))
    assert (own["bars"], own["tokens"], own["options"]) == (4, None, [*options_of("sample")])
    assert "funk" in own["styles"]
    assert (drums["bars"], drums["tokens"], drums["styles"]) == (2, "drums", [])
    assert {"style", "variety", "touch", "attributes"}.isdisjoint(drums["options"])
    assert {"temperature", "seed", "num", "qpm"} <= {*drums["options"]}
    assert (sixteen["bars"], sixteen["tokens"]) == (16, None)
    assert "touch" not in sixteen["options"]
    vary = {each["name"]: each for each in models.facts("vary", options_of("vary"))}
    assert "timing" in vary[f"my {SIXTEEN}"]["options"]
    assert "timing" not in vary[f"my {TRIO}"]["options"]
    assert "spread" in vary[f"my {TRIO}"]["options"]


def test_only_melodies_have_other_notes_heard(folders: dict[str, Path]) -> None:
    models = Models()
    models.give([folders[DRUMS], folders[SIXTEEN]])
    assert not models.hear_pitches
    models.give([folders[MELODY]])
    assert models.hear_pitches


def test_sixteen_bars_are_offered() -> None:
    models = Models()
    for mode in ("sample", "vary", "interpolate"):
        assert models.offered(mode) == [MODES[mode].model, SIXTEEN]
        assert models.load(mode, SIXTEEN).config.converter.split_bars == 16
    assert models.offered("humanize") == ["groovae_2bar_humanize"]


def test_a_page_does_not_wait_for_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "load_model", lambda path: pytest.fail(f"{path} was read"))
    facts = {each["name"]: each for each in Models().facts("sample", options_of("sample"))}
    monkeypatch.undo()
    models = Models()
    models.warm()
    assert facts == {each["name"]: each for each in models.facts("sample", options_of("sample"))}
    assert {"funk", "jazz"} <= {*facts[SIXTEEN]["styles"]}


def test_two_of_a_name_are_told_apart(tmp_path: Path) -> None:
    paths = [
        save_model(make_token_model(DRUMS, seed), tmp_path / str(seed) / "groovae_4bar")
        for seed in (1, 2)
    ]
    models = Models()
    models.give(paths)
    assert models.offered("sample")[-2:] == ["groovae_4bar 2", "groovae_4bar 3"]
    assert models.name_in_files("sample", "groovae_4bar 3") == "groovae_4bar"
    assert models.load("sample", "groovae_4bar 2").config.name == DRUMS
    assert models.load("sample").config.name == "groovae_4bar"


def test_what_is_no_model_is_told(tmp_path: Path, models: Models) -> None:
    with pytest.raises(GrooveFastError, match="nowhere: no such model"):
        models.give([tmp_path / "nowhere"])
    with pytest.raises(OptionError, match="model: no such model 'mine' for sample; it is one of"):
        models.load("sample", "mine")
    with pytest.raises(OptionError, match="model: no such model"):
        playing("humanize", [sent(piece_of(DRUMS))], {"model": f"my {DRUMS}"})


# --- What they play -------------------------------------------------------------------------


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mode", "inputs", "options"),
    [
        ("sample", 0, {"num": 2, "qpm": 90, "temperature": 1}),
        ("vary", 1, {"spread": 1}),
        ("interpolate", 2, {"at": 0.3}),
        ("reconstruct", 1, {}),
    ],
)
def test_results_are_those_of_the_command(
    folders: dict[str, Path],
    kind: str,
    mode: str,
    inputs: int,
    options: dict[str, Any],
) -> None:
    told: list[tuple[str, float]] = []
    pieces = [sent(piece_of(kind), pitched=True)] * inputs
    asked = {**options, "seed": 5, "model": f"my {kind}"}
    result = playing(mode, pieces, asked, lambda *how: told.append(how))
    model = load_model(folders[kind])
    expected = play(mode, [FILES[kind]] * inputs, model, model_name=f"my {kind}", seed=5, **options)
    assert [midi_of(piece) for piece in result["pieces"]] == [each.midi for each in expected]
    assert [share for stage, share in told if stage == "playing"][-1] == pytest.approx(1)
    for piece in result["pieces"]:
        assert bool(piece["notes"]) == (kind in (MELODY, TRIO))


def test_drums_of_another_kit_are_heard_as_drums(models: Models) -> None:
    roland = DrumsConverter().from_tensors(BEAT[:32] * 2, pitch_classes="roland")[0].to_bytes()
    piece = opened(roland, "a.mid", kit="roland")
    (played,) = playing("reconstruct", [sent(piece)], {"model": f"my {DRUMS}"})["pieces"]
    general = DrumsConverter().from_tensors(BEAT[:32] * 2)[0].to_bytes()
    (expected,) = play("reconstruct", [general], models.load("sample", f"my {DRUMS}"))
    assert midi_of(played) == expected.midi


# --- Notes that are no drums ----------------------------------------------------------------


def test_notes_are_told_in_quarters() -> None:
    piece = piece_of(TRIO)
    tones = [note[0] for note in piece["notes"]]
    assert set(tones) == {0, 1}
    melody = [note for note in piece["notes"] if note[0] == 0]
    assert melody[:2] == [[0, 62, 0.0, 0.5, 80], [0, 66, 0.5, 1.0, 80]]
    assert len(piece["notes"]) == piece["others"]
    assert len(piece["hits"]) == sum(int(token).bit_count() for token in BEAT)
    assert opened(FILES[TRIO], "a.mid")["notes"] == []


def test_a_melody_is_a_piece_where_melodies_are_heard() -> None:
    assert piece_of(MELODY)["hits"] == []
    with pytest.raises(GrooveFastError, match="no drums on channel 10"):
        opened(FILES[MELODY], "tune.mid")
    with pytest.raises(OptionError, match="pitched: 1 is neither true nor false"):
        Sent.of(as_sent(piece_of(MELODY), pitched=1))


def test_drums_are_set_to_a_melody() -> None:
    hits = [[None, 0, 1.0, 100], [None, 1, 2.0, 90]]
    piece = sent(piece_of(MELODY), hits=hits, pitched=True).to_piece()
    assert [hit[1:] for hit in piece["hits"]] == [hit[1:] for hit in hits]
    assert piece["notes"] == piece_of(MELODY)["notes"]


def test_a_trio_stays_one_when_its_drums_are_played() -> None:
    trio = sent(piece_of(TRIO), pitched=True)
    (piece,) = playing("humanize", [trio], {"seed": 1})["pieces"]
    assert [note[:2] for note in piece["notes"]] == [note[:2] for note in piece_of(TRIO)["notes"]]


def test_the_sound_is_that_of_the_command() -> None:
    for pitched in (True, False):
        wav = voices.sound(FILES[TRIO], pitched=pitched)
        assert wav == to_wav(render(FILES[TRIO], pitched=pitched))
    assert voices.tone_wav(1, 40).startswith(b"RIFF")
    for wrong in ((2, 60), (0, 128), (0, -1)):
        with pytest.raises(OptionError, match="is no whole number from 0 to"):
            voices.tone_wav(*wrong)
