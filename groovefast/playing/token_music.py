"""How models of tokens play: drums, melodies and trios of MusicVAE, a window at a time.

file -> the first window of its kind -> encoder -> z -> decoder -> tokens -> file

What they make is a file of its own: all on the grid and equally loud. `modes` calls this for such
models.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.config import MAX_SEED, SLOWEST_QPM, Config
from groovefast.drum_part import ALL_CHANNELS, DrumPart
from groovefast.drums import resolve_pitch_classes
from groovefast.errors import GrooveFastError, MidiError, OptionError
from groovefast.midi.groove import midi_source
from groovefast.midi.score import MidiInput, read_bytes, read_score
from groovefast.model.latent import slerp
from groovefast.playing.player import Options, Rendition, Source
from groovefast.windows.tokens import DrumsConverter, MelodyConverter, converter_of

if TYPE_CHECKING:
    from groovefast.model.in_use import InUse

_WHAT = {
    "drums": "drums on channel 10",
    "melody": "a melody",
    "trio": "melody, bass and drums together",
}
_SAME_MOMENT = 1e-6
"""Seconds: a tempo that begins so near to a window is its tempo."""


class Heard(NamedTuple):
    """What a model hears of a file.

    Attributes:
        tokens: One window, int16 (1, steps), of a trio (1, steps, 3).
        qpm: The tempo in which the file plays it.
        messages: Lines a user should read.
    """

    tokens: NDArray[np.int16]
    qpm: float
    messages: tuple[str, ...]


def heard_of(source: Source, config: Config) -> Heard:
    """Returns the first window of a file that is whole, as models of a config hear it.

    Raises:
        MidiError: Bytes that are not a readable MIDI file.
        GrooveFastError: There is none; says why, and what would do.
        OSError: The file cannot be read.
    """
    midi, name = read_bytes(midi_source(source))
    try:
        found = converter_of(config).to_tensors(midi)
    except MidiError as error:
        raise MidiError(error.reason, error.offset, name) from None
    bars = config.converter.split_bars
    if not len(found):
        assert config.tokens
        wanted = f"{bars} bars of {_WHAT[config.tokens.representation]}, in 4/4 and one tempo"
        raise GrooveFastError(
            f"{name or 'source'}: {found.why_none}; a model of {config.name} hears {wanted}"
        )
    begin = float(found.offsets[found.sub_sequences[0]])
    told = f"{len(found):,} windows of {bars} bars are in it; the first is heard"
    return Heard(found.tokens[:1], _tempo(midi, begin), (told,) if len(found) > 1 else ())


def new_music(model: InUse, num: int, qpm: float, options: Options) -> list[Rendition]:
    """Plays new music, each piece decoded from a z of N(0, 1).

    The first are the same however many there are.

    Args:
        model: Of tokens.
        num: How many.
        qpm: Their tempo.
        options: `temperature`, `seed` and, of drums, `pitch_classes`.

    Raises:
        OptionError: An option that such models do not heed.
    """
    _check_heeded(model.config, options)
    tokens = model.sample(num, options.temperature, options.seed, prior="normal")
    return _played(model.config, np.asarray(tokens), qpm, options)


def near(model: InUse, source: Source, spread: float, options: Options) -> Rendition:
    """Plays what a model decodes from near where it would encode a file.

    Args:
        model: Of tokens.
        source: The file.
        spread: Deviation of the normal noise on z.
        options: `temperature` and `seed`.

    Raises:
        OptionError: An option that such models do not heed.
        GrooveFastError: As `heard_of`, and so on.
    """
    _check_heeded(model.config, options, hears=True)
    heard = heard_of(source, model.config)
    mu, sigma = (np.asarray(each) for each in model.encode(heard.tokens))
    rng = np.random.default_rng(options.seed)
    drawn, away = (rng.standard_normal(mu.shape[1]) for _ in range(2))
    z = mu + options.temperature * sigma * drawn + spread * away
    return _decoded(model, z, heard, int(rng.integers(MAX_SEED + 1)), options)[0]


def between(
    model: InUse, a: Source, b: Source, shares: NDArray[np.float64], options: Options
) -> list[Rendition]:
    """Plays what lies between two files, on the arc between the means of their posteriors.

    Args:
        model: Of tokens.
        a: The first; its tempo is that of all.
        b: The last.
        shares: How far from the first to the last each is, 0..1.
        options: `temperature` and `seed`.

    Raises:
        OptionError: An option that such models do not heed.
        GrooveFastError: As `heard_of`, and so on.
    """
    _check_heeded(model.config, options, hears=True)
    ends = [heard_of(each, model.config) for each in (a, b)]
    first, last = (np.asarray(model.encode(each.tokens).mu)[0] for each in ends)
    return _decoded(model, slerp(first, last, shares), ends[0], options.seed, options)


def _decoded(
    model: InUse, z: NDArray[Any], heard: Heard, seed: int | None, options: Options
) -> list[Rendition]:
    tokens = model.decode(z.astype(np.float32), temperature=options.temperature, seed=seed)
    played = _played(model.config, np.asarray(tokens), heard.qpm, options)
    return [dataclasses.replace(each, messages=heard.messages) for each in played]


def _played(
    config: Config, tokens: NDArray[np.int64], qpm: float, options: Options
) -> list[Rendition]:
    """Tokens as files."""
    converter = converter_of(config)
    if isinstance(converter, DrumsConverter):
        grooves = converter.from_tensors(tokens, qpm, options.pitch_classes)
        return [Rendition(groove.to_bytes()) for groove in grooves]
    if isinstance(converter, MelodyConverter):
        music = converter.from_tensors(tokens, qpm)
    else:
        music = converter.from_tensors(tokens, qpm, options.pitch_classes)
    return [Rendition(each.to_bytes(), pitched=True) for each in music]


def _tempo(midi: MidiInput, seconds: float) -> float:
    """The tempo at some moment of a file."""
    tempos = read_score(midi, DrumPart.of(ALL_CHANNELS)).tempos
    begun = tempos["qpm"][tempos["time"] <= seconds + _SAME_MOMENT]
    return max(float(begun[-1]), float(SLOWEST_QPM))


def _check_heeded(config: Config, options: Options, hears: bool = False) -> None:
    """Raises for an option that models of tokens do not heed, unless it is as usual."""
    usual = {field.name: field.default for field in dataclasses.fields(Options)}
    usual["pitch_classes"] = resolve_pitch_classes("reduced")
    for name, why in _unheeded(config, hears):
        value = getattr(options, name)
        if value not in (usual[name], None) and not (name == "touch" and value == 0):
            raise OptionError(name, f"a model of {config.name} {why}; leave it out")


def _unheeded(config: Config, hears: bool) -> Iterator[tuple[str, str]]:
    """The options that models of a config do not heed, and why."""
    for name in ("amount", "timing", "dynamics", "touch"):
        yield name, "plays all on the grid and equally loud"
    for name in ("style", "variety", "attributes"):
        yield name, "has no fitted prior: its z is drawn of N(0, 1)"
    assert config.tokens
    heard = _WHAT[config.tokens.representation]
    yield "hop_bars", "hears one window"
    for name in ("channel", "track"):
        yield name, f"hears {heard}"
    if config.tokens.representation == "melody":
        yield "pitch_classes", "plays no drums"
    elif hears:
        yield "pitch_classes", "hears the drums of General MIDI"
