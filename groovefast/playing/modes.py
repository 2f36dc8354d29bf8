"""What models do with drums: new grooves, and whole performances of any length, tempo and kit.

All modes go the way of `player`. They differ in which hits the decoder is told to keep and which it
chooses, in where z comes from, and in the model that has learned it; `MODES` lists them. Each is a
function, and `play` calls any of them by its name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from groovefast.config import GOING_ON_TEMPERATURE, MAX_SEED, MAX_TEMPERATURE, Config
from groovefast.drums import DRUM_CLASSES, resolve_pitch_classes
from groovefast.errors import (
    GrooveFastError,
    MidiError,
    OptionError,
    check_choice,
    check_number,
    check_whole,
    is_out_of_memory,
    is_whole,
)
from groovefast.midi.groove import midi_source
from groovefast.midi.score import MidiInput, read_bytes
from groovefast.midi.tracks import MidiTracks
from groovefast.model.latent import slerp
from groovefast.playing import token_music
from groovefast.playing.grid_bars import describe_bars
from groovefast.playing.hands import two_hands
from groovefast.playing.player import Options, Player, Rendition, Source, Values
from groovefast.playing.swing import measure_swing, straightened, swung
from groovefast.playing.take import Take, rows_with
from groovefast.task import ALL_DRUMS, Purpose, Task
from groovefast.windows.rows import RowLayout
from groovefast.windows.tensors import GrooveConverter

if TYPE_CHECKING:
    from groovefast.model.in_use import InUse

Model: TypeAlias = "InUse | str | os.PathLike[str] | None"
"""A model, what `load_model` takes, or None for the one included for the mode."""

NEW_QPM = 120.0
"""Tempo of new grooves, unless one is given."""

_OPEN_HAT, _RIDE = DRUM_CLASSES.index("open hi-hat"), DRUM_CLASSES.index("ride")
_CLOSED_HAT_EDGE = 22
"""The closed hi-hat struck on its edge, on Roland's kits."""
_MOST_GROOVES = 1 << 40
"""More than any machine has room for, and few enough to be asked for it."""
_OF_A_SOURCE = ("amount", "channel", "dynamics", "hop_bars", "timing", "track")
"""Options that say what to do to a performance."""
_HOW_FAR: Mapping[str, Any] = {"amount": 1.0, "timing": None, "dynamics": None}
"""Options of the modes that go from a performance to what the model plays, by their defaults."""
_OF_PRIOR: Mapping[str, Any] = {"prior": "fitted", "style": None, "variety": 1.0}
"""Options of new grooves, likewise."""
_NOTED: Mapping[str, Any] = {
    "spread": 0.0,
    "at": None,
    "touch": 0.0,
    **_HOW_FAR,
    "hop_bars": None,
    **_OF_PRIOR,
    "bars": None,
}
"""Options that are noted in files, unless they are as here."""


# --- The modes ------------------------------------------------------------------------------


def sample(
    source: Source | None = None,
    num: int = 8,
    model: Model = None,
    qpm: float | None = None,
    **options: Any,
) -> list[Rendition]:
    """Plays new grooves: each is decoded from a z of its own, drawn of the model's prior.

    From a fitted prior no step asks for a third hand: its softest hits are left out. Models of
    tokens play what they know, drums, melodies or trios; see `token_music`.

    Args:
        source: What a model trained with `hits_as_controls` plays: the hits of this performance,
            whose notes, tempo and length stay, with another feel each time. None for all others.
        num: How many.
        model: Any. Without a `source` its grooves are as long as its windows, for the kit of
            `pitch_classes`.
        qpm: Their tempo; `NEW_QPM` if None. None with a `source`.
        **options: Fields of `Options`; `temperature` is 0.5 unless given. `amount`, `timing`,
            `dynamics`, `hop_bars`, `channel` and `track` only with a `source`.

    Raises:
        OptionError: A source that the model has no use for, or none where it or an option needs
            one; or a model whose windows have no length.
        MidiError: As `humanize`, and so on.
    """
    _check_num("sample", num)
    if source is None:
        _check_for_new_grooves(options)
    model, wanted = _asked("sample", model, options)
    if model.config.tokens and source is None:
        with _room_for(num):
            return token_music.new_music(model, num, NEW_QPM if qpm is None else qpm, wanted)
    player = Player(model, wanted, MODES["sample"].touch)
    if not player.task.wants_hits:
        if source is not None:
            raise OptionError(
                "source",
                "this model makes up its own hits; leave it out or take `mode` reconstruct",
            )
        return _new_grooves(player, num, NEW_QPM if qpm is None else qpm)
    if source is None:
        raise OptionError("source", "this model plays given hits; name a MIDI file that has them")
    if qpm is not None:
        raise OptionError("qpm", "the tempo is that of `source`; leave it out")
    take = player.take(source)
    windows = player.windows(take)
    return [
        player.decode(take, windows, player.new_latents(windows), chosen=()) for _ in range(num)
    ]


def _new_grooves(player: Player, num: int, qpm: float) -> list[Rendition]:
    """New windows as files."""
    if player.config.split_bars is None:
        raise OptionError(
            "model",
            f"one of {player.model.config.name} that hears whole files; new grooves want the "
            "length of a window",
        )
    options = player.options
    with _room_for(num):
        windows = player.model.sample(
            num, options.temperature, options.seed, **options.of_prior, touch=player.touch
        )
    if player.model.draws_from_fitted(options.prior):  # N(0, 1) is to be as Magenta has it
        windows = two_hands(np.asarray(windows), RowLayout.of(player.config))
    converter = GrooveConverter.from_config(player.config)
    grooves = converter.from_tensors(windows, qpm, options.pitch_classes)
    return [Rendition(groove.to_bytes()) for groove in grooves]


@contextlib.contextmanager
def _room_for(num: int) -> Iterator[None]:
    """Says so where there is no memory for so many at once."""
    no_memory = OptionError("num", f"no memory for {num:,} at once")
    if num > _MOST_GROOVES:
        raise no_memory
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise no_memory from None
        raise


def humanize(source: Source, model: Model = None, **options: Any) -> Rendition:
    """Gives hits the timing and dynamics of a player; every note stays, with its pitch.

    Args:
        source: A stiff performance: its own timing and dynamics are not heard.
        model: One trained with `humanize`.
        **options: Fields of `Options`.

    Raises:
        MidiError: Bytes that are not a readable MIDI file.
        GrooveFastError: No drums, an option out of its range, or a model made for something else.
        OSError: The file cannot be read.
    """
    player = _player("humanize", model, options)
    take = player.take(source)
    windows = player.windows(take)
    z = player.latents(player.encode((take, windows)))
    return player.decode(take, windows, z, chosen=())


def tap2drum(source: Source, model: Model = None, **options: Any) -> Rendition:
    """Makes a beat of a tapped rhythm: what is tapped on does not matter, only when.

    The taps become drums on channel 10, with the first pitch of each class. Every tap is answered:
    where the model finds no drum likely, the likeliest is hit.

    Args:
        source: The rhythm.
        model: One trained with `tapify`.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    player = _player("tap2drum", model, options)
    take = player.take(source, all_pitches=True)
    windows = player.windows(take)
    z = player.latents(player.encode((take, windows)))
    hits = player.choose_hits(take, windows, z, ALL_DRUMS, sounding=rows_with(take.grid.hits))
    return player.play(take, windows, z, hits, as_drums=True)


def add_hihat(
    source: Source, model: Model = None, replace: bool = False, **options: Any
) -> Rendition:
    """Plays the drum a performance lacks, the closed hi-hat; every other note stays as it is.

    Bars that have a closed hi-hat keep theirs. Tambourines, shakers and the pedal hi-hat are no
    closed hi-hat, whichever class their pitch is heard as elsewhere.

    Args:
        source: A performance.
        model: One trained with `add_instruments`, which says what is added.
        replace: Whether to play the hi-hat anew where there is one: notes of the first pitch of its
            class, 42 in all built-in kits.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    player = _player("add-hihat", model, options)
    added = player.task.played_drums
    kit = list(resolve_pitch_classes(player.options.pitch_classes))
    fixed = set()
    for drum in added:
        if not kit[drum]:
            raise OptionError("pitch_classes", f"the kit has no {DRUM_CLASSES[drum]} to add")
        edge = {_CLOSED_HAT_EDGE} & set(kit[drum][1:])
        fixed |= edge if replace else {*edge, kit[drum][0]}
        kit[drum] = (kit[drum][0], *edge)
    midi, name = read_bytes(midi_source(source))
    take = _take_of_kit(player, midi, name, kit, fixed)
    windows = player.windows(take)
    z = player.latents(player.encode((take, windows)))
    there = rows_with(take.fixed)
    hits = player.choose_hits(
        take, windows, z, added, closed=there if replace else take.in_bars_with(there)
    )
    played = player.play(take, windows, z, hits, changed=added)
    told = _tell_of_added(take, hits, added, replace) if player.options.amount else ()
    return dataclasses.replace(played, messages=(*played.messages, *told))


def _take_of_kit(
    player: Player,
    midi: MidiInput,
    name: str | None,
    kit: Sequence[Sequence[int]],
    fixed: Collection[int],
) -> Take:
    """A take of the drums of a narrower kit."""
    try:
        return player.take(midi, pitch_classes=kit, fixed_pitches=fixed, name=name)
    except MidiError:
        raise
    except GrooveFastError:
        other = player.take(midi, name=name)  # or says what is wrong
        raise GrooveFastError(
            f"{other.name}: only percussion beside the drums is played, to which nothing is added"
        ) from None


def _tell_of_added(take: Take, hits: Values, added: Sequence[int], replace: bool) -> Iterator[str]:
    """Lines on the bars to which no drum was added."""
    name = " and ".join(DRUM_CLASSES[drum] for drum in added)
    sounding = take.bars_with(rows_with(take.grid.hits))
    new = take.bars_with(rows_with(hits > take.grid.hits))
    kept = take.bars_with(rows_with(take.fixed)) & ~new
    if kept.any():
        anew = "" if replace else "; `replace` plays it anew"
        yield f"{describe_bars(take.bars.numbers[kept])}: the {name} that is there stays{anew}"
    was, now = (take.bars_with(rows_with(each[:, list(added)])) for each in (take.grid.hits, hits))
    without = sounding & ~new & ~kept & ~now
    rides, opens = (take.bars_with(take.grid.hits[:, drum] > 0) for drum in (_RIDE, _OPEN_HAT))
    for bars, reason in (
        (without & rides, ", as the ride plays"),
        (without & ~rides & opens, ", as the open hi-hat plays"),
        (without & ~rides & ~opens, "; the model hears none there"),
    ):
        for some, what in ((was, f"the {name} taken out"), (~was, f"no {name} added")):
            if (bars & some).any():
                yield f"{describe_bars(take.bars.numbers[bars & some])}: {what}{reason}"


def groove_transfer(
    hits_from: Source, groove_from: Source, model: Model = None, **options: Any
) -> Rendition:
    """Plays the hits of one performance with the feel of another.

    Args:
        hits_from: What to play; every note stays, with its pitch.
        groove_from: Whose timing, swing and dynamics to take; it is looped as long as need be.
        model: One trained with `hits_as_controls`.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    player = _player("groove-transfer", model, options)
    take, groove = player.take(hits_from), player.take_beside(groove_from)
    if not player.options.changes:
        return Rendition(take.midi, (), take.part)
    own, told = measure_swing(take), measure_swing(groove)
    even, even_groove = straightened(take, own), straightened(groove, told)
    windows = player.windows(even)
    looped = even_groove.looped(windows)
    encoded = player.encode((even_groove, looped))
    early = player.missed_timing(even_groove, looped, encoded[0])
    z = player.latents(encoded)
    played = player.play(even, windows, z, even.grid.hits, early=early)
    midi = swung(even.again(played.midi), told.over(own, player.options.shares[0])).midi
    return Rendition(midi, tuple(take.coarse_message) if midi != take.midi else (), played.part)


def reconstruct(source: Source, model: Model = None, **options: Any) -> Rendition:
    """Plays a performance as the model understands it.

    Args:
        source: The performance.
        model: Any. One trained with `hits_as_controls` keeps the hits.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    return _near("reconstruct", source, model, 0.0, options)


def vary(source: Source, model: Model = None, spread: float = 0.5, **options: Any) -> Rendition:
    """Plays something like a performance: the model decodes from near where it would encode it.

    Args:
        source: The performance.
        model: Any. One trained with `hits_as_controls` keeps the hits.
        spread: How far to go: deviation of the normal noise on z. All windows go the same way.
        **options: Fields of `Options`; each seed gives another variation.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    check_number("spread", spread, 0, MAX_TEMPERATURE)
    return _near("vary", source, model, spread, options)


def _near(
    name: str, source: Source, model: Model, spread: float, options: Mapping[str, Any]
) -> Rendition:
    """What a model decodes from near where it would encode a performance."""
    model, wanted = _asked(name, model, options)
    if model.config.tokens:
        return token_music.near(model, source, spread, wanted)
    player = Player(model, wanted, MODES[name].touch)
    take = player.take(source)
    windows = player.windows(take)
    z = player.latents(player.encode((take, windows)), spread)
    return player.decode(take, windows, z, chosen=player.own_choice)


def variations(
    source: Source, num: int = 1, model: Model = None, spread: float = 0.5, **options: Any
) -> list[Rendition]:
    """Plays several things like a performance, as `vary` does with one seed after another.

    Args:
        source: The performance.
        num: How many.
        model: As for `vary`.
        spread: As for `vary`.
        **options: Fields of `Options`; `seed` is that of the first, and after `MAX_SEED` comes 0.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    _check_num("vary", num)
    model, seed = MODES["vary"].load(model), options.pop("seed", None)
    if seed is None:
        return [vary(source, model, spread, **options) for _ in range(num)]
    first = check_whole("seed", seed, 0, MAX_SEED)
    seeds = ((first + number) % (MAX_SEED + 1) for number in range(num))
    return [vary(source, model, spread, seed=each, **options) for each in seeds]


def interpolate(
    a: Source,
    b: Source,
    num: int = 5,
    model: Model = None,
    at: float | None = None,
    **options: Any,
) -> list[Rendition]:
    """Plays performances from one to another, both included, or one between them.

    Args:
        a: The first; its file, with its tempo and length, is that of all.
        b: The last; it is looped as long as need be.
        num: How many, at least 2; of no use with `at`.
        model: Any. One trained with `hits_as_controls` keeps the hits of `a`.
        at: Where between `a`, 0, and `b`, 1, to play the only one; None for `num` of them.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    _check_num("interpolate", num)
    if at is not None:
        check_number("at", at, 0, 1)
    model, wanted = _asked("interpolate", model, options)
    shares = np.linspace(0, 1, num) if at is None else np.array([at], np.float64)
    if model.config.tokens:
        return token_music.between(model, a, b, shares, wanted)
    player = Player(model, wanted, MODES["interpolate"].touch)
    take, other = player.take(a), player.take_beside(b)
    windows = player.windows(take)
    mu, _ = player.encode((take, windows), (other, other.looped(windows)))
    ends = np.split(mu, 2)
    paths = [slerp(start, end, shares) for start, end in zip(*ends, strict=True)]
    return [
        player.decode(take, windows, np.array([path[index] for path in paths]), player.own_choice)
        for index in range(len(shares))
    ]


def continue_groove(
    source: Source, bars: int = 8, model: Model = None, **options: Any
) -> Rendition:
    """Plays on after the last bar of a performance, which stays as it is.

    The model hears all of it, and then draws what follows step by step, velocities and times too.
    No step asks for a third hand.

    Args:
        source: The performance. Its meter and tempo go on.
        bars: How many to play.
        model: One without z, such as groove_rnn.
        **options: Fields of `Options`; `temperature` is 0.75 unless given. Of no use are `amount`,
            `timing`, `dynamics`, `touch` and `attributes`.

    Raises:
        OptionError: Too few bars, or too many.
        MidiError: As `humanize`, and so on.
    """
    check_whole("bars", bars, 1)
    player = _player("continue", model, options)
    take = player.take(source)
    longer = take.extended(bars)
    midi = take.followed_by(longer, player.go_on(longer, len(take.grid.hits)))
    return Rendition(midi, tuple(take.coarse_message), take.part)


# --- The table of modes ---------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Mode:
    """One thing that models do with drums.

    Attributes:
        name: What it is called.
        function: Does it; takes the performances, then `model` and options by their names.
        summary: What it is.
        model: The included model made for it.
        needs: What a model must have learned; None where any will do.
        goes_on: Whether it takes a model without z, which goes on from what it hears.
        touch: How much touch it plays with unless told, if the model has one.
        options: The options that not all modes have, or have another default for, and what each is
            unless given.
        inputs: The fewest and the most performances it works on.
        least: The smallest `num` that makes sense.
    """

    name: str
    function: Callable[..., Rendition | list[Rendition]]
    summary: str
    model: str
    needs: Purpose | None = None
    goes_on: bool = False
    touch: float = 0.0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    inputs: tuple[int, int] = (1, 1)
    least: int = 1

    @property
    def is_numbered(self) -> bool:
        """Whether it may give several results."""
        return "num" in self.options

    def load(self, model: Model = None) -> InUse:
        """Returns a model that has learned it; reads it where it is only named.

        Raises:
            GrooveFastError: It has learned something else, or cannot be read.
        """
        if model is None:
            model = self.model
        if isinstance(model, (str, os.PathLike)):
            from groovefast.model.checkpoints import load_model

            model = load_model(model)
        self.check(model.config)
        return model

    def check(self, config: Config) -> None:
        """Raises unless models of a config have learned it.

        Raises:
            GrooveFastError: They have learned something else.
        """
        learned = () if config.tokens else Task.of(config.converter).purposes
        if self.needs not in (None, *learned) or (self.goes_on and config.hparams.z_size):
            raise GrooveFastError(
                f"{self.name}: not what a model of {config.name} has learned; "
                f"give one of {self.model}, or none for the included one"
            )


MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(
            "sample",
            sample,
            "new grooves",
            model="groovae_4bar",
            touch=1.0,
            options={"num": 8, "qpm": None, "temperature": 0.5, **_OF_PRIOR, "attributes": None},
            inputs=(0, 1),
        ),
        Mode(
            "humanize",
            humanize,
            "timing and dynamics for a stiff performance",
            model="groovae_2bar_humanize",
            needs=Purpose.HUMANIZE,
            touch=0.5,
            options={**_HOW_FAR},
        ),
        Mode(
            "tap2drum",
            tap2drum,
            "a beat from a tapped rhythm",
            model="groovae_2bar_tap_fixed_velocity_note_dropout",
            needs=Purpose.TAP2DRUM,
            touch=0.5,
            options={**_HOW_FAR},
        ),
        Mode(
            "add-hihat",
            add_hihat,
            "a closed hi-hat where there is none",
            model="groovae_2bar_add_closed_hh",
            needs=Purpose.ADD_DRUMS,
            touch=0.5,
            options={**_HOW_FAR, "replace": False},
        ),
        Mode(
            "groove-transfer",
            groove_transfer,
            "the hits of the input with the feel of another performance",
            model="groovae_2bar_hits_control",
            needs=Purpose.GROOVE_TRANSFER,
            options={**_HOW_FAR, "groove_from": None},
        ),
        Mode(
            "reconstruct",
            reconstruct,
            "the input as the model understands it",
            model="groovae_4bar",
            options={**_HOW_FAR, "attributes": None},
        ),
        Mode(
            "interpolate",
            interpolate,
            "from one input to a second, in the tempo and length of the first",
            model="groovae_4bar",
            options={"num": 5, "at": None},
            inputs=(2, 2),
            least=2,
        ),
        Mode(
            "vary",
            variations,
            "something like the input",
            model="groovae_4bar",
            options={**_HOW_FAR, "attributes": None, "num": 1, "spread": 0.5},
        ),
        Mode(
            "continue",
            continue_groove,
            "what follows the input, bar after bar",
            model="groove_rnn",
            goes_on=True,
            options={"bars": 8, "temperature": GOING_ON_TEMPERATURE},
        ),
    )
}
"""All modes by their names, in the order in which they are listed."""


def play(
    mode: str,
    sources: Sequence[Source] = (),
    model: Model = None,
    *,
    model_name: str | None = None,
    **options: Any,
) -> list[Rendition]:
    """Plays any mode, and notes in each file how it was drawn, where another seed makes another.

    Args:
        mode: A name in `MODES`.
        sources: The performances it works on.
        model: One that has learned it.
        model_name: What to call the model in files; as `name_of_model` does if None.
        **options: Fields of `Options`, and those of `MODES[mode].options`; what is None is as
            usual. Without a seed a new one is drawn.

    Raises:
        OptionError: No such mode, an option that it does not heed, or too few performances or too
            many.
        GrooveFastError: As its function.
        OSError: A file cannot be read.
    """
    check_options(mode, options)
    check_sources(mode, sources, options)
    row = MODES[mode]
    unheeded = _unheeded(mode)
    given = {
        name: value for name, value in options.items() if value is not None and name not in unheeded
    }
    seed = given.get("seed", secrets.randbelow(MAX_SEED + 1))
    name = model_name or name_of_model(row.model if model is None else model)
    player = row.load(model)
    usual = {"temperature": 0.0, "touch": row.touch if player.touch else 0.0, **row.options}
    settings = {**usual, **given, "seed": seed}
    if settings.get("at") is not None:
        del settings["num"]
    played = row.function(*sources, model=player, **settings)
    results = played if isinstance(played, list) else [played]
    drawn = any(settings.get(name) for name in ("temperature", "spread", "touch"))
    if mode != "sample" and not drawn:
        return results
    return [
        _signed(result, _how_drawn(mode, name, settings, number))
        for number, result in enumerate(results, start=1)
    ]


def check_options(mode: str, options: Mapping[str, Any]) -> None:
    """Raises if a mode would not heed an option, lacks one, or is asked for too little.

    Args:
        mode: A name in `MODES`.
        options: What is given for it.

    Raises:
        OptionError: So it is.
    """
    check_choice("mode", mode, MODES)
    own = MODES[mode].options
    for name in sorted(_unheeded(mode)):
        if options.get(name) is not None and options[name] is not False:
            users = " or ".join(other for other, row in MODES.items() if name in row.options)
            raise OptionError(name, f"of no use to `mode` {mode}; it is for {users}")
    if "groove_from" in own and options.get("groove_from") is None:
        raise OptionError("groove_from", "name the performance whose feel `source` is to get")
    if options.get("num") is not None:
        if options.get("at") is not None:
            raise OptionError("num", "of no use with `at`, which asks for one only")
        _check_num(mode, options["num"])


def _unheeded(mode: str) -> set[str]:
    """The options that only other modes have."""
    special = {name for row in MODES.values() for name in row.options} - {"temperature"}
    return special - MODES[mode].options.keys()


def check_sources(mode: str, sources: Sequence[Source], options: Mapping[str, Any]) -> None:
    """Raises if a mode does not work on so many performances, or is told how to play none.

    Args:
        mode: A name in `MODES`.
        sources: What it is to work on.
        options: What is given for it.

    Raises:
        OptionError: So it is.
    """
    least, most = MODES[mode].inputs
    if not least <= len(sources) <= most:
        wanted = most if least == most else f"{least} to {most}"
        raise OptionError("source", f"{len(sources)} given, but `mode` {mode} works on {wanted}")
    if not sources:
        _check_for_new_grooves(options)


def _check_for_new_grooves(options: Mapping[str, Any]) -> None:
    """Refuses what new grooves do not heed."""
    usual = {field.name: field.default for field in dataclasses.fields(Options)}
    for name in _OF_A_SOURCE:
        if options.get(name) not in (None, usual[name]):
            raise OptionError(name, "of use only with `source`; give that too, or leave this out")


def name_of_model(model: InUse | str | os.PathLike[str]) -> str:
    """Returns what to call a model in files that leave this machine: no path, no part of a run."""
    if not isinstance(model, (str, os.PathLike)):
        return str(model.config.name)
    folder = Path(os.fspath(model)).absolute()
    return folder.parent.name if folder.name in ("model", "best") else folder.name


def _asked(name: str, model: Model, options: Mapping[str, Any]) -> tuple[InUse, Options]:
    """A model that has learned a mode, and how it is asked to play."""
    mode = MODES[name]
    usual = {"temperature": mode.options.get("temperature", 0.0)}
    wanted = Options(**{**usual, **options})  # wrong ones are told before a model is read
    return mode.load(model), wanted


def _player(name: str, model: Model, options: Mapping[str, Any]) -> Player:
    """Who plays a mode with a model of performances."""
    return Player(*_asked(name, model, options), MODES[name].touch)


def _check_num(mode: str, num: int) -> None:
    """Refuses a number of results that is none, or too small."""
    least = MODES[mode].least
    if not is_whole(num):
        raise OptionError("num", f"{num!r} is no whole number")
    if num < least:
        raise OptionError("num", f"{num} is too few; `mode` {mode} makes at least {least}")


def _how_drawn(mode: str, model: str, settings: Mapping[str, Any], number: int) -> str:
    """The text that tells how to make a result again."""
    facts = [
        f"groovefast {mode}, model {model}, seed {settings['seed']}",
        f"temperature {_exact(settings['temperature'])}",
    ]
    for name, usual in _NOTED.items():
        value = settings.get(name, usual)
        if value not in (None, usual):
            facts.append(f"{name} {_exact(value) if isinstance(value, (int, float)) else value}")
    facts += [f"{name} {amount:+g}" for name, amount in (settings.get("attributes") or {}).items()]
    if settings.get("replace"):
        facts.append("replace")
    if settings.get("num"):
        facts.append(f"number {number} of {settings['num']}")
    return ", ".join(facts)


def _exact(value: float) -> str:
    """A number with as many digits as it takes to read it again, as in 1 and 0.25."""
    return repr(float(value)).removesuffix(".0")


def _signed(rendition: Rendition, text: str) -> Rendition:
    midi = MidiTracks.parse(rendition.midi).with_text(text).to_bytes()
    return dataclasses.replace(rendition, midi=midi)
