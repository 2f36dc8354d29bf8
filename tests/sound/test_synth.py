"""The built-in drum machine, listened to with numbers; and FluidSynth where it is installed."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groovefast import Groove, GrooveFastError
from groovefast.drums import DRUM_CLASSES, output_pitches
from groovefast.sound.synth import CEILING, limit, render, save_wav, save_with_soundfont
from groovefast.sound.voices import LAYERS, SAMPLE_RATE, TAKES, VOICES, drum_sound

KICK, SNARE, CLOSED, OPEN, LOW, MID, HIGH, CRASH, RIDE = range(len(DRUM_CLASSES))


def _groove(*hits, qpm=120.0):
    """A groove of (seconds, class, velocity)."""
    return Groove(
        [(time, time + 0.1, output_pitches("reduced")[drum], v) for time, drum, v in hits], qpm
    )


def _rms(audio):
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def _centroid(audio):
    power = np.abs(np.fft.rfft(audio.mean(axis=1))) ** 2
    return float((np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE) * power).sum() / power.sum())


def _ring(audio):
    """Seconds until 90 % of the energy is out."""
    energy = np.cumsum((audio**2).sum(axis=1))
    return float(np.searchsorted(energy, 0.9 * energy[-1])) / SAMPLE_RATE


# --- The drums ------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [0, LAYERS - 1])
@pytest.mark.parametrize("drum", range(len(DRUM_CLASSES)), ids=DRUM_CLASSES)
def test_each_sound_starts_at_once_and_ends_in_silence(drum, layer):
    sound = drum_sound(drum, layer, 0)
    assert sound.ndim == 2
    assert np.abs(sound).max() == pytest.approx(1)
    assert np.abs(sound[0]).max() < 0.01
    assert np.abs(sound[: SAMPLE_RATE // 50]).max() > 0.3
    assert _rms(sound[:4410]) > 0.04
    assert np.abs(sound[-1]).max() == 0
    assert np.abs(sound.mean(axis=0)).max() < 2e-3
    assert 0.2 < len(sound) / SAMPLE_RATE < 4


def test_there_is_one_voice_for_each_class():
    assert len(VOICES) == len(DRUM_CLASSES)


def test_drums_lie_where_drums_lie_in_the_spectrum():
    centroids = [_centroid(drum_sound(drum, LAYERS - 1, 0)) for drum in range(9)]
    assert centroids[KICK] < 100
    assert centroids[KICK] < centroids[LOW] < centroids[MID] < centroids[HIGH] < 300
    assert 1000 < centroids[SNARE] < 5000
    assert 2500 < centroids[RIDE] < centroids[CRASH] < centroids[OPEN] < 13000
    assert 7000 < centroids[CLOSED] < 13000


def test_drums_ring_as_long_as_drums_ring():
    rings = [_ring(drum_sound(drum, LAYERS - 1, 0)) for drum in range(9)]
    assert rings[CLOSED] < 0.06 < rings[SNARE] < rings[KICK] < 0.3
    assert rings[HIGH] < rings[MID] < rings[LOW]
    assert 3 * rings[CLOSED] < rings[OPEN]
    assert max(rings) == rings[CRASH] > 0.5


@pytest.mark.parametrize("drum", [SNARE, CLOSED, OPEN, CRASH, RIDE])
def test_harder_is_brighter(drum):
    centroids = [_centroid(drum_sound(drum, layer, 0)) for layer in (0, LAYERS // 2, LAYERS - 1)]
    assert centroids == sorted(centroids)
    assert centroids[-1] > 1.05 * centroids[0]


def test_repeated_hits_are_alike_but_not_the_same():
    first, second = (drum_sound(SNARE, 4, take)[:20000] for take in range(TAKES))
    assert not np.array_equal(first, second)
    assert _centroid(first) == pytest.approx(_centroid(second), rel=0.25)


def test_kit_is_spread_from_left_to_right():
    def side(drum):
        left, right = (np.sqrt((drum_sound(drum, 6, 0)[:, ear] ** 2).mean()) for ear in (0, 1))
        return (right - left) / (right + left)

    assert abs(side(KICK)) < 0.02
    assert side(CLOSED) < -0.15
    assert side(RIDE) > 0.15
    assert side(HIGH) < side(MID) < side(LOW)


# --- Playing --------------------------------------------------------------------------------


@pytest.mark.parametrize("kit", ["99|98|||||||97", [(99,), (98,), *[()] * 6, (97,)], "kit.txt"])
def test_drums_are_those_of_the_kit(kit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("kit.txt").write_text("ride: 97\nsnare: 98\nkick: 99\n")
    played = Groove([(0.0, 0.1, 99, 90), (0.5, 0.6, 97, 80), (0.7, 0.8, 36, 90)])
    expected = render(_groove((0.0, KICK, 90), (0.5, RIDE, 80)))
    sound = render(played, kit)
    np.testing.assert_array_equal(sound[: len(expected)], expected)
    assert not sound[len(expected) :].any()


def test_a_hit_sounds_when_and_as_long_as_it_should():
    audio = render(_groove((0.5, SNARE, 100)))
    start = round(0.5 * SAMPLE_RATE)
    sound = drum_sound(SNARE, 100 * LAYERS // 127, 0)
    assert len(audio) == start + len(sound)
    assert not audio[:start].any()
    played = audio[start:] / np.abs(audio).max()
    np.testing.assert_allclose(played, sound, atol=1e-5)


def test_louder_velocities_are_louder():
    peaks = [np.abs(render(_groove((0, SNARE, v)))).max() for v in (1, 20, 40, 64, 90, 110, 127)]
    assert peaks == sorted(peaks)
    assert 0 < peaks[0] < 0.01
    assert 20 * np.log10(peaks[6] / peaks[3]) == pytest.approx(9, abs=1)


def test_hats_choke_the_open_one():
    ringing = render(_groove((0, OPEN, 110)))
    for closing in (CLOSED, OPEN):
        choked = render(_groove((0, OPEN, 110), (0.2, closing, 1)))
        after, end = round(0.25 * SAMPLE_RATE), round(0.5 * SAMPLE_RATE)
        assert _rms(choked[after:end]) < 0.1 * _rms(ringing[after:end])
        np.testing.assert_array_equal(choked[: SAMPLE_RATE // 10], ringing[: SAMPLE_RATE // 10])
    free = render(_groove((0, OPEN, 110), (0.2, KICK, 1)))
    assert _rms(free[after:end]) > 0.5 * _rms(ringing[after:end])


def test_a_hat_of_the_same_moment_does_not_choke():
    together = render(_groove((0, OPEN, 110), (0, CLOSED, 1)))
    assert _ring(together) > 0.1


def test_tempo_changes_count():
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=500_000, time=0),
            mido.Message("note_on", channel=9, note=38, velocity=100, time=0),
            mido.Message("note_off", channel=9, note=38, velocity=0, time=10),
            mido.MetaMessage("set_tempo", tempo=1_000_000, time=470),
            mido.Message("note_on", channel=9, note=38, velocity=100, time=480),
            mido.Message("note_off", channel=9, note=38, velocity=0, time=10),
        ]
    )
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    audio = np.abs(render(midi)).max(axis=1)
    second = round(1.5 * SAMPLE_RATE)
    assert not audio[second - 5000 : second].any()
    assert audio[second : second + 500].max() > 0.1


def test_same_music_same_samples():
    groove = _groove((0, KICK, 120), (0, CRASH, 90), (0.3, SNARE, 80), (0.31, SNARE, 30))
    np.testing.assert_array_equal(render(groove), render(groove.to_bytes()))


def test_nothing_to_play_is_silence():
    assert len(render(Groove([]))) == 0
    unknown = render(Groove([(0.0, 1.0, 0, 100)]))
    assert unknown.shape[1] == 2
    assert not unknown.any()


def test_real_performances_are_neither_silent_nor_clipped(groove_files):
    for path in groove_files[::230]:
        audio = render(path, "roland")
        assert np.isfinite(audio).all()
        assert 0.05 < np.abs(audio).max() <= CEILING + 1e-6
        assert 0.005 < _rms(audio) < 0.3
        left, right = (_rms(audio[:, ear]) for ear in (0, 1))
        assert 0.5 < left / right < 2


def test_a_day_of_silence_is_refused():
    groove = Groove([(90_000.0, 90_001.0, 38, 100)])
    with pytest.raises(GrooveFastError, match="1500 minutes are too long"):
        render(groove)


# --- The limiter and the file ---------------------------------------------------------------


@given(
    peaks=st.lists(st.tuples(st.integers(0, 30_000), st.floats(0, 20)), min_size=1, max_size=20),
    length=st.integers(1, 30_000),
)
def test_limiter_never_lets_through_what_is_too_loud(peaks, length):
    audio = np.zeros((length, 2), np.float32)
    for position, level in peaks:
        audio[position % length, position % 2] = level
    limited = limit(audio)
    assert limited.shape == audio.shape
    assert np.abs(limited).max() <= CEILING + 1e-6
    assert (np.abs(limited) <= np.abs(audio) + 1e-6).all()


def test_limiter_turns_down_without_distorting():
    t = np.arange(SAMPLE_RATE * 2) / SAMPLE_RATE
    tone = np.where((t > 0.9) & (t < 1.1), 2.0, 0.4) * np.sin(2 * np.pi * 440 * t)
    audio = np.stack((tone, 0.5 * tone), axis=1).astype(np.float32)
    limited = limit(audio)
    np.testing.assert_array_equal(limited[: SAMPLE_RATE // 2], audio[: SAMPLE_RATE // 2])
    gain = limited[np.abs(audio[:, 0]) > 0.01, 0] / audio[np.abs(audio[:, 0]) > 0.01, 0]
    assert np.abs(np.diff(gain)).max() < 0.01  # a gain that moves slowly, and no cut peaks
    np.testing.assert_allclose(limited[:, 1], 0.5 * limited[:, 0], atol=1e-6)


def test_quiet_music_is_left_alone():
    audio = np.random.default_rng(0).uniform(-0.8, 0.8, (5000, 2)).astype(np.float32)
    assert limit(audio) is audio


def test_wav_file_is_16_bit_stereo(tmp_path):
    audio = render(_groove((0, SNARE, 100)))
    save_wav(audio, tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        assert file.getframerate() == SAMPLE_RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    np.testing.assert_allclose(samples / 32767, audio, atol=1 / 32767)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_wav_of_too_loud_samples_does_not_wrap_around(tmp_path):
    save_wav(np.array([[2.0, -2.0]], np.float32), tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert np.frombuffer(file.readframes(1), "<i2").tolist() == [32767, -32767]


# --- FluidSynth -----------------------------------------------------------------------------


@pytest.fixture
def soundfont():
    """Any General MIDI SoundFont there is on this machine."""
    pretty_midi = pytest.importorskip("pretty_midi", reason="brings a SoundFont for this test")
    if not shutil.which("fluidsynth"):
        pytest.skip("fluidsynth is not installed")
    return Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")


def test_soundfont_plays(soundfont, tmp_path):
    save_with_soundfont(_groove((0.5, SNARE, 120)).to_bytes(), soundfont, tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getframerate() == SAMPLE_RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(samples).max() > 1000
    assert np.flatnonzero(np.abs(samples).max(axis=1) > 500)[0] / SAMPLE_RATE > 0.4


def test_what_is_no_soundfont_is_refused(tmp_path):
    (tmp_path / "a.sf2").write_bytes(b"RIFF0000WAVE")
    with pytest.raises(GrooveFastError, match=r"a\.sf2: not a SoundFont"):
        save_with_soundfont(b"", tmp_path / "a.sf2", tmp_path / "a.wav")
    with pytest.raises(FileNotFoundError):
        save_with_soundfont(b"", tmp_path / "none.sf2", tmp_path / "a.wav")


def test_without_fluidsynth_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.sf2").write_bytes(b"RIFF0000sfbk")
    with pytest.raises(GrooveFastError, match="fluidsynth is not installed; install it"):
        save_with_soundfont(b"", tmp_path / "a.sf2", tmp_path / "a.wav")
