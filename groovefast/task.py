"""What a model is for: it follows from what training takes from the performances it hears."""

from __future__ import annotations

import dataclasses
import enum

from groovefast.config import ConverterConfig
from groovefast.drums import NUM_CLASSES

ALL_DRUMS = tuple(range(NUM_CLASSES))


class Purpose(enum.Enum):
    """Something that a model can have learned."""

    HUMANIZE = "humanize"
    """To give stiff hits their timing and velocity."""
    TAP2DRUM = "tap2drum"
    """To make a beat of a tapped rhythm."""
    ADD_DRUMS = "add drums"
    """To play the drums that a performance lacks."""
    GROOVE_TRANSFER = "groove transfer"
    """To play hits it is told with the feel of another performance."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What a model is for.

    Attributes:
        purposes: All that it has learned; of most models one, and none of those that hear
            performances as they are.
        given_drums: The drum classes whose hits it is told, so that it has not to choose them.
        played_drums: Those it is asked to play: the ones it adds, or all.
        wants_hits: Whether it works only on hits that it is told as controls.
        makes_up: Whether it hears performances as they are, so that it can drum from z alone.
    """

    purposes: frozenset[Purpose]
    given_drums: tuple[int, ...]
    played_drums: tuple[int, ...]
    wants_hits: bool
    makes_up: bool

    @classmethod
    def of(cls, converter: ConverterConfig) -> Task:
        """Returns the task of the models trained on what a converter makes."""
        learned = {
            Purpose.HUMANIZE: converter.humanize,
            Purpose.TAP2DRUM: converter.tapify,
            Purpose.ADD_DRUMS: bool(converter.add_instruments),
            Purpose.GROOVE_TRANSFER: converter.hits_as_controls,
        }
        purposes = frozenset(purpose for purpose, is_one in learned.items() if is_one)
        return cls(
            purposes,
            _given_drums(converter),
            converter.add_instruments or ALL_DRUMS,
            converter.hits_as_controls,
            not (purposes or converter.fixed_velocities),
        )

    @property
    def chooses_hits(self) -> bool:
        """Whether it decides which drums are hit, rather than only how."""
        return self.given_drums != ALL_DRUMS


def _given_drums(converter: ConverterConfig) -> tuple[int, ...]:
    if converter.humanize or converter.hits_as_controls:
        return ALL_DRUMS
    if converter.add_instruments and not converter.tapify:
        return tuple(drum for drum in ALL_DRUMS if drum not in converter.add_instruments)
    return ()
