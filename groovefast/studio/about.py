"""What a page has to know of the studio: its drums, modes, styles and sounds."""

from __future__ import annotations

from typing import Any

import groovefast
from groovefast.config import MAX_SEED, MAX_TEMPERATURE
from groovefast.drums import DRUM_CLASSES, REDUCED
from groovefast.model.prior import MAX_VARIETY
from groovefast.playing import MODES
from groovefast.studio import jobs, voices
from groovefast.studio.models import MODELS


def facts() -> dict[str, Any]:
    """Returns these facts as JSON.

    "modes" has for each its "summary", its usual "touch", "inputs", the fewest and the most pieces
    it works on, "options", each with what it is unless given, and its "models", see `Models.facts`.
    """
    prior = MODELS.load("sample").prior
    return {
        "version": groovefast.__version__,
        "drums": list(DRUM_CLASSES),
        "pitches": [list(each) for each in REDUCED],
        "modes": {
            name: {
                "summary": mode.summary,
                "touch": mode.touch,
                "inputs": list(jobs.inputs_of(name)),
                "options": jobs.options_of(name),
                "models": MODELS.facts(name, jobs.options_of(name)),
            }
            for name, mode in MODES.items()
        },
        "styles": list(prior.styles) if prior else [],
        "attributes": list(prior.attributes) if prior else [],
        "max_seed": MAX_SEED,
        "max_temperature": MAX_TEMPERATURE,
        "max_variety": MAX_VARIETY,
        "hears_pitches": MODELS.hear_pitches,
        "voices": voices.facts(),
    }
