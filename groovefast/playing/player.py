"""How a model plays a performance: what all the `modes` have in common.

take -> overlapping windows -> encoder -> z -> decoder -> cross-faded rows -> take
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import MAX_SEED, MAX_TEMPERATURE, ConverterConfig
from groovefast.drum_part import CHANNEL_10, Channel, DrumPart, Track
from groovefast.drums import NUM_CLASSES, PitchClasses, resolve_pitch_classes
from groovefast.errors import OptionError, check_choice, check_number, check_whole
from groovefast.files import write_atomically
from groovefast.midi.arrangement import Arrangement
from groovefast.midi.groove import Groove, midi_source
from groovefast.midi.score import MidiInput, read_bytes, read_score
from groovefast.model.prior import MAX_VARIETY, PRIORS
from groovefast.playing.hands import two_hands
from groovefast.playing.layout import Windows
from groovefast.playing.take import Take, rows_with
from groovefast.task import ALL_DRUMS, Task
from groovefast.windows import transforms
from groovefast.windows.rows import Grid, RowLayout

if TYPE_CHECKING:
    import mido

    from groovefast.model.in_use import InUse

Source: TypeAlias = "MidiInput | Groove | mido.MidiFile"
"""A MIDI file's bytes, its path, a file opened for bytes, a `Groove`, or a `mido.MidiFile`."""
Values: TypeAlias = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Rendition:
    """What became of a performance.

    Attributes:
        midi: The file: that of the input, with other drums.
        messages: Lines a user should read, such as bars in which there was nothing to do.
        part: Which of its notes are the drums.
        pitched: Whether its other notes were made too, so that they are to be heard and shown.
    """

    midi: bytes
    messages: tuple[str, ...] = ()
    part: DrumPart = CHANNEL_10
    pitched: bool = False

    @property
    def groove(self) -> Groove:
        """The drums of the file."""
        return Groove.from_midi(self.midi, self.part.channel, self.part.track)

    @property
    def arrangement(self) -> Arrangement:
        """All instruments of the file."""
        return Arrangement.from_midi(self.midi)

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
        timing: How far hits move in time, likewise; as `amount` if None.
        dynamics: How far velocities go; as `amount` if None.
        temperature: How boldly to draw: z around its mean, and hits; 0 takes the likeliest.
        touch: From 0, velocities and times as the model expects them on average, to 1, with all of
            the scatter of a player; as usual for the mode if None, see `Mode.touch`.
        seed: The same seed gives the same result; None draws anew.
        prior: Where z of new grooves comes from: "fitted" draws it where those of played ones lie,
            if the model has such a prior, "normal" of N(0, 1), as Magenta does.
        style: The style of new grooves, one of `model.prior.styles`; any if None.
        variety: How far they go from what is typical, 0..2.
        attributes: By how many standard deviations attributes of the result are to differ from
            what they would be, -3..3 by name, as in {"density": 0.5}; see `model.prior.attributes`.
        hop_bars: From one window to the next, at most a window; half a window when None.
        pitch_classes: Which pitches are which drum: "reduced" for General MIDI, "roland" for the
            kit of the Groove MIDI Dataset, or another map that `resolve_pitch_classes` takes.
        channel: The MIDI channel of the drums, from 1, or several; channel 10 if None, or every
            channel of `track` where that is given. Nothing else is heard or changed.
        track: The track of the drums: its number in the file, from 1, or its name.

    Raises:
        OptionError: A value out of its range.
    """

    amount: float = 1.0
    timing: float | None = None
    dynamics: float | None = None
    temperature: float = 0.0
    touch: float | None = None
    seed: int | None = None
    prior: str = "fitted"
    style: str | None = None
    variety: float = 1.0
    attributes: Mapping[str, float] | None = None
    hop_bars: int | None = None
    pitch_classes: PitchClasses = "reduced"
    channel: Channel = None
    track: Track = None

    def __post_init__(self) -> None:
        check_number("amount", self.amount, 0, 1)
        for name, share in zip(("timing", "dynamics"), self.shares, strict=True):
            check_number(name, share, 0, 1)
        if self.touch is not None:
            check_number("touch", self.touch, 0, 1)
        check_number("temperature", self.temperature, 0, MAX_TEMPERATURE)
        if self.seed is not None:
            check_whole("seed", self.seed, 0, MAX_SEED)
        check_choice("prior", self.prior, PRIORS)
        check_number("variety", self.variety, 0, MAX_VARIETY)
        if self.hop_bars is not None:
            check_whole("hop_bars", self.hop_bars, 1)
        # A file is read once.
        object.__setattr__(self, "pitch_classes", resolve_pitch_classes(self.pitch_classes))
        DrumPart.of(self.channel, self.track)

    @property
    def part(self) -> DrumPart:
        """Which notes are the drums."""
        return DrumPart.of(self.channel, self.track)

    @property
    def of_prior(self) -> Mapping[str, Any]:
        """What new grooves are to be, as `InUse.sample` takes it."""
        names = ("prior", "style", "variety", "attributes")
        return {name: getattr(self, name) for name in names}

    @property
    def shares(self) -> tuple[float, float]:
        """How far hits move in time, and how far their velocities go."""
        timing, dynamics = (
            self.amount if share is None else share for share in (self.timing, self.dynamics)
        )
        return timing, dynamics

    @property
    def changes(self) -> bool:
        """Whether anything may become other than it is in the input."""
        return any((self.amount, *self.shares))


class Player:
    """A model, and how it is asked to play.

    Windows are (windows, steps) rows of a take, z is (windows, z_size).
    """

    def __init__(self, model: InUse, options: Options, usual_touch: float = 0.0) -> None:
        """Raises an `OptionError` if windows would leave bars between them, or without a touch.

        Args:
            model: Who plays.
            options: How.
            usual_touch: With how much touch, unless the options say, if the model has one.
        """
        self.model = model
        self.options = options
        self.touch = usual_touch if model.touch else 0.0
        if options.touch is not None:
            self.touch = options.touch
        self.config: ConverterConfig = model.config.converter
        self.task = Task.of(self.config)
        self._layout = RowLayout.of(self.config)
        self._bars = self.config.split_bars or 2
        if options.hop_bars is not None and options.hop_bars > self._bars:
            problem = f"more than the {self._bars} bars this model hears at once"
            raise OptionError("hop_bars", f"{options.hop_bars} is {problem}")
        self._scatter = model.fitted_touch() if self.touch else None
        self._rng = np.random.default_rng(options.seed)
        # Its own, so that hits are the same with any touch.
        (self._touch_rng,) = self._rng.spawn(1)

    @property
    def own_choice(self) -> Sequence[int]:
        """The drums whose hits the model chooses when it is not told which."""
        return () if self.task.wants_hits else ALL_DRUMS

    def take(self, source: Source, **how: Any) -> Take:
        """The drums of a performance; `how` is passed on to `Take`."""
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
        """Overlapping windows of the model over a take."""
        return take.windows(self._bars, self.options.hop_bars or max(1, self._bars // 2))

    def encode(self, *heard_in: tuple[Take, Windows]) -> tuple[Values, Values]:
        """The `mu` and `sigma` of windows, of one take after the other, as the model hears them."""
        cut = ([windows.cut(each) for each in take.grid] for take, windows in heard_in)
        grid = Grid(*map(np.concatenate, zip(*cut, strict=True)))
        heard = transforms.transform_inputs(self.config, np, grid)
        inputs = self._layout.assemble(np, heard)
        mu, sigma = self.model.encode(inputs, self._controls(grid.hits))
        return np.asarray(mu), np.asarray(sigma)

    def latents(self, encoded: tuple[Values, Values], spread: float = 0.0) -> Values:
        """The z to decode. The same noise for all windows keeps the performance of one piece."""
        mu, sigma = encoded
        drawn = self.options.temperature * sigma * self._rng.standard_normal(mu.shape[1])
        away = spread * self._rng.standard_normal(mu.shape[1])
        shift = self.model.shift(self.options.attributes)
        return np.asarray(mu + drawn + away + shift, np.float32)

    def new_latents(self, windows: Windows) -> Values:
        """A z that no performance was encoded to, the same for all windows."""
        seed = int(self._rng.integers(MAX_SEED + 1))
        z = self.model.new_latents(1, seed, **self.options.of_prior)
        return np.tile(np.asarray(z, np.float32), (len(windows), 1))

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
        sounding: NDArray[np.bool_] | None = None,
    ) -> Values:
        """The hits of the whole take: those that its windows, cross-faded, find likely.

        Bars in which nothing was played stay empty, and rows that are `closed` as they are. In a
        row that is to be `sounding` the likeliest drum is hit, if none is likely.
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
        hits = np.where(free, logits > 0, take.grid.hits)
        if sounding is not None:
            silent = np.flatnonzero(open_rows & sounding & ~rows_with(hits))
            hits[silent, np.where(free, logits, -np.inf)[silent].argmax(1)] = 1
        return np.asarray(hits, np.float32)

    def play(
        self,
        take: Take,
        windows: Windows,
        z: Values,
        hits: Values,
        changed: Collection[int] = ALL_DRUMS,
        as_drums: bool = False,
        early: Values | float = 0.0,
    ) -> Rendition:
        """The take with these hits, of which the model plays those of the `changed` drums.

        They are so much earlier than it plays them; see `missed_timing`.
        """
        if not self.options.changes:
            return Rendition(take.midi, (), take.part)
        written = self._layout.numbers(self._write(z, windows.cut(hits)))
        offsets = written.offsets + early
        velocities, offsets = (
            windows.blend(values, len(hits)) for values in (written.velocities, offsets)
        )
        if self._scatter:
            velocities, offsets = self._scatter.draw_take(
                hits,
                velocities,
                offsets,
                self.touch,
                self._touch_rng,
                bars=take.bar_of_row,
                steps=take.step_of_row,
            )
        midi = take.play(
            Grid(hits, velocities, offsets),
            *self.options.shares,
            changed,
            own_kit=not as_drums,
            own_channel=not as_drums,
        )
        messages = tuple(take.coarse_message) if midi != take.midi else ()
        return Rendition(midi, messages, take.drums_written if as_drums else take.part)

    def go_on(self, take: Take, first: int) -> Grid:
        """A take with what a model without z plays from some row on, where nothing was.

        Args:
            take: Its grid is empty from there on.
            first: The first row of a bar.
        """
        rows = take.sequence
        begin = int(np.argmax(rows >= first))
        # Where the row is -1, it is the last: of silence.
        heard = [np.pad(values, ((0, 1), (0, 0)))[rows[:begin]][None] for values in take.grid]
        per_step = self._layout.rows_per_step
        silent = rows[begin:] < 0
        written = self.model.go_on(
            self._layout.assemble(np, Grid(*heard)),
            per_step * len(silent),
            self.options.temperature,
            int(self._rng.integers(MAX_SEED + 1)),
            silent=np.repeat(silent, per_step),
        )
        playable = two_hands(np.asarray(written), self._layout)
        drawn = self._layout.drawn(playable, self._rng if self.options.temperature else None)
        played = Grid(*(np.array(values) for values in take.grid))
        for values, new in zip(played, drawn, strict=True):
            values[rows[begin:][~silent]] = new[0][~silent]
        return played

    def missed_timing(self, take: Take, windows: Windows, z: Values) -> Values:
        """How much earlier a take is than the model plays it, on average over its bars.

        A drum that is not hit at a step is as the others there; few hits tell less than many.

        Returns:
            Half steps, shape (steps of a window, 9); the same in each bar.
        """
        hits, early = windows.cut(take.grid.hits), windows.cut(take.grid.offsets)
        missed = (early - self._layout.numbers(self._write(z, hits)).offsets) * hits
        by_step = (-1, self.config.steps_per_bar, NUM_CLASSES)
        missed, hits = (values.reshape(by_step).sum(0) for values in (missed, hits))
        of_step = missed.sum(1, keepdims=True) / (hits.sum(1, keepdims=True) + 1)
        return np.tile(((missed + of_step) / (hits + 1)).astype(np.float32), (self._bars, 1))

    def _write(self, z: Values, hits: Values, given: NDArray[np.bool_] | None = None) -> Values:
        """The model's rows; `hits`, (windows, steps, 9), are kept where they are `given`."""
        kept = hits.reshape(len(hits), -1, self._layout.drums)
        written = self.model.decode(
            z,
            self._controls(hits),
            self.options.temperature,
            int(self._rng.integers(MAX_SEED + 1)),
            steps=kept.shape[1],
            hits=kept,
            given=None if given is None else given.reshape(kept.shape),
        )
        return np.asarray(written)

    def _hit_probabilities(self, z: Values, rows: Values, hits: Values) -> Values:
        """How likely the model found each hit, (windows, steps, 9), after the rows before it."""
        logits = self.model.teacher_forced(z, rows, self._controls(hits))
        hit_logits = self._layout.disassemble(np, np.asarray(logits)).hits
        return np.asarray(0.5 + 0.5 * np.tanh(hit_logits / 2))

    def _controls(self, hits: Values) -> Values:
        """The controls of windows with these hits."""
        return np.asarray(self._layout.controls(np, hits))
