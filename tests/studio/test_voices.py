"""Sounds of the studio: those of `--render wav`."""

from __future__ import annotations

import io
import wave

import midi_bytes
import numpy as np
import pytest
from pages import through_json
from places import ROOT

from groovefast.errors import GrooveFastError, OptionError
from groovefast.midi.groove import Groove
from groovefast.sound.synth import limit, render, save_wav, to_wav
from groovefast.sound.voices import drum_sound
from groovefast.studio.voices import facts, sound, wav

FLAT = (ROOT / "docs" / "examples" / "flat.mid").read_bytes()


def samples(data: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44100)
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return frames.reshape(-1, 2) / 32767


@pytest.mark.parametrize("drum", range(9))
def test_a_voice_is_a_wav_file_of_its_drum(drum: int) -> None:
    data = wav(drum, 5, 1)
    np.testing.assert_allclose(samples(data), drum_sound(drum, 5, 1), atol=0.5 / 32767)
    assert np.abs(samples(data)).max() == 1
    assert wav(drum, 5, 1) is data
    assert data != wav(drum, 5, 0)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((9, 0, 0), "drum: 9 is no whole number from 0 to 8"),
        ((-1, 0, 0), "drum: -1 is no"),
        ((0, 8, 0), "layer: 8 is no whole number from 0 to 7"),
        ((0, 0, 2), "take: 2 is no whole number from 0 to 1"),
    ],
)
def test_voices_there_are_not(place: tuple[int, int, int], line: str) -> None:
    with pytest.raises(OptionError) as error:
        wav(*place)
    assert str(error.value).startswith(line)


def test_the_facts_are_enough_to_play_as_rendered() -> None:
    """A page's mixing, done here: a hi-hat silences the open one, and takes are in turn."""
    known = through_json(facts())
    hits = [(0.0, 46, 127), (0.25, 42, 60), (0.5, 42, 61), (0.75, 36, 1)]
    groove = Groove([(time, time + 0.1, pitch, velocity) for time, pitch, velocity in hits])
    rendered = render(groove)
    mix = np.zeros((len(rendered) + 44100 * 4, 2))
    takes = [0] * 9
    for time, drum, velocity in ((0.0, 3, 127), (0.25, 2, 60), (0.5, 2, 61), (0.75, 0, 1)):
        layer = min(int(velocity / 127 * known["layers"]), known["layers"] - 1)
        heard = samples(wav(drum, layer, takes[drum] % known["takes"])).copy()
        takes[drum] += 1
        if drum == 3:
            choke, fade = round(0.25 * 44100), round(known["choke"] * 44100)
            heard = heard[: choke + fade]
            heard[choke:] *= np.linspace(1, 0, fade)[:, None]
        gain = known["loudness"] * known["levels"][drum] * (velocity / 127) ** known["curve"]
        start = round(time * 44100)
        mix[start : start + len(heard)] += gain * heard
    mixed = limit(mix[: len(rendered)].astype(np.float32))
    np.testing.assert_allclose(mixed, rendered, atol=1e-3)


def test_a_piece_sounds_as_the_command_renders_it(tmp_path) -> None:
    save_wav(render(FLAT), tmp_path / "flat.wav")
    assert sound(FLAT) == (tmp_path / "flat.wav").read_bytes() == to_wav(render(FLAT))


def test_drums_elsewhere_and_other_kits_are_heard() -> None:
    data = midi_bytes.song(midi_bytes.hit(0, 48, channel=2), midi_bytes.hit(0, 36))
    heard = [
        sound(data, "roland", "3"),
        sound(data, "reduced", "3"),
        sound(data),
        sound(data, None, None, "1"),
    ]
    assert len(set(heard)) == 4
    with pytest.raises(OptionError, match=r"^kit: no such kit"):
        sound(data, "/etc/passwd")


def test_hours_are_refused() -> None:
    data = midi_bytes.song(midi_bytes.hit(480 * 2 * 60 * 21, 36))
    with pytest.raises(GrooveFastError, match=r"^21 minutes are too long for a WAV file here"):
        sound(data)
    assert len(samples(sound(midi_bytes.song(midi_bytes.hit(480 * 2 * 60 * 21, 99))))) == 0
