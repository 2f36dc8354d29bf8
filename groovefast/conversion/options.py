"""What decides the content of the shards, apart from the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

from groovefast import _tokens
from groovefast._midi import MAX_STEPS
from groovefast.drum_part import Channel, DrumPart, Track
from groovefast.drums import REDUCED, ROLAND, PitchClasses, pitch_table, resolve_pitch_classes
from groovefast.errors import OptionError, check_choice, check_whole

OnError = Literal["skip", "fail", "salvage"]
OnUnmapped = Literal["drop", "error"]
Representation = Literal["performances", "drums", "melody", "trio"]
"""What records hold: GrooVAE's performances, or MusicVAE's tokens."""

MAX_STEPS_PER_QUARTER = MAX_STEPS // 4
"""So that a bar of 4/4 is no longer than a performance may be."""


@dataclasses.dataclass(frozen=True)
class Options:
    """See `convert`.

    Attributes:
        steps_per_quarter: Grid steps in a quarter note.
        pitch_classes: The pitches of each drum class.
        channel: The MIDI channels of the drums, see `DrumPart`.
        track: The track of the drums, see `DrumPart`.
        magenta_compat: Whether to drop what Magenta drops.
        on_error: What to do with a damaged file: leave it out, stop, or keep what came before.
        unmapped_pitches: Whether a pitch of no class makes its file a failed one.
        dedupe: Whether to leave out performances whose grid an earlier one of the set has.
        representation: What the records hold.
    """

    steps_per_quarter: int
    pitch_classes: Sequence[Sequence[int]]
    channel: tuple[int, ...] | None
    track: int | str | None
    magenta_compat: bool
    on_error: OnError
    unmapped_pitches: OnUnmapped
    dedupe: bool
    representation: Representation = "performances"

    @classmethod
    def of(
        cls,
        *,
        steps_per_quarter: int = 4,
        pitch_classes: PitchClasses = "roland",
        channel: Channel = None,
        track: Track = None,
        magenta_compat: bool = False,
        on_error: OnError = "skip",
        unmapped_pitches: OnUnmapped = "drop",
        dedupe: bool = False,
        representation: Representation = "performances",
    ) -> Options:
        """Returns the options that the arguments of `convert` ask for.

        Raises:
            GrooveFastError: A mistake in one of them.
        """
        steps = check_whole("steps_per_quarter", steps_per_quarter, 1, MAX_STEPS_PER_QUARTER)
        part = DrumPart.of(channel, track)
        return cls(
            steps_per_quarter=steps,
            pitch_classes=resolve_pitch_classes(pitch_classes),
            channel=part.channel,
            track=part.track,
            magenta_compat=magenta_compat,
            on_error=on_error,
            unmapped_pitches=unmapped_pitches,
            dedupe=dedupe,
            representation=representation,
        )

    def __post_init__(self) -> None:
        check_choice("representation", self.representation, get_args(Representation))
        if self.representation != "performances":
            self._check_tokens()
        check_choice("on_error", self.on_error, get_args(OnError))
        check_choice("unmapped_pitches", self.unmapped_pitches, get_args(OnUnmapped))

    def for_core(self) -> dict[str, Any]:
        """Returns the options as `_records.Conversion` takes them."""
        return {
            "pitch_table": pitch_table(self.pitch_classes),
            "steps_per_quarter": self.steps_per_quarter,
            "part": DrumPart(self.channel, self.track).for_core(),
            "magenta_compat": self.magenta_compat,
            "on_error": self.on_error,
            "unmapped_is_error": self.unmapped_pitches == "error",
            "dedupe": self.dedupe,
            "tokens": self._token_search(),
        }

    def _check_tokens(self) -> None:
        """Refuses what would change tokens, which are Magenta's alone."""
        wanted = {
            "steps_per_quarter": (4, "16ths"),
            "channel": (None, "drums on channel 10 and all other channels"),
            "track": (None, "all tracks"),
            "magenta_compat": (False, "Magenta's reading in any case"),
            "unmapped_pitches": ("drop", "only the pitches they know"),
            "dedupe": (False, "different windows in any case"),
        }
        for name, (usual, what) in wanted.items():
            if getattr(self, name) != usual:
                raise OptionError(name, f"is of performances; records of tokens have {what}")
        if self.pitch_classes not in (ROLAND, REDUCED):
            raise OptionError(
                "pitch_classes", "is of performances; tokens are of General MIDI's drums"
            )

    def _token_search(self) -> tuple[Any, ...] | None:
        """What to look for, as `_tokens.token_tracks` takes it; None for performances."""
        table = pitch_table(REDUCED)
        searches = {
            "drums": (_tokens.DRUMS, table, 1, 1, 100, (), False, 0),
            "melody": (_tokens.MELODY, table, 1, 1, 100, range(128), False, 0),
            "trio": (_tokens.TRIO, table, 16, 2, 1024, (), False, 0),
        }
        return searches.get(self.representation)
