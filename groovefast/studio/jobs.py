"""What models do to pieces: a mode of `playing`, from JSON to JSON."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from groovefast import progress
from groovefast.config import FASTEST_QPM, MAX_SEED, SLOWEST_QPM, TokensConfig
from groovefast.errors import OptionError, check_choice, in_plain_words, which_of
from groovefast.playing import MODES, Mode, play
from groovefast.playing.modes import check_options
from groovefast.studio.listening import heard_as
from groovefast.studio.models import MODELS
from groovefast.studio.pieces import Sent, piece_of
from groovefast.studio.values import (
    check_between,
    check_finite,
    check_flag,
    check_integer,
    check_object,
    check_text,
    shown,
)

if TYPE_CHECKING:
    from groovefast.playing import Rendition

Report: TypeAlias = progress.Report

MOST_RESULTS = 64
"""Of one request."""
MOST_BARS = 512
"""Likewise, that are played on."""

OF_ANY_MODE: Mapping[str, Any] = {
    "model": None,
    "temperature": 0.0,
    "touch": 0.0,
    "seed": None,
    "hop_bars": None,
}
"""Options that every mode heeds, by their defaults."""

_GROOVE = "groove_from"
_ONLY_OF_PIECES = {_GROOVE, "pitch_classes", "channel", "track"}
_CHECKS: Mapping[str, Callable[[str, Any], object]] = {
    **dict.fromkeys(("amount", "timing", "dynamics", "temperature", "touch"), check_finite),
    **dict.fromkeys(("variety", "spread", "at"), check_finite),
    **dict.fromkeys(("model", "prior", "style"), check_text),
    "qpm": lambda name, value: check_between(name, value, SLOWEST_QPM, FASTEST_QPM),
    "num": lambda name, value: check_integer(name, value, 1, MOST_RESULTS),
    "seed": lambda name, value: check_integer(name, value, 0, MAX_SEED),
    "bars": lambda name, value: check_integer(name, value, 1, MOST_BARS),
    "hop_bars": lambda name, value: check_integer(name, value, 1, 1 << 16),
    "replace": check_flag,
    "attributes": lambda name, value: _check_attributes(name, value),
}
"""What JSON each option takes; their ranges are for `playing` to check."""

_PLAYS = {"sample": 1, "humanize": 1, "groove-transfer": 2, "continue": 1}
"""How often the network goes through the steps of a result; `_MOST_PLAYS` in all other modes."""
_MOST_PLAYS = 3
"""It chooses the hits, says how likely it found each, and plays them."""


def options_of(mode: str) -> dict[str, Any]:
    """Returns the options of a mode as a page may give them, by what each is unless given.

    Raises:
        OptionError: No such mode.
    """
    check_choice("mode", mode, MODES)
    row = MODES[mode]
    usual = {**OF_ANY_MODE, "touch": row.touch, **row.options}
    if row.inputs[0] == 0:
        del usual["hop_bars"]
    return {name: value for name, value in usual.items() if name != _GROOVE}


def inputs_of(mode: str) -> tuple[int, int]:
    """Returns the fewest and the most pieces that a mode works on with its included model."""
    row = MODES[mode]
    least, most = row.inputs
    if least == 0:  # the included model makes up its own hits
        return 0, 0
    also = int(_GROOVE in row.options)
    return least + also, most + also


def playing(
    mode: object,
    sents: Sequence[Sent],
    options: object,
    report: Report | None = None,
) -> dict[str, Any]:
    """Plays a mode.

    Args:
        mode: A name in `MODES`.
        sents: The pieces it works on, the one whose feel is taken last.
        options: Of `options_of`, by name; what is None or missing is as usual. The seed is drawn
            if it is.
        report: Is told how far the network is, "listening" or "playing" and 0..1; what it raises
            ends the work and is passed on.

    Returns:
        "pieces", the results; "seed", which makes them again; "messages", lines a user should read.

    Raises:
        OptionError: No such mode or option, or a value that it cannot have; or not so many pieces.
        GrooveFastError: As `playing.play`.
    """
    name = check_text("mode", mode)
    check_choice("mode", name, MODES)
    row = MODES[name]
    given = _checked(name, options)
    _check_number(name, len(sents))
    seed = given.setdefault("seed", secrets.randbelow(MAX_SEED + 1))
    chosen = given.pop("model", None)
    model, model_name = MODELS.load(name, chosen), MODELS.name_in_files(name, chosen)
    tokens = model.config.tokens
    sources = _sources(row, sents) if tokens is None else _sources_of_tokens(tokens, sents)
    if _GROOVE in row.options:
        given[_GROOVE] = sources.pop()
    if sents and tokens is None:
        first = sents[0]
        given["pitch_classes"] = first.pitch_classes
        given["channel"], given["track"] = first.part.channel, first.part.track
    if report is None:
        played = play(name, sources, model, model_name=model_name, **given)
    else:
        passes = _Passes(report, row, given, tokens is not None)
        with progress.watched(passes):
            played = play(name, sources, model, model_name=model_name, **given)
    return {
        "pieces": _pieces(played, sents if tokens is None else (), _stem(row, sents, seed)),
        "seed": seed,
        "messages": list(
            dict.fromkeys(in_plain_words(line) for each in played for line in each.messages)
        ),
    }


def _checked(mode: str, options: object) -> dict[str, Any]:
    """The options that are given."""
    given = {
        name: value for name, value in check_object("options", options).items() if value is not None
    }
    own = options_of(mode)
    for name, value in given.items():
        if name not in own and name not in _CHECKS:
            raise OptionError(shown(name), f"no such option of mode {mode}{which_of(name, own)}")
        _CHECKS[name](name, value)
    if "hop_bars" in given and "hop_bars" not in own:
        raise OptionError("hop_bars", f"of no use to mode {mode}")
    check_options(mode, {**given, _GROOVE: b""} if _GROOVE in MODES[mode].options else given)
    return given


def _check_attributes(name: str, value: object) -> None:
    for attribute, amount in check_object(name, value).items():
        check_text(name, attribute)
        check_finite(f"{name} {shown(attribute)}", amount)


def _check_number(mode: str, number: int) -> None:
    least, most = inputs_of(mode)
    if not least <= number <= most:
        wanted = most if least == most else f"{least} to {most}"
        raise OptionError("pieces", f"{number} given, but mode {mode} works on {wanted}")


def _sources(row: Mode, sents: Sequence[Sent]) -> list[bytes]:
    """The files of the pieces, all with their drums where the first has them."""
    if not sents:
        return []
    first, *others = sents
    return [
        heard_as(first.to_midi(), first, first, any_pitch=row.name == "tap2drum"),
        *(heard_as(other.to_midi(), other, first) for other in others),
    ]


def _sources_of_tokens(tokens: TokensConfig, sents: Sequence[Sent]) -> list[bytes]:
    """The files of the pieces, their drums as models of tokens hear them: in General MIDI's kit."""
    if tokens.representation != "drums":
        return [sent.to_midi() for sent in sents]
    plain = [dataclasses.replace(sent, channel=None, track=None, kit="reduced") for sent in sents]
    return [heard_as(sent.to_midi(), sent, usual) for sent, usual in zip(sents, plain, strict=True)]


def _stem(row: Mode, sents: Sequence[Sent], seed: int) -> str:
    """What the results are called."""
    return f"{sents[0].name}-{row.name}" if sents else f"groove-{seed}"


def _pieces(played: Sequence[Rendition], sents: Sequence[Sent], stem: str) -> list[dict[str, Any]]:
    kit, pitched = (sents[0].kit, sents[0].pitched) if sents else (None, False)
    names = [stem] if len(played) == 1 else [f"{stem}-{n}" for n in range(1, len(played) + 1)]
    return [
        piece_of(rendition.midi, name, rendition.part, kit, pitched or rendition.pitched)
        for rendition, name in zip(played, names, strict=True)
    ]


class _Passes:
    """Makes one share of all passes of a stage, which goes on where the one before ended."""

    def __init__(
        self, report: Report, row: Mode, options: Mapping[str, Any], of_tokens: bool
    ) -> None:
        """Counts the passes that a mode takes."""
        results = 1
        if row.is_numbered and row.inputs[0] and options.get("at") is None:
            results = options.get("num") or row.options["num"]
        self._passes = {
            progress.LISTENING: results if row.name == "vary" else 1,
            progress.PLAYING: results * _PLAYS.get(row.name, _MOST_PLAYS),
        }
        if of_tokens:
            each = results if row.name == "vary" else 1
            ends = row.inputs[0] if row.name == "interpolate" else each
            self._passes = {progress.LISTENING: ends, progress.PLAYING: each}
        self._report = report
        self._done = dict.fromkeys(self._passes, 0)
        self._last = dict.fromkeys(self._passes, 0.0)

    def __call__(self, stage: str, share: float) -> None:
        """Takes the share of one pass."""
        if share < self._last[stage]:
            self._done[stage] += 1
        self._last[stage] = share
        self._report(stage, min((self._done[stage] + share) / self._passes[stage], 1.0))
