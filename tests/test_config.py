from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from model_families import MAGENTAS_GROOVAE

from groovefast.config import (
    CONFIGS,
    Config,
    ConverterConfig,
    HParams,
    TokensConfig,
    get_config,
)
from groovefast.errors import GrooveFastError


def test_the_six_named_configs_of_groovae() -> None:
    assert MAGENTAS_GROOVAE == [
        "groovae_4bar",
        "groovae_2bar_humanize",
        "groovae_2bar_tap_fixed_velocity",
        "groovae_2bar_tap_fixed_velocity_note_dropout",
        "groovae_2bar_add_closed_hh",
        "groovae_2bar_hits_control",
    ]
    for name in MAGENTAS_GROOVAE:
        assert CONFIGS[name].converter.split_bars == (4 if "4bar" in name else 2)
        assert CONFIGS[name].hparams == HParams()


def test_every_config_has_its_own_name() -> None:
    assert [config.name for config in CONFIGS.values()] == list(CONFIGS)


def test_sixteen_bars_of_groove_differ_in_the_conductor_alone() -> None:
    conducted, flat = CONFIGS["groovae_16bar"], CONFIGS["groovae_16bar_flat"]
    assert conducted.converter == flat.converter == ConverterConfig(split_bars=16)
    assert conducted.hparams == dataclasses.replace(flat.hparams, hierarchical_decoder=True)
    assert not flat.hparams.hierarchical_decoder


SMALL, BIG, DEEP = (512,), (2048,), (2048, 2048)
MUSICVAE = """
    name                 | steps | batch | z   | enc   | dec          | bits | beta | rate
    cat-drums_2bar_small | 32    | 512   | 256 | SMALL | (256, 256)   | 48   | 0.2  | 0
    cat-drums_2bar_big   | 32    | 512   | 512 | BIG   | BIG * 3      | 48   | 0.2  | 0
    hierdec-drums_16bar  | 256   | 512   | 512 | DEEP  | (1024, 1024) | 256  | 0.2  | 0
    flat-drums_16bar     | 256   | 512   | 512 | DEEP  | BIG * 3      | 256  | 0.2  | 0
    cat-mel_2bar_small   | 32    | 512   | 256 | SMALL | (256, 256)   | 0    | 0.2  | 0.99999
    cat-mel_2bar_big     | 32    | 512   | 512 | BIG   | BIG * 3      | 0    | 0.5  | 0.99999
    flat-mel_16bar       | 256   | 512   | 512 | DEEP  | BIG * 3      | 256  | 0.2  | 0
    hierdec-mel_16bar    | 256   | 512   | 512 | DEEP  | (1024, 1024) | 256  | 0.2  | 0
    hier-mel_16bar       | 256   | 512   | 512 | (1024,) | (1024, 1024) | 256 | 0.2 | 0
    flat-trio_16bar      | 256   | 256   | 512 | DEEP  | BIG * 3      | 0    | 1.0  | 0
    hierdec-trio_16bar   | 256   | 256   | 512 | DEEP  | (1024, 1024) | 256  | 0.2  | 0
    hier-trio_16bar      | 256   | 256   | 512 | (1024,) | (1024, 1024) | 256 | 0.2 | 0
"""
"""As Magenta has them, but for the two of 16 bars of drums."""


@pytest.mark.parametrize("line", MUSICVAE.strip().splitlines()[1:])
def test_the_named_configs_of_musicvae(line: str) -> None:
    name, *columns = (each.strip() for each in line.split("|"))
    sizes = {"SMALL": SMALL, "BIG": BIG, "DEEP": DEEP}
    steps, batch, z, enc, dec, bits, beta, rate = (eval(each, sizes) for each in columns)
    config = CONFIGS[name]
    hparams = config.hparams
    assert config.converter.window_steps == steps
    assert (hparams.batch_size, hparams.z_size, hparams.free_bits) == (batch, z, bits)
    assert (hparams.enc_rnn_size, hparams.dec_rnn_size) == (enc, dec)
    assert (hparams.max_beta, hparams.beta_rate, hparams.dropout_keep_prob) == (beta, rate, 1)
    schedule = ("teacher_forcing", 0) if steps == 256 else ("inverse_sigmoid", 1000)
    assert (hparams.sampling_schedule, hparams.sampling_rate) == schedule
    assert hparams.hierarchical_encoder == name.startswith("hier-")
    assert hparams.hierarchical_decoder == name.startswith("hier")
    assert config.tokens is not None
    assert (
        config.tokens.representation
        == {"dr": "drums", "me": "melody", "tr": "trio"}[name.partition("-")[2][:2]]
    )
    assert config.tokens.roll_input == ("drums" in name)
    assert not config.tokens.add_end_token


def test_configs_of_tokens_come_back_from_json() -> None:
    for config in CONFIGS.values():
        assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"representation": "chords"}, "representation: no such choice 'chords'"),
        ({"representation": "melody", "roll_input": True}, "roll_input: is of drums alone"),
        ({"representation": "trio", "add_end_token": True}, "add_end_token: is not of trios"),
    ],
)
def test_tokens_there_are_not(options: dict[str, object], problem: str) -> None:
    with pytest.raises(GrooveFastError, match=problem):
        TokensConfig(**options)


def test_configs_differ_in_what_the_model_hears() -> None:
    plain = ConverterConfig()
    differing = {
        name.removeprefix("groovae_"): {
            field.name
            for field in dataclasses.fields(ConverterConfig)
            if getattr(CONFIGS[name].converter, field.name) != getattr(plain, field.name)
        }
        for name in MAGENTAS_GROOVAE
    }
    assert differing == {
        "4bar": {"split_bars"},
        "2bar_humanize": {"humanize"},
        "2bar_tap_fixed_velocity": {"tapify", "fixed_velocities"},
        "2bar_tap_fixed_velocity_note_dropout": {
            "tapify",
            "fixed_velocities",
            "max_note_dropout_probability",
        },
        "2bar_add_closed_hh": {"add_instruments"},
        "2bar_hits_control": {"hits_as_controls"},
    }


def test_the_next_step_model_has_no_z() -> None:
    config = CONFIGS["groove_rnn"]
    assert config.hparams.z_size == 0
    assert config.converter.split_bars == 8
    assert config.with_hparams("dec_rnn_size=[8]").hparams.z_size == 0


def test_window_steps() -> None:
    assert ConverterConfig(split_bars=4).window_steps == 64
    assert ConverterConfig(split_bars=None).window_steps is None
    assert ConverterConfig(split_bars=2, quarters_per_bar=3).window_steps == 24


def test_hparams_are_overridden_by_text_or_mapping() -> None:
    config = CONFIGS["groovae_4bar"]
    text = "batch_size=64, free_bits=0,dec_rnn_size=[128,64],residual_encoder=true"
    mapping = {
        "batch_size": 64,
        "free_bits": 0,
        "dec_rnn_size": [128, 64],
        "residual_encoder": True,
    }
    changed = config.with_hparams(text)
    assert changed == config.with_hparams(mapping)
    assert changed.hparams.dec_rnn_size == (128, 64)
    assert changed.hparams.free_bits == 0.0
    assert isinstance(changed.hparams.free_bits, float)
    assert changed.hparams.residual_encoder is True
    assert changed.converter == config.converter
    assert config.hparams == HParams()
    assert config.with_hparams("") == config
    assert config.with_hparams("enc_rnn_size=256").hparams.enc_rnn_size == (256,)
    assert config.with_hparams("sampling_schedule=constant").hparams.sampling_schedule == "constant"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_siz=64", "no such hyper-parameter 'batch_siz'; did you mean batch_size"),
        ("batch_size", "'batch_size' is not of the form name=value"),
        ("batch_size=many", r"batch_size wants int \(as in 512\), not 'many'"),
        ("batch_size=1.5", "batch_size wants int"),
        ("batch_size=True", "batch_size wants int"),
        ("free_bits=few", "free_bits wants float"),
        ("enc_rnn_size=[0]", "enc_rnn_size wants a list of sizes"),
        ("enc_rnn_size=[]", "enc_rnn_size wants a list of sizes"),
        ("residual_encoder=maybe", "residual_encoder wants bool"),
        ("z_size=-1", "z_size wants 0 or more, not -1"),
        ("dropout_keep_prob=0", "dropout_keep_prob wants 1/65536 to 1, not 0"),
        ("dropout_keep_prob=1e-5", "dropout_keep_prob wants 1/65536 to 1, not 1e-05"),
        ("dropout_keep_prob=1.5", "dropout_keep_prob wants 1/65536 to 1"),
        ("grad_clip=0", "grad_clip wants more than 0"),
        ("ema_decay=1", "ema_decay wants 0 or more, less than 1"),
        ("swap_probability=-0.1", "swap_probability wants 0 to 1"),
        ("learning_rate=nan", r"learning_rate wants float \(as in 0.001\), not 'nan'"),
        ("free_bits=-inf", "free_bits wants float"),
        ("free_bits=1e999", "free_bits wants a finite number, not inf"),
        (f"grad_clip=1{400 * '0'}", "grad_clip wants a finite number, not inf"),
        ("sampling_rate=-1e999", "sampling_rate wants a finite number, not -inf"),
        ("batch_size=1,batch_size=2", "batch_size is given more than once; give it once"),
        ("z_size=1, z_size =1", "z_size is given more than once; give it once"),
    ],
)
def test_wrong_hparams_are_named(text: str, message: str) -> None:
    with pytest.raises(GrooveFastError, match=message) as caught:
        CONFIGS["groovae_4bar"].with_hparams(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_hparams_are_finite_however_they_come(value: float) -> None:
    config = CONFIGS["groovae_4bar"]
    with pytest.raises(GrooveFastError, match="hparams: sampling_rate wants a finite number"):
        config.with_hparams({"sampling_rate": value})
    with pytest.raises(GrooveFastError, match="hparams: learning_rate wants"):
        config.with_hparams({"learning_rate": value})
    with pytest.raises(GrooveFastError, match="hparams: free_bits wants a finite number"):
        HParams(free_bits=value)


def test_get_config_takes_names_and_configs() -> None:
    own = Config("mine", ConverterConfig(split_bars=8))
    assert get_config(own) is own
    assert get_config("groovae_4bar") is CONFIGS["groovae_4bar"]


def test_unknown_config_is_answered_with_close_ones() -> None:
    with pytest.raises(
        GrooveFastError, match=r"'groovae_2bar_humanise'; did you mean groovae_2bar_h"
    ):
        get_config("groovae_2bar_humanise")
    with pytest.raises(GrooveFastError, match=r"'xyz'; it is one of groovae_4bar, "):
        get_config("xyz")


def test_configs_are_reached_without_tensorflow(run_python: Callable[[str], str]) -> None:
    code = "import sys, groovefast; groovefast.CONFIGS; print('tensorflow' in sys.modules)"
    assert run_python(code) == "False"


@pytest.mark.parametrize("form", ["kit.txt", Path("kit.txt"), "36|38|||||||51"])
def test_a_drum_map_of_ones_own_is_kept_as_plain_data(
    form: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kit.txt").write_text("kick: 36\nsnare: 38\nride: 51\n")
    config = Config("mine", ConverterConfig(pitch_classes=form))
    Path("kit.txt").unlink()
    assert config.converter.pitch_classes == ((36,), (38,), (), (), (), (), (), (), (51,))
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert ConverterConfig(pitch_classes="general-midi") == ConverterConfig(pitch_classes="reduced")


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("hparams", [], "list"),
        ("converter", 5, "int"),
        ("name", None, "name"),
        ("hparams", {"z_size": "many"}, "z_size wants int"),
        ("hparams", {"free_bits": -1.0}, "free_bits wants 0 or more"),
        ("hparams", {"size": 1}, "no such hyper-parameter 'size'"),
        ("converter", {"bars": 1}, "bars"),
        ("converter", {"pitch_classes": "rolland"}, "pitch_classes"),
    ],
)
def test_what_is_no_config_is_told(part: str, value: object, reason: str) -> None:
    values = {**CONFIGS["groovae_4bar"].to_dict(), part: value}
    with pytest.raises(GrooveFastError, match=f"^config: not one of this version.*{reason}"):
        Config.from_dict(values)
    with pytest.raises(GrooveFastError, match=r"^config: not one of this version.*mapping"):
        Config.from_dict([])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["groovae_16bar", "cat-mel_2bar_small"])
def test_only_a_plain_decoder_of_performances_does_without_z(name: str) -> None:
    with pytest.raises(GrooveFastError, match=f"hparams: z_size wants 1 or more for {name}, not 0"):
        CONFIGS[name].with_hparams("z_size=0")
    assert CONFIGS["groovae_4bar"].with_hparams("z_size=0").hparams.z_size == 0
