"""What stands for a page in these tests: it gets pieces as JSON, edits them and sends them back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from groovefast import GrooveFastError
from groovefast.studio.pieces import Sent

KEPT = ("name", "midi", "qpm", "hits", "channel", "track", "kit")


def through_json(value: Any) -> Any:
    """A value as it comes out of the wire."""
    return json.loads(json.dumps(value))


def as_sent(piece: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a page sends of a piece it has got."""
    return through_json({**{name: piece[name] for name in KEPT}, **changes})


def sent(piece: dict[str, Any], **changes: Any) -> Sent:
    """The same, received."""
    return Sent.of(as_sent(piece, **changes))


def new(hits: list[list[Any]], bars: int = 4, qpm: float = 120, **changes: Any) -> Sent:
    """A piece drawn on an empty page."""
    fields = {"name": "new", "midi": None, "qpm": qpm, "bars": bars, "meter": [4, 4], "hits": hits}
    return Sent.of(through_json({**fields, **changes}))


def outcome(work: Callable[[], Any]) -> tuple[Any, str]:
    """What some work gives, or None and the line that refuses it; no other error is caught."""
    try:
        return work(), ""
    except GrooveFastError as error:
        return None, str(error)


def assert_one_line(refusal: str) -> None:
    """An error that a page can show."""
    assert len(refusal.splitlines()) == 1
    assert 0 < len(refusal) < 400
    assert refusal.encode()
