"""What a page is told of the studio."""

from __future__ import annotations

import pytest
from pages import through_json

import groovefast
from groovefast.drums import DRUM_CLASSES
from groovefast.model.models import included_models
from groovefast.playing import MODES
from groovefast.studio import about
from groovefast.studio.jobs import playing


def test_facts() -> None:
    facts = about.facts()
    assert through_json(facts) == facts
    assert facts["version"] == groovefast.__version__
    assert tuple(facts["drums"]) == DRUM_CLASSES
    assert list(facts["modes"]) == list(MODES)
    assert facts["modes"]["humanize"] == {
        "summary": "timing and dynamics for a stiff performance",
        "touch": 0.5,
        "inputs": [1, 1],
        "options": {
            "model": None,
            "temperature": 0.0,
            "touch": 0.5,
            "seed": None,
            "hop_bars": None,
            "amount": 1.0,
            "timing": None,
            "dynamics": None,
        },
        "models": [],
    }
    own, *others = facts["modes"]["sample"]["models"]
    assert (own["name"], own["bars"], own["tokens"]) == ("groovae_4bar", 4, None)
    assert own["styles"] == facts["styles"]
    assert all(each["name"] in included_models() for each in others)
    assert not facts["hears_pitches"]
    assert [tone["name"] for tone in facts["voices"]["tones"]] == ["melody", "bass"]
    assert len(facts["voices"]["levels"]) == 9
    assert facts["max_seed"] == 2**31 - 1


@pytest.mark.parametrize("kind", ["style", "attribute"])
def test_every_style_and_attribute_can_be_asked_for(kind: str) -> None:
    facts = about.facts()
    names = facts[f"{kind}s"]
    assert len(names) > 5
    for name in names:
        option = {"style": name} if kind == "style" else {"attributes": {name: 0.5}}
        assert playing("sample", [], {"num": 1, **option})["pieces"]


def test_the_ends_of_ranges_can_be_asked_for() -> None:
    facts = about.facts()
    options = {name: facts[f"max_{name}"] for name in ("seed", "temperature", "variety")}
    assert playing("sample", [], {"num": 1, **options})["seed"] == facts["max_seed"]
