"""Drum MIDI to sound: the built-in drum machine, or FluidSynth with a SoundFont.

    notes in seconds -> sounds of `voices`, mixed -> limiter -> 16-bit WAV file

What a model of melodies or trios has made is heard with `tones`.

The same file always gives the same bytes.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, HI_HATS, UNMAPPED, PitchClasses, pitch_table
from groovefast.errors import GrooveFastError, OptionError
from groovefast.files import write_atomically
from groovefast.midi.groove import Groove, midi_source
from groovefast.sound.tones import TONES, held, tone_of, tone_sound
from groovefast.sound.voices import LAYERS, SAMPLE_RATE, TAKES, VOICES, drum_sound

if TYPE_CHECKING:
    import mido

    from groovefast.drum_part import Channel, Track
    from groovefast.midi.score import MidiInput

CEILING = 10 ** (-1 / 20)
"""No sample is louder: one decibel below full scale."""
MAX_MINUTES = 60

LOUDNESS_CURVE = 1.5
"""Peak of a hit is velocity to this power: 9 dB from velocity 64 to 127."""
LOUDNESS = 1.3
"""Of everything: quiet playing is well heard, and the limiter works only on the loudest."""
_OPEN_HAT = DRUM_CLASSES.index("open hi-hat")
CHOKE_SECONDS = 0.02
_LIMITER_BLOCK = 64
_LIMITER_CHUNK = 1 << 20
"""Samples treated at once, so that an hour needs little more memory than its samples."""
_LIMITER_SECONDS = 0.06


def render(
    source: MidiInput | Groove | mido.MidiFile,
    pitch_classes: PitchClasses = "reduced",
    channel: Channel = None,
    track: Track = None,
    pitched: bool = False,
) -> NDArray[np.float32]:
    """Plays a MIDI file's drums on the built-in drum machine.

    Tempo changes count. A hi-hat, opened or closed, silences the open one that still rings. Pitches
    of no drum class are not heard, and neither is anything but drums unless it is asked for.

    Args:
        source: A `Groove`, a MIDI file's bytes, its path, or a `mido.MidiFile`.
        pitch_classes: Which pitches are which drum, as for `GrooveConverter`.
        channel: The MIDI channel of the drums, as for `read_midi`.
        track: Their track, as for `read_midi`.
        pitched: Whether to play what is no drums too: a bass where the program is one, and
            melodies.

    Returns:
        Samples, (n, 2) at `SAMPLE_RATE`, within ±`CEILING`; up to the end of the last sound, and
        at least as long as the last note.

    Raises:
        MidiError: Bytes that are not a readable MIDI file.
        GrooveFastError: Longer than `MAX_MINUTES`.
        OSError: The file cannot be read.
    """
    from groovefast.drum_part import DrumPart
    from groovefast.midi.parts import pitched_notes
    from groovefast.midi.score import read_bytes, read_score

    midi, name = read_bytes(midi_source(source))
    part = DrumPart.of(channel, track)
    notes = read_score(midi, part, name=name).notes
    tones = pitched_notes(midi, part) if pitched else notes[:0]
    drums = np.frombuffer(pitch_table(pitch_classes), np.uint8)[notes["pitch"]]
    notes, drums = notes[drums != UNMAPPED], drums[drums != UNMAPPED]
    minutes = max(each["end_time"].max(initial=0.0) for each in (notes, tones)) / 60
    if minutes > MAX_MINUTES:
        raise GrooveFastError(f"{minutes:.0f} minutes are too long for a WAV file; give a part")
    mix = _mix(notes["time"], notes["end_time"], drums, notes["velocity"])
    return limit(_with_tones(mix, tones) if len(tones) else mix)


def _with_tones(mix: NDArray[np.float32], notes: NDArray[np.void]) -> NDArray[np.float32]:
    """Drums with the tones of notes beside them, in the middle."""
    starts = np.rint(notes["time"] * SAMPLE_RATE).astype(np.int64)
    lengths = np.rint(notes["end_time"] * SAMPLE_RATE).astype(np.int64) - starts
    kinds = [tone_of(program) for program in notes["program"].tolist()]
    sounds = [
        held(tone_sound(kind, pitch), length)
        for kind, pitch, length in zip(
            kinds, notes["pitch"].tolist(), lengths.tolist(), strict=True
        )
    ]
    ends = starts + np.array([len(sound) for sound in sounds])
    longer = np.zeros((max(len(mix), int(ends.max()), int((starts + lengths).max())), 2), mix.dtype)
    longer[: len(mix)] = mix
    levels = np.array([LOUDNESS * tone.level for tone in TONES], np.float32)
    gains = levels[kinds] * _strength(notes["velocity"]) ** np.float32(LOUDNESS_CURVE)
    for start, gain, sound in zip(starts.tolist(), gains, sounds, strict=True):
        longer[start : start + len(sound)] += (gain * sound)[:, np.newaxis]
    return longer


def _mix(
    times: NDArray[np.float64],
    end_times: NDArray[np.float64],
    drums: NDArray[np.uint8],
    velocities: NDArray[np.uint8],
) -> NDArray[np.float32]:
    """The sum of all sounds, (samples, 2); as loud as it gets."""
    order = np.lexsort((velocities, drums, times))
    drums, velocities = drums[order], velocities[order]
    starts = np.rint(times[order] * SAMPLE_RATE).astype(np.int64)
    sounds = list(_sounds(drums, velocities))
    ends = starts + np.array([len(sound) for sound in sounds], np.int64)
    last = int(np.ceil(end_times.max(initial=0.0) * SAMPLE_RATE))
    mix = np.zeros((int(ends.max(initial=last)), 2), np.float32)
    levels = np.array([LOUDNESS * voice.level for voice in VOICES], np.float32)
    gains = levels[drums] * _strength(velocities) ** np.float32(LOUDNESS_CURVE)
    for start, choke, gain, sound in zip(
        starts, _choke_lengths(starts, drums), gains, sounds, strict=True
    ):
        heard = _choked(sound, int(choke))
        mix[start : start + len(heard)] += gain * heard
    return mix


def _sounds(
    drums: NDArray[np.uint8], velocities: NDArray[np.uint8]
) -> Iterator[NDArray[np.float32]]:
    """The sound of each hit, takes in turn."""
    layers = np.minimum(_strength(velocities) * LAYERS, LAYERS - 1).astype(np.int64)
    hits_so_far = [0] * len(DRUM_CLASSES)
    for drum, layer in zip(drums.tolist(), layers.tolist(), strict=True):
        yield drum_sound(drum, layer, hits_so_far[drum] % TAKES)
        hits_so_far[drum] += 1


def _strength(velocities: NDArray[np.uint8]) -> NDArray[np.float32]:
    """0..1 of MIDI velocities; 0 is taken for 1, as in a file."""
    strength: NDArray[np.float32] = np.maximum(velocities, 1).astype(np.float32) / np.float32(127)
    return strength


def _choke_lengths(starts: NDArray[np.int64], drums: NDArray[np.uint8]) -> NDArray[np.int64]:
    """After how many samples the next hi-hat silences each hit; far away for all but open ones."""
    lengths = np.full(len(starts), np.iinfo(np.int64).max)
    hat_starts = np.unique(starts[np.isin(drums, HI_HATS)])
    is_open = drums == _OPEN_HAT
    following = np.searchsorted(hat_starts, starts[is_open], side="right")
    ends = np.append(hat_starts, np.iinfo(np.int64).max)[following]
    lengths[is_open] = ends - starts[is_open]
    return lengths


def _choked(sound: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The sound up to `length`, and a short fade."""
    fade = round(CHOKE_SECONDS * SAMPLE_RATE)
    if length + fade >= len(sound):
        return sound
    cut: NDArray[np.float32] = sound[: length + fade].copy()
    cut[length:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return cut


def limit(audio: NDArray[np.float32], ceiling: float = CEILING) -> NDArray[np.float32]:
    """Turns the level down around what is too loud, smoothly and on both channels alike.

    Args:
        audio: Shape (samples, 2).
        ceiling: No sample of the result is beyond it.

    Returns:
        The same samples where nothing within `_LIMITER_SECONDS` is too loud.
    """
    reach = round(_LIMITER_SECONDS * SAMPLE_RATE / _LIMITER_BLOCK)
    blocks = -(-len(audio) // _LIMITER_BLOCK)
    peaks = np.zeros(blocks, np.float32)
    for channel in audio.T:
        levels = np.zeros(blocks * _LIMITER_BLOCK, np.float32)
        np.abs(channel, out=levels[: len(audio)])
        np.maximum(peaks, levels.reshape(blocks, _LIMITER_BLOCK).max(axis=1), out=peaks)
    if not (peaks > ceiling).any():
        return audio
    gains = ceiling / np.maximum(peaks, ceiling)
    # The lowest gain within reach, averaged over one block less than that reach: so a block's own
    # gain bounds every value that its samples' are drawn from.
    padded = np.pad(gains, reach, constant_values=1)
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    weights = np.hanning(2 * reach + 1)[1:-1]
    smooth = np.convolve(np.pad(lowest, reach - 1, mode="edge"), weights / weights.sum(), "valid")
    centers = (np.arange(blocks) + 0.5) * _LIMITER_BLOCK
    limited = np.empty_like(audio)
    for first in range(0, len(audio), _LIMITER_CHUNK):
        samples = np.arange(first, min(first + _LIMITER_CHUNK, len(audio)))
        curve = np.interp(samples, centers, smooth).astype(np.float32)
        part = slice(first, first + _LIMITER_CHUNK)
        limited[part] = np.clip(audio[part] * curve[:, None], -ceiling, ceiling)
    return limited


def save_wav(audio: NDArray[np.float32], path: str | os.PathLike[str]) -> None:
    """Writes the file of `to_wav`, whole or not at all.

    Raises:
        OSError: The folder does not exist or cannot be written.
    """
    write_atomically(path, to_wav(audio))


def to_wav(audio: NDArray[np.float32]) -> bytes:
    """Returns samples in -1..1, (n, 2) or of one channel (n,), as a 16-bit WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(audio.ndim)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def check_soundfont(soundfont: str | os.PathLike[str]) -> str:
    """Returns the path of FluidSynth if it can play a SoundFont.

    Raises:
        OptionError: Not a SoundFont, or FluidSynth is not installed.
        OSError: It is not there.
    """
    with open(soundfont, "rb") as file:  # noqa: PTH123 - takes any path
        form = file.read(12)
    if form[:4] != b"RIFF" or form[8:] != b"sfbk":
        raise OptionError("soundfont", f"{os.fspath(soundfont)}: not a SoundFont")
    program = shutil.which("fluidsynth")
    if program is None:
        raise OptionError(
            "soundfont",
            "the program fluidsynth is not installed; install it with the system's package "
            "manager, or leave `soundfont` out for the built-in drums",
        )
    return program


def save_with_soundfont(
    midi: bytes, soundfont: str | os.PathLike[str], path: str | os.PathLike[str]
) -> None:
    """Plays a MIDI file, all its instruments, with FluidSynth into a WAV file.

    Args:
        midi: The MIDI file's bytes.
        soundfont: A SoundFont, .sf2 or .sf3.
        path: The WAV file; it appears under its name only when complete.

    Raises:
        OptionError: As `check_soundfont`, or FluidSynth fails.
        OSError: The SoundFont is not there, or the folder cannot be written.
    """
    program = check_soundfont(soundfont)
    with tempfile.TemporaryDirectory(prefix="groovefast-") as folder:
        song, sound = Path(folder, "song.mid"), Path(folder, "song.wav")
        song.write_bytes(midi)
        options = ["-n", "-i", "-q", "-r", str(SAMPLE_RATE), "-F", str(sound)]
        done = subprocess.run(
            [program, *options, os.fspath(soundfont), str(song)], capture_output=True, text=True
        )
        if done.returncode or not sound.is_file():
            said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
            raise OptionError("soundfont", f"{os.fspath(soundfont)}: fluidsynth fails: {said}")
        write_atomically(path, sound.read_bytes())
