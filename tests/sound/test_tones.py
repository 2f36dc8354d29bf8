"""The melodic voices: their pitch, their edges and their loudness."""

from __future__ import annotations

import numpy as np
import pytest

from groovefast import DrumsConverter, MelodyConverter, TrioConverter
from groovefast.sound.synth import CEILING, render
from groovefast.sound.tones import (
    BASS,
    MELODY,
    PITCHES,
    RELEASE_SECONDS,
    TONES,
    held,
    tone_of,
    tone_sound,
)
from groovefast.sound.voices import SAMPLE_RATE

NO_CLICK = 0.35
"""Of full scale, from one sample to the next: the highest tones move that much themselves."""


@pytest.mark.parametrize("tone", [MELODY, BASS])
def test_every_pitch_begins_and_ends_in_silence(tone):
    for pitch in PITCHES[::7]:
        sound = tone_sound(tone, pitch)
        assert np.abs(sound).max() == pytest.approx(1, abs=1e-6)
        assert sound[0] == 0
        assert np.abs(sound[-200:]).max() < 1e-3
        first = sound[: round(0.001 * SAMPLE_RATE)]
        assert np.abs(first).max() < NO_CLICK


@pytest.mark.parametrize("tone", [MELODY, BASS])
@pytest.mark.parametrize("pitch", [33, 45, 60, 69, 84])
def test_pitches_are_in_tune(tone, pitch):
    sound = tone_sound(tone, pitch)[: SAMPLE_RATE // 2] * np.hanning(SAMPLE_RATE // 2)
    spectrum = np.abs(np.fft.rfft(sound, 1 << 18))
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    bins = np.fft.rfftfreq(1 << 18, 1 / SAMPLE_RATE)
    near = (bins > 0.9 * hertz) & (bins < 1.1 * hertz)
    assert bins[near][spectrum[near].argmax()] == pytest.approx(hertz, rel=0.004)


def test_basses_are_of_their_programs():
    assert [program for program in range(128) if tone_of(program) == BASS] == [*range(32, 40)]


def test_a_tone_fades_when_its_note_ends():
    sound = tone_sound(MELODY, 60)
    cut = held(sound, 10_000)
    assert len(cut) == 10_000 + round(RELEASE_SECONDS * SAMPLE_RATE)
    np.testing.assert_array_equal(cut[:10_000], sound[:10_000])
    assert cut[-1] == 0
    assert np.abs(np.diff(cut)).max() <= np.abs(np.diff(sound)).max() + 1e-3
    assert held(sound, len(sound)) is sound


def test_what_was_made_is_heard_and_nothing_else():
    tune = MelodyConverter().from_tensors([43, 0, 1, 0, 47, 0, 0, 0])[0].to_bytes()
    assert not render(tune).any()
    heard = render(tune, pitched=True)
    assert heard.shape[0] >= 8 * 0.125 * SAMPLE_RATE
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    gap = heard[round((0.25 + RELEASE_SECONDS) * SAMPLE_RATE) + 1 : round(0.5 * SAMPLE_RATE)]
    assert not gap.any()


def test_drums_sound_as_ever_beside_others():
    drums = np.full(32, 1 + 4)
    trio = np.stack((np.full(32, 45), np.full(32, 20), drums), axis=-1)
    band = TrioConverter().from_tensors(trio)[0].to_bytes()
    alone = render(DrumsConverter().from_tensors(drums)[0])
    np.testing.assert_array_equal(render(band), alone)


def test_a_full_trio_is_loud_and_not_clipped():
    rng = np.random.default_rng(0)
    tokens = np.stack(
        (rng.integers(40, 60, 256), rng.integers(12, 24, 256), rng.integers(0, 512, 256)), axis=-1
    )
    heard = render(TrioConverter().from_tensors(tokens)[0].to_bytes(), pitched=True)
    assert 0.5 < np.abs(heard).max() <= CEILING + 1e-6


def test_tones_leave_room_for_each_other():
    """The loudest of both tones together stay below full scale at the usual velocity."""
    usual = (80 / 127) ** 1.5
    assert 1.3 * usual * sum(tone.level for tone in TONES) < 1
