"""What a model does to a whole performance: a file of any length, tempo and kit, or a `Groove`.

    take -> overlapping windows -> encoder -> z -> decoder -> cross-faded rows -> take

All modes go this way. They differ in which hits the decoder is told to keep and which it chooses,
in where z comes from, and in the model that has learned it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import MAX_TEMPERATURE, ConverterConfig
from groovefast.drum_part import CHANNEL_10, Channel, DrumPart, Track
from groovefast.drums import DRUM_CLASSES, PitchClasses, resolve_pitch_classes
from groovefast.errors import GrooveFastError, MidiError
from groovefast.files import write_atomically
from groovefast.midi.groove import Groove, midi_source
from groovefast.midi.score import MidiInput, read_bytes, read_score
from groovefast.model.latent import slerp
from groovefast.model.models import DEFAULT_MODELS
from groovefast.playing.grid_bars import describe_bars
from groovefast.playing.layout import Windows
from groovefast.playing.take import Take, rows_with
from groovefast.task import ALL_DRUMS, Purpose, Task
from groovefast.windows import transforms
from groovefast.windows.rows import Grid, RowLayout

if TYPE_CHECKING:
    import mido

    from groovefast.model.groovae import GrooVAE

Source: TypeAlias = "MidiInput | Groove | mido.MidiFile"
"""A MIDI file's bytes, its path, a file opened for bytes, a `Groove`, or a `mido.MidiFile`."""
Model: TypeAlias = "GrooVAE | str | os.PathLike[str] | None"
"""A model, what `load_model` takes, or None for the mode's own of `models.DEFAULT_MODELS`."""
Values: TypeAlias = NDArray[np.float32]

_OPEN_HAT, _RIDE = DRUM_CLASSES.index("open hi-hat"), DRUM_CLASSES.index("ride")
_CLOSED_HAT_EDGE = 22
"""The closed hi-hat struck on its edge, on Roland's kits."""

_WANTED: Mapping[str, Purpose] = {
    "humanize": Purpose.HUMANIZE,
    "tap2drum": Purpose.TAP2DRUM,
    "add-hihat": Purpose.ADD_DRUMS,
    "groove-transfer": Purpose.GROOVE_TRANSFER,
}
"""What a mode's model must have been trained for."""


@dataclasses.dataclass(frozen=True)
class Rendition:
    """What became of a performance.

    Attributes:
        midi: The file: that of the input, with other drums.
        messages: Lines a user should read, such as bars in which there was nothing to do.
        part: Which of its notes are the drums.
    """

    midi: bytes
    messages: tuple[str, ...] = ()
    part: DrumPart = CHANNEL_10

    @property
    def groove(self) -> Groove:
        """The drums of the file."""
        return Groove.from_midi(self.midi, self.part.channel, self.part.track)

    def save(self, path: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the MIDI file, whole or not at all.

        Args:
            path: Its name.
            overwrite: Whether to replace a file that is there.

        Raises:
            FileExistsError: There is one, and it is not to be replaced.
            OSError: The folder does not exist or cannot be written.
        """
        write_atomically(path, self.midi, overwrite)


@dataclasses.dataclass(frozen=True)
class Options:
    """How a mode is played.

    Attributes:
        amount: From 0, the input as it is, to 1, what the model makes of it. Between them hits
            move part of the way, and the model has to be surer of those it adds or takes out.
        temperature: How boldly to draw: z around its mean, and hits; 0 takes the likeliest.
        seed: The same seed gives the same result; None draws anew.
        hop_bars: From one window to the next; half a window when None.
        pitch_classes: Which pitches are which drum: "reduced" for General MIDI, "roland" for the
            kit of the Groove MIDI Dataset, or another map that `resolve_pitch_classes` takes.
        channel: The MIDI channel of the drums, from 1, or several; channel 10 if None, or every
            channel of `track` where that is given. Nothing else is heard or changed.
        track: The track of the drums: its number in the file, from 1, or its name.

    Raises:
        GrooveFastError: A value out of its range.
    """

    amount: float = 1.0
    temperature: float = 0.0
    seed: int | None = None
    hop_bars: int | None = None
    pitch_classes: PitchClasses = "reduced"
    channel: Channel = None
    track: Track = None

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= 1:
            raise GrooveFastError(f"amount: {self.amount} is not in 0..1")
        if not 0 <= self.temperature <= MAX_TEMPERATURE:
            raise GrooveFastError(
                f"temperature: {self.temperature} is not in 0..{MAX_TEMPERATURE:g}"
            )
        for name, least in (("hop_bars", 1), ("seed", 0)):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if value is not None and not (whole and value >= least):
                raise GrooveFastError(f"{name}: {value!r} is no whole number from {least} on")
        # A file is read once.
        object.__setattr__(self, "pitch_classes", resolve_pitch_classes(self.pitch_classes))
        DrumPart.of(self.channel, self.track)

    @property
    def part(self) -> DrumPart:
        """Which notes are the drums."""
        return DrumPart.of(self.channel, self.track)


# --- The modes ------------------------------------------------------------------------------


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
    player = _Player("humanize", model, options)
    take = player.take(source)
    windows = player.windows(take)
    z = player.latents(player.encode(take, windows))
    return player.decode(take, windows, z, chosen=())


def tap2drum(source: Source, model: Model = None, **options: Any) -> Rendition:
    """Makes a beat of a tapped rhythm: what is tapped on does not matter, only when.

    The taps become drums on channel 10, with the first pitch of each class.

    Args:
        source: The rhythm.
        model: One trained with `tapify`.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    player = _Player("tap2drum", model, options)
    take = player.take(source, all_pitches=True)
    windows = player.windows(take)
    z = player.latents(player.encode(take, windows))
    return player.decode(take, windows, z, chosen=ALL_DRUMS, as_drums=True)


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
    player = _Player("add-hihat", model, options)
    added = Task.of(player.config).played_drums
    kit = list(resolve_pitch_classes(player.options.pitch_classes))
    fixed = set()
    for drum in added:
        if not kit[drum]:
            raise GrooveFastError(f"pitch_classes: the kit has no {DRUM_CLASSES[drum]} to add")
        edge = {_CLOSED_HAT_EDGE} & set(kit[drum][1:])
        fixed |= edge if replace else {*edge, kit[drum][0]}
        kit[drum] = (kit[drum][0], *edge)
    midi, name = read_bytes(midi_source(source))
    take = _take_of_kit(player, midi, name, kit, fixed)
    windows = player.windows(take)
    z = player.latents(player.encode(take, windows))
    there = rows_with(take.fixed)
    hits = player.choose_hits(
        take, windows, z, added, closed=there if replace else take.in_bars_with(there)
    )
    played = player.play(take, windows, z, hits, changed=added)
    told = _tell_of_added(take, hits, added, replace)
    return dataclasses.replace(played, messages=(*played.messages, *told))


def _take_of_kit(
    player: _Player,
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
        anew = "" if replace else "; --replace plays it anew"
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
        groove_from: Whose timing and dynamics to take; it is looped as long as need be.
        model: One trained with `hits_as_controls`.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    player = _Player("groove-transfer", model, options)
    take, other = player.take(hits_from), player.take_beside(groove_from)
    windows = player.windows(take)
    z = player.latents(player.encode(other, other.looped(windows)))
    return player.decode(take, windows, z, chosen=())


def reconstruct(source: Source, model: Model = None, **options: Any) -> Rendition:
    """Plays a performance as the model understands it.

    Args:
        source: The performance.
        model: Any. One trained with `hits_as_controls` keeps the hits.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    return vary(source, model, spread=0.0, **options)


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
    if not 0 <= spread <= MAX_TEMPERATURE:
        raise GrooveFastError(f"spread: {spread} is not in 0..{MAX_TEMPERATURE:g}")
    player = _Player("vary", model, options)
    take = player.take(source)
    windows = player.windows(take)
    z = player.latents(player.encode(take, windows), spread)
    return player.decode(take, windows, z, chosen=player.own_choice)


def interpolate(
    a: Source, b: Source, num: int = 5, model: Model = None, **options: Any
) -> list[Rendition]:
    """Plays performances from one to another, both included.

    Args:
        a: The first; its file, with its tempo and length, is that of all.
        b: The last; it is looped as long as need be.
        num: How many, at least 2.
        model: Any. One trained with `hits_as_controls` keeps the hits of `a`.
        **options: Fields of `Options`.

    Raises:
        MidiError: As `humanize`, and so on.
    """
    if not isinstance(num, (int, np.integer)) or num < 2:
        raise GrooveFastError(f"num: {num} given; an interpolation has at least 2 performances")
    player = _Player("interpolate", model, options)
    take, other = player.take(a), player.take_beside(b)
    windows = player.windows(take)
    ends = (player.encode(take, windows)[0], player.encode(other, other.looped(windows))[0])
    paths = [slerp(start, end, np.linspace(0, 1, num)) for start, end in zip(*ends, strict=True)]
    return [
        player.decode(take, windows, np.array([path[index] for path in paths]), player.own_choice)
        for index in range(num)
    ]


# --- What they have in common ---------------------------------------------------------------


class _Player:
    """A model, and how it is asked to play.

    Windows are (windows, steps) rows of a take, z is (windows, z_size).
    """

    def __init__(self, mode: str, model: Model, options: Mapping[str, Any]) -> None:
        self.options = Options(**options)
        self._model = _load(mode, model)
        self.config: ConverterConfig = self._model.config.converter
        self._layout = RowLayout.of(self.config)
        self._rng = np.random.default_rng(self.options.seed)

    @property
    def own_choice(self) -> Sequence[int]:
        """The drums whose hits the model chooses when it is not told which."""
        return () if Task.of(self.config).wants_hits else ALL_DRUMS

    def take(self, source: Source, **how: Any) -> Take:
        kit = {"pitch_classes": self.options.pitch_classes, **how}
        return Take(source, self.config, part=self.options.part, **kit)

    def take_beside(self, source: Source) -> Take:
        """A second performance: its drums are where the first has them, or else on channel 10."""
        named, usual = self.options.part, CHANNEL_10
        midi, name = read_bytes(midi_source(source))

        def is_silent(part: DrumPart) -> bool:
            return not len(read_score(midi, part, name=name).notes)

        elsewhere = named != usual and is_silent(named) and not is_silent(usual)
        part = usual if elsewhere else named
        return Take(midi, self.config, self.options.pitch_classes, part, name=name)

    def windows(self, take: Take) -> Windows:
        bars = self.config.split_bars or 2
        hop = self.options.hop_bars or max(1, bars // 2)
        return take.windows(bars, min(hop, bars))

    def encode(self, take: Take, windows: Windows) -> tuple[Values, Values]:
        """The `mu` and `sigma` of windows as the model was trained to hear them."""
        grid = Grid(*map(windows.cut, take.grid))
        heard = transforms.transform_inputs(self.config, np, grid)
        inputs = self._layout.assemble(np, heard)
        mu, sigma = self._model.encode(inputs, self._controls(grid.hits))
        return np.asarray(mu), np.asarray(sigma)

    def latents(self, encoded: tuple[Values, Values], spread: float = 0.0) -> Values:
        """The z to decode. The same noise for all windows keeps the performance of one piece."""
        mu, sigma = encoded
        drawn = self.options.temperature * sigma * self._rng.standard_normal(mu.shape[1])
        away = spread * self._rng.standard_normal(mu.shape[1])
        return np.asarray(mu + drawn + away, np.float32)

    def decode(
        self,
        take: Take,
        windows: Windows,
        z: Values,
        chosen: Collection[int],
        as_drums: bool = False,
    ) -> Rendition:
        """The take with what the model plays from z.

        The hits are settled first, for the whole take; then the model, hearing just these, gives
        each its velocity and time.

        Args:
            take: The input.
            windows: Where each z belongs.
            z: One for each window.
            chosen: Drums whose hits the model chooses; it is given those of the others.
            as_drums: Whether to write drums on channel 10, rather than in the take's own kit.
        """
        hits = self.choose_hits(take, windows, z, chosen)
        return self.play(take, windows, z, hits, as_drums=as_drums)

    def choose_hits(
        self,
        take: Take,
        windows: Windows,
        z: Values,
        chosen: Collection[int],
        closed: NDArray[np.bool_] | None = None,
    ) -> Values:
        """The hits of the whole take: those that its windows, cross-faded, find likely.

        Bars in which nothing was played stay empty, and rows that are `closed` as they are.
        """
        chosen = [drum for drum in chosen if drum in take.playable]
        hits = np.asarray(take.grid.hits)
        if not chosen or not self.options.amount:
            return hits
        played = windows.cut(take.grid.hits)
        given = np.ones(played.shape, np.bool_)
        given[..., chosen] = False
        given[windows.rows < 0] = True
        rows = self._write(z, played, given)
        likely = windows.blend(self._hit_probabilities(z, rows, played), len(take.grid.hits))
        likely = likely + (1 - self.options.amount) * (take.grid.hits - likely)
        with np.errstate(divide="ignore"):
            logits = np.log(likely) - np.log1p(-likely)
        logits += self.options.temperature * self._rng.logistic(size=logits.shape)
        open_rows = take.sounding if closed is None else take.sounding & ~closed
        free = np.zeros(logits.shape, np.bool_)
        free[:, chosen] = open_rows[:, None]
        return np.asarray(np.where(free, logits > 0, take.grid.hits), np.float32)

    def play(
        self,
        take: Take,
        windows: Windows,
        z: Values,
        hits: Values,
        changed: Collection[int] = ALL_DRUMS,
        as_drums: bool = False,
    ) -> Rendition:
        """The take with these hits, of which the model plays those of the `changed` drums."""
        if not self.options.amount:
            return Rendition(take.midi, (), take.part)
        written = self._layout.numbers(self._write(z, windows.cut(hits)))
        velocities, offsets = (
            windows.blend(values, len(hits)) for values in (written.velocities, written.offsets)
        )
        midi = take.play(
            Grid(hits, velocities, offsets),
            self.options.amount,
            changed,
            own_kit=not as_drums,
            own_channel=not as_drums,
        )
        messages = tuple(take.coarse_message) if midi != take.midi else ()
        return Rendition(midi, messages, take.drums_written if as_drums else take.part)

    def _write(self, z: Values, hits: Values, given: NDArray[np.bool_] | None = None) -> Values:
        """The model's rows; `hits`, (windows, steps, 9), are kept where they are `given`."""
        kept = hits.reshape(len(hits), -1, self._layout.drums)
        written = self._model.decode(
            z,
            self._controls(hits),
            self.options.temperature,
            int(self._rng.integers(2**31)),
            steps=kept.shape[1],
            hits=kept,
            given=None if given is None else given.reshape(kept.shape),
        )
        return np.asarray(written)

    def _hit_probabilities(self, z: Values, rows: Values, hits: Values) -> Values:
        """How likely the model found each hit, (windows, steps, 9), after the rows before it."""
        logits = self._model.teacher_forced(z, rows, self._controls(hits))
        hit_logits = self._layout.disassemble(np, np.asarray(logits)).hits
        return np.asarray(0.5 + 0.5 * np.tanh(hit_logits / 2))

    def _controls(self, hits: Values) -> Values:
        """The controls of windows with these hits."""
        return np.asarray(self._layout.controls(np, hits))


def _load(mode: str, model: Model) -> GrooVAE:
    """The model of a mode, if it is one for it."""
    if model is None:
        model = DEFAULT_MODELS[mode]
    if isinstance(model, (str, os.PathLike)):
        from groovefast.model.checkpoints import load_model

        model = load_model(model)
    wanted = _WANTED.get(mode)
    if wanted is not None and wanted not in Task.of(model.config.converter).purposes:
        raise GrooveFastError(
            f"{mode}: not what a model of {model.config.name} has learned; "
            f"give one of {DEFAULT_MODELS[mode]}, or none for the included one"
        )
    return model
