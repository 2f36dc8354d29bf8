# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""A door to csrc: MIDI in, the tokens of MusicVAE out, with the GIL released in between."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from libcpp.optional cimport optional

import numpy as np

from groovefast._csrc cimport Buffer, ByteSpan, ParseOptions, TokenKind, TokenOptions, token_options, whole_band

from groovefast import _midi
from groovefast.errors import MidiError

cnp.import_array()

cdef extern from "smf.hpp" namespace "groovefast" nogil:
    cdef cppclass CMidiError "groovefast::MidiError":
        const char* what()
        size_t offset

    cdef struct Note:
        pass
    cdef struct Tempo:
        pass
    cdef struct TimeSignature:
        pass

    cdef cppclass CScore "groovefast::Score":
        Buffer[Note] notes
        Buffer[Tempo] tempos
        Buffer[TimeSignature] time_signatures
        optional[CMidiError] damage

    cdef cppclass Parser:
        const CScore& parse(ByteSpan, const ParseOptions&) except +

cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass NoteSpan "std::span<const groovefast::Note>":
        NoteSpan()
        NoteSpan(const Note*, size_t)
    cdef cppclass TempoSpan "std::span<const groovefast::Tempo>":
        TempoSpan()
        TempoSpan(const Tempo*, size_t)
    cdef cppclass TimeSignatureSpan "std::span<const groovefast::TimeSignature>":
        TimeSignatureSpan()
        TimeSignatureSpan(const TimeSignature*, size_t)

cdef extern from "sub_sequences.hpp" namespace "groovefast" nogil:
    cdef cppclass Played:
        NoteSpan notes
        TempoSpan tempos
        TimeSignatureSpan time_signatures

    cdef struct SubSequence:
        double start

    cdef cppclass SubSequences:
        Buffer[SubSequence] list

cdef extern from "token_tracks.hpp" namespace "groovefast" nogil:
    cdef struct TokenTrack:
        int64_t start_step
        size_t first, last
        uint32_t sub_sequence, instrument
        uint8_t program

    cdef cppclass CTokenTracks "groovefast::TokenTracks":
        Buffer[TokenTrack] list
        Buffer[int16_t] tokens

cdef extern from "token_windows.hpp" namespace "groovefast" nogil:
    cdef struct TokenWindow:
        int64_t start_step
        uint32_t sub_sequence

    cdef cppclass CTokenWindows "groovefast::TokenWindows":
        Buffer[TokenWindow] list
        Buffer[int16_t] tokens

cdef extern from "score_tokens.hpp" namespace "groovefast" nogil:
    size_t kMostTokenWindows

    size_t tokens_per_step(TokenKind)

    cdef enum class NoTokens(uint8_t):
        kNo
        kNoNotes
        kMeter
        kTooShort
        kTooMany

    cdef cppclass ScoreTokens:
        NoTokens find_tracks(const Played&, const TokenOptions&) except +
        NoTokens find_windows(const Played&, const TokenOptions&) except +
        SubSequences sub_sequences
        CTokenTracks tracks
        CTokenWindows windows

MAX_WINDOWS = kMostTokenWindows
DRUMS = <int>TokenKind.kDrums
MELODY = <int>TokenKind.kMelody
TRIO = <int>TokenKind.kTrio

_REASONS = {
    <int>NoTokens.kNo: "",
    <int>NoTokens.kNoNotes: "notes",
    <int>NoTokens.kMeter: "meter",
    <int>NoTokens.kTooShort: "short",
    <int>NoTokens.kTooMany: "many",
}


# --- What is played -------------------------------------------------------------------------

@cython.final
cdef class _Reader:
    """What reads, whose memory serves one file after the other."""
    cdef Parser parser
    cdef ScoreTokens found

    cdef Played read(self, source) except *:
        """What is played in a file's bytes, or in arrays of its notes, tempos and meters."""
        if isinstance(source, bytes):
            return self.read_file(source)
        notes, tempos, time_signatures = source
        return self.read_arrays(notes, tempos, time_signatures)

    cdef Played read_file(self, bytes data) except *:
        cdef const uint8_t* begin = <const uint8_t*><const char*>data
        cdef size_t size = len(data)
        cdef ParseOptions options = whole_band()
        cdef const CScore* score
        cdef Played played
        with nogil:
            score = &self.parser.parse(ByteSpan(begin, size), options)
        if score.damage.has_value():
            raise MidiError(score.damage.value().what().decode(), score.damage.value().offset)
        played.notes = NoteSpan(score.notes.begin(), score.notes.size())
        played.tempos = TempoSpan(score.tempos.begin(), score.tempos.size())
        played.time_signatures = TimeSignatureSpan(
            score.time_signatures.begin(), score.time_signatures.size())
        return played

    cdef Played read_arrays(
        self, cnp.ndarray notes, cnp.ndarray tempos, cnp.ndarray time_signatures
    ) except *:
        """They stay the caller's, who keeps them until the work is done."""
        cdef Played played
        wanted = _midi.NOTE_DTYPE, _midi.TEMPO_DTYPE, _midi.TIME_SIGNATURE_DTYPE
        for array, dtype in zip((notes, tempos, time_signatures), wanted):
            if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
                raise ValueError("arrays as those of a Score wanted")
        played.notes = NoteSpan(<const Note*>cnp.PyArray_DATA(notes), len(notes))
        played.tempos = TempoSpan(<const Tempo*>cnp.PyArray_DATA(tempos), len(tempos))
        played.time_signatures = TimeSignatureSpan(
            <const TimeSignature*>cnp.PyArray_DATA(time_signatures), len(time_signatures))
        return played


cdef list _readers = []  # those that are idle; the GIL guards it


cdef _Reader _borrow_reader():
    return _readers.pop() if _readers else _Reader()


cdef object _starts(const Buffer[SubSequence]& sub_sequences):
    cdef size_t i
    starts = np.empty(sub_sequences.size())
    cdef double[:] values = starts
    for i in range(sub_sequences.size()):
        values[i] = sub_sequences[i].start
    return starts


# --- Windows --------------------------------------------------------------------------------

@cython.final
cdef class TokenWindows:
    """Windows of a file: n of them."""
    cdef readonly object tokens, sub_sequences, start_steps, offsets
    cdef readonly str none_for


def token_windows(
    source not None, int kind, bytes drums not None, int slice_bars, int gap_bars, int max_bars,
    programs not None, bint skip_polyphony=False, int transpose=0,
):
    """Returns a file's windows, or `none_for` the reason why there are none."""
    cdef TokenOptions options = token_options(
        kind, drums, slice_bars, gap_bars, max_bars, programs, skip_polyphony, transpose)
    cdef _Reader reader = _borrow_reader()
    cdef NoTokens why
    cdef Played played
    try:
        played = reader.read(source)
        with nogil:
            why = reader.found.find_windows(played, options)
        return _written(&reader.found, options, why)
    finally:
        _readers.append(reader)


cdef TokenWindows _written(ScoreTokens* found, const TokenOptions& options, NoTokens why):
    cdef size_t i, n = found.windows.list.size() if why == NoTokens.kNo else 0
    cdef cnp.npy_intp* shape = [<cnp.npy_intp>n, <cnp.npy_intp>(16 * options.slice_bars), 3]
    cdef int ndim = 3 if options.kind == TokenKind.kTrio else 2
    cdef cnp.ndarray tokens = cnp.PyArray_SimpleNew(ndim, shape, cnp.NPY_INT16)
    cdef cnp.ndarray sub_sequences = cnp.PyArray_SimpleNew(1, shape, cnp.NPY_INT64)
    cdef cnp.ndarray start_steps = cnp.PyArray_SimpleNew(1, shape, cnp.NPY_INT64)
    cdef int64_t* sub_sequence = <int64_t*>cnp.PyArray_DATA(sub_sequences)
    cdef int64_t* start_step = <int64_t*>cnp.PyArray_DATA(start_steps)
    if n:
        memcpy(cnp.PyArray_DATA(tokens), found.windows.tokens.begin(), cnp.PyArray_NBYTES(tokens))
    for i in range(n):
        sub_sequence[i] = found.windows.list[i].sub_sequence
        start_step[i] = found.windows.list[i].start_step
    cdef TokenWindows windows = TokenWindows.__new__(TokenWindows)
    windows.tokens, windows.sub_sequences, windows.start_steps = tokens, sub_sequences, start_steps
    windows.offsets = _starts(found.sub_sequences.list)
    windows.none_for = _REASONS[<int>why]
    return windows


# --- Tracks ---------------------------------------------------------------------------------

@cython.final
cdef class TokenTracks:
    """Tracks of a file, as long as they are: n of them, one after the other in `tokens`."""
    cdef readonly object tokens, lengths, sub_sequences, start_steps, instruments, programs, offsets
    cdef readonly str none_for


def token_tracks(
    source not None, int kind, bytes drums not None, int slice_bars, int gap_bars, int max_bars,
    programs not None, bint skip_polyphony=False, int transpose=0,
):
    """Returns the tracks that windows are cut from, or `none_for` the reason why there are none."""
    cdef TokenOptions options = token_options(
        kind, drums, slice_bars, gap_bars, max_bars, programs, skip_polyphony, transpose)
    cdef _Reader reader = _borrow_reader()
    cdef NoTokens why
    cdef Played played
    try:
        played = reader.read(source)
        with nogil:
            why = reader.found.find_tracks(played, options)
        return _tracks(&reader.found, options, why)
    finally:
        _readers.append(reader)


cdef TokenTracks _tracks(ScoreTokens* found, const TokenOptions& options, NoTokens why):
    cdef size_t i, parts = tokens_per_step(options.kind)
    cdef size_t n = found.tracks.list.size() if why == NoTokens.kNo else 0
    cdef size_t size = found.tracks.tokens.size() if n else 0
    cdef cnp.npy_intp* shape = [<cnp.npy_intp>(size / parts), <cnp.npy_intp>parts]
    cdef cnp.ndarray tokens = cnp.PyArray_SimpleNew(2 if parts > 1 else 1, shape, cnp.NPY_INT16)
    cdef const TokenTrack* track
    cdef TokenTracks tracks = TokenTracks.__new__(TokenTracks)
    columns = np.empty((5, n), np.int64)
    cdef int64_t[:, :] values = columns
    for i in range(n):
        track = &found.tracks.list[i]
        values[0, i] = <int64_t>((track.last - track.first) / parts)
        values[1, i] = track.sub_sequence
        values[2, i] = track.start_step
        values[3, i] = track.instrument
        values[4, i] = track.program
    if size:
        memcpy(cnp.PyArray_DATA(tokens), found.tracks.tokens.begin(), cnp.PyArray_NBYTES(tokens))
    tracks.tokens = tokens
    (tracks.lengths, tracks.sub_sequences, tracks.start_steps, tracks.instruments,
     tracks.programs) = columns
    tracks.offsets = _starts(found.sub_sequences.list)
    tracks.none_for = _REASONS[<int>why]
    return tracks
