"""The named configs: what the converter does to a performance, and the model trained on it.

Names and values are Magenta's (`magenta/models/music_vae/configs.py`).
"""

from __future__ import annotations

import ast
import dataclasses
import math
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from groovefast.drums import PitchClasses, plain_pitch_classes
from groovefast.errors import (
    GrooveFastError,
    OptionError,
    check_choice,
    check_whole,
    did_you_mean,
    which_of,
)

MAX_TEMPERATURE = 1e6
"""Above all use, and far from where float32 ends."""
GOING_ON_TEMPERATURE = 0.75
"""At which what follows is as like what came before as with drummers, on the validation split."""
MAX_SEED = 2**31 - 1
"""TensorFlow's stateless draws take no larger ones."""

SLOWEST_QPM, FASTEST_QPM = 4, 1000
"""Quarter notes a minute, of what is played anew."""
BACKENDS = ("numpy", "tensorflow")
"""What a model in use may compute with."""
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
"""What a model may be computed in."""
DEVICES = ("auto", "cpu", "gpu")
"""What training may be asked to run on."""
STRATEGIES = ("auto", "mirrored", "multiworker")
"""How training may be shared out to devices and machines."""
REPRESENTATIONS = ("drums", "melody", "trio")
"""What tokens may tell of, see `TokensConfig`."""


@dataclasses.dataclass(frozen=True)
class ConverterConfig:
    """Options of `GrooveConverter`, under Magenta's names.

    `pitch_classes` becomes plain data, whatever form it is given in.
    """

    split_bars: int | None = 2
    hop_bars: int = 1
    steps_per_quarter: int = 4
    quarters_per_bar: int = 4
    pitch_classes: PitchClasses = "roland"
    humanize: bool = False
    tapify: bool = False
    fixed_velocities: bool = False
    add_instruments: tuple[int, ...] = ()
    hits_as_controls: bool = False
    split_instruments: bool = False
    num_velocity_bins: int = 0
    num_offset_bins: int = 0
    max_note_dropout_probability: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "pitch_classes", plain_pitch_classes(self.pitch_classes))

    @property
    def steps_per_bar(self) -> int:
        """Steps in a bar."""
        return self.steps_per_quarter * self.quarters_per_bar

    @property
    def window_steps(self) -> int | None:
        """Grid steps of a window, before `split_instruments`; None for whole files."""
        return None if self.split_bars is None else self.split_bars * self.steps_per_bar


@dataclasses.dataclass(frozen=True)
class TokensConfig:
    """What a model reads and writes at each step where it is one of a few choices: MusicVAE's.

    Attributes:
        representation: "drums", the set of classes hit, 512 tokens; "melody", a pitch, its end or
            nothing, 90 tokens; or "trio", melody, bass and drums at once, a token each.
        roll_input: Whether the encoder hears which drums are hit, rather than the token.
        add_end_token: Whether there is one more token, which ends the music.
        num_programs: MIDI programs from 0 whose notes are melodies; 32 are pianos, tuned
            percussion, organs and guitars.
        max_windows: Training takes no more of a file, drawn once; None for all.
        max_transpose: Semitones by which windows of melodies are moved up or down in training, at
            most, anew each time.
    """

    representation: str
    roll_input: bool = False
    add_end_token: bool = False
    num_programs: int = 128
    max_windows: int | None = 5
    max_transpose: int = 0

    def __post_init__(self) -> None:
        check_choice("representation", self.representation, REPRESENTATIONS)
        check_whole("num_programs", self.num_programs, 1, 128)
        check_whole("max_transpose", self.max_transpose, 0, 127)
        if self.max_windows is not None:
            check_whole("max_windows", self.max_windows, 1)
        if self.max_transpose and self.representation != "melody":
            raise OptionError("max_transpose", "is of melodies alone")
        if self.roll_input and self.representation != "drums":
            raise OptionError("roll_input", "is of drums alone")
        if self.add_end_token and self.representation == "trio":
            raise OptionError("add_end_token", "is not of trios")

    @property
    def parts(self) -> tuple[str, ...]:
        """Of what there is a token at each step."""
        is_trio = self.representation == "trio"
        return ("melody", "bass", "drums") if is_trio else (self.representation,)


@dataclasses.dataclass(frozen=True)
class ArchitectureHParams:
    """The layers of the model and their sizes.

    Attributes:
        z_size: Of the latent vector; 0 for a model without: it has no encoder, and goes on from
            what was played before.
        enc_rnn_size: Units of each bidirectional encoder layer, in either direction.
        dec_rnn_size: Units of each decoder layer.
        residual_encoder: Whether encoder layers add their input to their output.
        residual_decoder: The same of decoder layers.
        hierarchical_encoder: Whether each bar is read alone first, and then what was made of them.
        hierarchical_decoder: Whether a conductor, with layers of the decoder's sizes, lays out the
            bars first.
    """

    z_size: int = 256
    enc_rnn_size: tuple[int, ...] = (512,)
    dec_rnn_size: tuple[int, ...] = (256, 256)
    residual_encoder: bool = False
    residual_decoder: bool = False
    hierarchical_encoder: bool = False
    hierarchical_decoder: bool = False

    @property
    def goes_by_bars(self) -> bool:
        """Whether windows are read or written bar by bar."""
        return self.hierarchical_encoder or self.hierarchical_decoder


@dataclasses.dataclass(frozen=True)
class LossHParams:
    """What counts how much. All but the free bits are not in Magenta; by default they do nothing.

    Attributes:
        free_bits: Bits of the KL divergence that cost nothing.
        played_weight: What the loss of the truth's hits is multiplied by; above 1 a model that
            cannot be sure plays rather than stays silent.
        velocities_weight: What the loss of velocities is multiplied by.
        offsets_weight: The same of offsets.
        loss_at_hits_only: Whether velocities and offsets count only where the truth has a hit. If
            not, the zeros of all other cells pull predictions towards 0.
    """

    free_bits: float = 48.0
    played_weight: float = 1.0
    velocities_weight: float = 1.0
    offsets_weight: float = 1.0
    loss_at_hits_only: bool = False


@dataclasses.dataclass(frozen=True)
class ScheduleHParams:
    """What changes from step to step, but for the learning rate.

    Attributes:
        max_beta: The weight of the KL divergence in the end.
        beta_rate: How slowly it gets there; 0 for at once.
        sampling_schedule: How likely the decoder hears its own last row rather than the true one:
            "teacher_forcing" never, or "constant", "exponential" or "inverse_sigmoid".
        sampling_rate: The schedule's own number.
        sampling_keeps_hits: Whether scheduled sampling feeds the decoder the true hits, with its
            own velocities and offsets, of the drums that it is told when in use
            (`Task.given_drums`). Not in Magenta.
    """

    max_beta: float = 0.2
    beta_rate: float = 0.0
    sampling_schedule: str = "teacher_forcing"
    sampling_rate: float = 0.0
    sampling_keeps_hits: bool = False

    @property
    def is_teacher_forced(self) -> bool:
        """Whether the decoder always hears the true rows in training."""
        return self.sampling_schedule == "teacher_forcing" or (
            self.sampling_schedule == "constant" and not self.sampling_rate
        )

    @property
    def evaluated_sampling_probability(self) -> float:
        """How likely the decoder hears its own last row in evaluation.

        Always where it ever does in training, as in Magenta.
        """
        return 0.0 if self.is_teacher_forced else 1.0


@dataclasses.dataclass(frozen=True)
class OptimizerHParams:
    """How weights are moved. The last three are not in Magenta; by default they do nothing.

    Attributes:
        batch_size: Windows in a batch.
        dropout_keep_prob: How likely a number that a layer hears is kept.
        learning_rate: That of the first step.
        min_learning_rate: What it decays to.
        decay_rate: How much of the difference each step keeps.
        grad_clip: The norm that gradients are scaled down to.
        grad_norm_clip_to_zero: The norm from which on a step is skipped.
        warmup_steps: Steps in which the learning rate rises from 0; 0 for none.
        cosine_decay_steps: The step by which the learning rate has come down to
            `min_learning_rate` on a cosine; 0 for the exponential decay of `decay_rate`.
        ema_decay: How much of the moving average of the weights each step keeps: the average is
            what is evaluated and saved; 0 for the weights themselves.
    """

    batch_size: int = 512
    dropout_keep_prob: float = 0.3
    learning_rate: float = 1e-3
    min_learning_rate: float = 1e-5
    decay_rate: float = 0.9999
    grad_clip: float = 1.0
    grad_norm_clip_to_zero: float = 10000.0
    warmup_steps: int = 0
    cosine_decay_steps: int = 0
    ema_decay: float = 0.0


@dataclasses.dataclass(frozen=True)
class AugmentationHParams:
    """Variations of training windows, see `windows.augmentation`; Magenta has none.

    Attributes:
        swap_probability: How often drums of a kind change places in a window.
        silence_probability: How often a drum is taken out of a window.
        splice_probability: How often a bar of a window is replaced by that of another.
        cross_probability: How often what a limb plays in a window is replaced by that of another:
            kick, snare, time-keeping, or toms and crash.
        thin_probability: How often a window is thinned before the model hears it, down to a few
            steps of a few drums: it is to play all of it.
    """

    swap_probability: float = 0.0
    silence_probability: float = 0.0
    splice_probability: float = 0.0
    cross_probability: float = 0.0
    thin_probability: float = 0.0


@dataclasses.dataclass(frozen=True)
class HParams(
    AugmentationHParams, OptimizerHParams, ScheduleHParams, LossHParams, ArchitectureHParams
):
    """Hyper-parameters of the model and of its training, Magenta's under its names and values.

    They are described in `ArchitectureHParams`, `LossHParams`, `ScheduleHParams`,
    `OptimizerHParams` and `AugmentationHParams`. Commands and files know them by these names, in
    one list; code takes the group that it needs.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise OptionError("hparams", f"{field.name} wants a finite number, not {value!r}")


_OF_PERFORMANCES = (
    *(field.name for field in dataclasses.fields(AugmentationHParams)),
    *("played_weight", "velocities_weight", "offsets_weight", "loss_at_hits_only"),
    "sampling_keeps_hits",
)
"""Hyper-parameters that mean nothing where rows are tokens."""


@dataclasses.dataclass(frozen=True)
class Config:
    """A named config: `converter` makes the examples, `hparams` the model.

    Attributes:
        name: As commands know it.
        converter: Which windows are cut and, of performances, what becomes of them.
        hparams: The model, and its training.
        tokens: What its rows are tokens of; None where they are performances.
    """

    name: str
    converter: ConverterConfig = ConverterConfig()
    hparams: HParams = HParams()
    tokens: TokensConfig | None = None

    def __post_init__(self) -> None:
        hparams = self.hparams
        if not hparams.z_size and (self.tokens or hparams.hierarchical_decoder):
            raise OptionError("hparams", f"z_size wants 1 or more for {self.name}, not 0")
        if not self.tokens:
            return
        for name in _OF_PERFORMANCES:
            if getattr(hparams, name) != getattr(HParams, name):
                raise OptionError("hparams", f"{name} is of performances, {self.name} of tokens")

    def with_hparams(
        self, overrides: str | Mapping[str, Any], batch_size: int | None = None
    ) -> Config:
        """Returns the same config with some hyper-parameters replaced.

        Args:
            overrides: A mapping, or Magenta's text form `name=value,name=value`; sizes are
                written `enc_rnn_size=[256,256]`.
            batch_size: The hyper-parameter of that name, for which there is an option of its own.

        Raises:
            OptionError: An unknown name, a value of the wrong kind or out of range, or a batch size
                in both places.
        """
        values = _parse_assignments(overrides) if isinstance(overrides, str) else dict(overrides)
        if batch_size is not None:
            if "batch_size" in values:
                raise OptionError("batch_size", "given in `hparams` too; give it once")
            values["batch_size"] = check_whole("batch_size", batch_size, 1)
        return dataclasses.replace(self, hparams=_replaced(self.hparams, values))

    def to_dict(self) -> dict[str, Any]:
        """Returns the config as plain values, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Returns the config that `to_dict` gave, also once it has been through JSON.

        Raises:
            GrooveFastError: Fields that this version does not know, or too few, or values that no
                hyper-parameter can have.
        """
        try:
            own = _mapping("config", values)
            if not isinstance(own["name"], str):
                raise GrooveFastError(f"name: {own['name']!r} is no text")
            converter = _mapping("converter", own["converter"])
            tokens = own.get("tokens")
            return cls(
                own["name"],
                ConverterConfig(**{name: _as_tuple(value) for name, value in converter.items()}),
                _replaced(HParams(), _mapping("hparams", own["hparams"])),
                None if tokens is None else TokensConfig(**_mapping("tokens", tokens)),
            )
        except KeyError as error:
            problem = f"{error} is missing"
        except (GrooveFastError, TypeError) as error:
            problem = str(error)
        raise GrooveFastError(f"config: not one of this version of groovefast: {problem}")


_FIELDS = dataclasses.fields(HParams)

_TINY = 1e-30
_COUNT = 1, math.inf, "1 or more"
_ABOVE_0 = _TINY, math.inf, "more than 0"
_NOT_BELOW_0 = 0, math.inf, "0 or more"
_PROBABILITY = 0, 1, "0 to 1"
_RANGES = {
    "z_size": _NOT_BELOW_0,
    "batch_size": _COUNT,
    "dropout_keep_prob": (2**-16, 1, "1/65536 to 1"),
    "free_bits": _NOT_BELOW_0,
    "max_beta": _NOT_BELOW_0,
    "beta_rate": _PROBABILITY,
    "learning_rate": _NOT_BELOW_0,
    "min_learning_rate": _NOT_BELOW_0,
    "decay_rate": _PROBABILITY,
    "grad_clip": _ABOVE_0,
    "grad_norm_clip_to_zero": _NOT_BELOW_0,
    "played_weight": _NOT_BELOW_0,
    "velocities_weight": _NOT_BELOW_0,
    "offsets_weight": _NOT_BELOW_0,
    "warmup_steps": _NOT_BELOW_0,
    "cosine_decay_steps": _NOT_BELOW_0,
    "ema_decay": (0, 1 - 1e-9, "0 or more, less than 1"),
    "swap_probability": _PROBABILITY,
    "silence_probability": _PROBABILITY,
    "splice_probability": _PROBABILITY,
    "cross_probability": _PROBABILITY,
    "thin_probability": _PROBABILITY,
}
"""Least and most of a hyper-parameter, and both in words; a schedule's rate is checked with it."""


def _replaced(hparams: HParams, values: Mapping[str, Any]) -> HParams:
    """The hyper-parameters with some replaced, by values of their kinds and in their ranges."""
    known = {field.name: getattr(hparams, field.name) for field in _FIELDS}
    checked = {}
    for name, value in values.items():
        if name not in known:
            raise OptionError(
                "hparams", f"no such hyper-parameter {name!r}{did_you_mean(name, known)}"
            )
        checked[name] = _in_range(name, _coerce(name, value, known[name]))
    return dataclasses.replace(hparams, **checked)


def _mapping(name: str, values: Any) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise GrooveFastError(f"{name}: a mapping wanted, not {type(values).__name__}")
    return values


def _as_tuple(value: Any) -> Any:
    """A value with JSON's lists as the tuples they were."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _parse_assignments(text: str) -> dict[str, Any]:
    """`a=1,b=[2,3]` as a dict; anything that is no Python literal stays text."""
    parts: list[str] = []
    for part in text.split(","):
        inside_list = parts and parts[-1].count("[") > parts[-1].count("]")
        if inside_list:
            parts[-1] += "," + part
        elif part.strip():
            parts.append(part)
    values: dict[str, Any] = {}
    for part in parts:
        name, equals, value = map(str.strip, part.partition("="))
        if not equals:
            raise OptionError("hparams", f"{part.strip()!r} is not of the form name=value")
        if name in values:
            raise OptionError("hparams", f"{name} is given more than once; give it once")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            values[name] = value
    return values


def _coerce(name: str, value: Any, like: Any) -> Any:
    """`value` as the type of the default `like`."""
    if isinstance(like, bool):
        if str(value).lower() in ("true", "1", "false", "0"):
            return str(value).lower() in ("true", "1")
    elif isinstance(like, str):
        return str(value)
    elif isinstance(like, tuple):
        items = value if isinstance(value, (list, tuple)) else (value,)
        if items and all(isinstance(item, int) and item > 0 for item in items):
            return tuple(items)
    elif isinstance(like, int):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        return _as_float(value)
    kind = "a list of sizes" if isinstance(like, tuple) else type(like).__name__
    raise OptionError("hparams", f"{name} wants {kind} (as in {like!r}), not {value!r}")


def _as_float(value: float) -> float:
    """`value` as a float, infinite if it is an integer too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _in_range(name: str, value: Any) -> Any:
    least, most, text = _RANGES.get(name, (-math.inf, math.inf, "a finite number"))
    if isinstance(value, (int, float)) and not least <= value <= most:
        raise OptionError("hparams", f"{name} wants {text}, not {value!r}")
    return value


def _tap(**options: Any) -> ConverterConfig:
    return ConverterConfig(tapify=True, fixed_velocities=True, **options)


_NEXT_STEP = ConverterConfig(split_bars=8, num_velocity_bins=16, num_offset_bins=16)
"""Not in Magenta. Bins, so that velocities and times are drawn as hits are, and not averaged."""
_OF_NEXT_STEP = HParams(
    z_size=0, batch_size=64, dropout_keep_prob=0.7, loss_at_hits_only=True, ema_decay=0.998
)

_BARS = {f"{bars}bar": ConverterConfig(bars, pitch_classes="reduced") for bars in (2, 16)}
_TOKENS = {
    "drums": TokensConfig("drums", roll_input=True),
    "mel": TokensConfig("melody"),
    "trio": TokensConfig("trio"),
}
_TWO_BARS_OF_TOKENS = {
    **_TOKENS,
    "mel": TokensConfig("melody", num_programs=32, max_transpose=5),
}
_SMALL = {"z_size": 256, "enc_rnn_size": (512,), "dec_rnn_size": (256, 256)}
_BIG = {"z_size": 512, "enc_rnn_size": (2048,), "dec_rnn_size": (2048, 2048, 2048)}
_FLAT = {**_BIG, "enc_rnn_size": (2048, 2048), "free_bits": 256.0}
_HIERDEC = {**_FLAT, "dec_rnn_size": (1024, 1024), "hierarchical_decoder": True}
_HIER = {**_HIERDEC, "enc_rnn_size": (1024,), "hierarchical_encoder": True}
_OWN_ROWS = {"sampling_schedule": "inverse_sigmoid", "sampling_rate": 1000.0}
_TWO_BARS_OF_DRUMS = {**_OWN_ROWS, "free_bits": 48.0}
_TWO_BARS_OF_MELODY = {**_OWN_ROWS, "free_bits": 0.0, "beta_rate": 0.99999}
_TRIO = {"batch_size": 256}
_SIXTEEN_BARS = HParams(
    z_size=512,
    enc_rnn_size=(512,),
    hierarchical_encoder=True,
    batch_size=128,
    free_bits=256.0,
    dropout_keep_prob=1.0,
)


def _musicvae(name: str, *hparams: Mapping[str, Any]) -> Config:
    """A config of MusicVAE, whose name tells what its rows are and how many bars it has."""
    kind, bars = name.partition("-")[2].split("_")[:2]
    values = dict(ChainMap(*map(dict, reversed(hparams)), {"dropout_keep_prob": 1.0}))
    tokens = _TWO_BARS_OF_TOKENS if bars == "2bar" else _TOKENS
    return Config(name, _BARS[bars], _replaced(HParams(), values), tokens[kind])


CONFIGS: Mapping[str, Config] = {
    config.name: config
    for config in (
        Config("groovae_4bar", ConverterConfig(split_bars=4)),
        Config("groovae_2bar_humanize", ConverterConfig(humanize=True)),
        Config("groovae_2bar_tap_fixed_velocity", _tap()),
        Config(
            "groovae_2bar_tap_fixed_velocity_note_dropout", _tap(max_note_dropout_probability=0.8)
        ),
        Config("groovae_2bar_add_closed_hh", ConverterConfig(add_instruments=(2,))),
        Config("groovae_2bar_hits_control", ConverterConfig(hits_as_controls=True)),
        Config("groove_rnn", _NEXT_STEP, _OF_NEXT_STEP),
        # Not Magenta's: the conductor of MusicVAE over the rows of GrooVAE, and without it.
        Config(
            "groovae_16bar",
            ConverterConfig(split_bars=16),
            _replaced(_SIXTEEN_BARS, {"hierarchical_decoder": True}),
        ),
        Config("groovae_16bar_flat", ConverterConfig(split_bars=16), _SIXTEEN_BARS),
        _musicvae("cat-drums_2bar_small", _SMALL, _TWO_BARS_OF_DRUMS),
        _musicvae("cat-drums_2bar_big", _BIG, _TWO_BARS_OF_DRUMS),
        # The next two are not Magenta's; the first is the drums of the paper.
        _musicvae("hierdec-drums_16bar", _HIERDEC),
        _musicvae("flat-drums_16bar", _FLAT),
        _musicvae("cat-mel_2bar_small", _SMALL, _TWO_BARS_OF_MELODY),
        _musicvae("cat-mel_2bar_big", _BIG, _TWO_BARS_OF_MELODY, {"max_beta": 0.5}),
        _musicvae("flat-mel_16bar", _FLAT),
        _musicvae("hierdec-mel_16bar", _HIERDEC),
        _musicvae("hier-mel_16bar", _HIER),
        _musicvae("flat-trio_16bar", _FLAT, _TRIO, {"free_bits": 0.0, "max_beta": 1.0}),
        _musicvae("hierdec-trio_16bar", _HIERDEC, _TRIO),
        _musicvae("hier-trio_16bar", _HIER, _TRIO),
    )
}
"""All named configs. Those of GrooVAE, whose rows are performances, have no `tokens`."""


def check_performances(config: Config) -> None:
    """Raises unless the rows of a config are performances.

    Raises:
        OptionError: They are tokens.
    """
    if config.tokens:
        raise OptionError(
            "config",
            f"{config.name} is of {config.tokens.representation} as tokens; performances wanted, "
            f"as of {next(iter(CONFIGS))}",
        )


def get_config(name: str | Config) -> Config:
    """Returns the config called `name` (a `Config` is returned as it is).

    Raises:
        GrooveFastError: No config of that name; the message lists close ones.
    """
    if isinstance(name, Config):
        return name
    if name not in CONFIGS:
        raise OptionError("config", f"no such config {name!r}{which_of(name, CONFIGS)}")
    return CONFIGS[name]
