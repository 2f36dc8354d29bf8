# cython: language_level=3
"""What both doors to csrc name of it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass ByteSpan "std::span<const std::uint8_t>":
        ByteSpan(const uint8_t*, size_t)

cdef extern from "buffer.hpp" namespace "groovefast" nogil:
    cdef cppclass Buffer[T]:
        size_t size()
        T* begin()
        T& operator[](size_t)
        void resize(size_t) except +

cdef extern from "smf.hpp" namespace "groovefast" nogil:
    cdef cppclass ParseOptions:
        uint16_t channels
        uint32_t track
        vector[string] track_names
        cbool magenta_compat, meters_of_no_beats

cdef extern from "quantizer.hpp" namespace "groovefast" nogil:
    cdef cppclass PitchArray "std::array<std::uint8_t, groovefast::kPitches>":
        uint8_t* data()

    cdef cppclass GridOptions:
        PitchArray pitch_class
        int steps_per_quarter
        cbool magenta_compat


cdef extern from "<bitset>" namespace "std" nogil:
    cdef cppclass ProgramSet "std::bitset<groovefast::kPitches>":
        void set(size_t) except +

cdef extern from "score_tokens.hpp" namespace "groovefast" nogil:
    cdef enum class TokenKind(uint8_t):
        kDrums
        kMelody
        kTrio

    cdef cppclass TokenOptions:
        TokenKind kind
        PitchArray drums
        int64_t slice_bars, gap_bars, max_bars
        ProgramSet programs
        cbool skip_polyphony
        int transpose


cdef inline TokenOptions token_options(
    int kind, bytes drums, int slice_bars, int gap_bars, int max_bars, programs,
    bint skip_polyphony, int transpose,
) except *:
    """`drums` is what `drums.pitch_table` gives; a `gap_bars` of 0 stands for none."""
    cdef TokenOptions options
    if len(drums) != 128:
        raise ValueError("a class for each of 128 pitches wanted")
    if slice_bars < 1 or gap_bars < 0 or max_bars < 1:
        raise ValueError("slice_bars and max_bars from 1, and gap_bars from 0 wanted")
    options.kind = <TokenKind>kind
    memcpy(options.drums.data(), <const char*>drums, 128)
    options.slice_bars, options.gap_bars, options.max_bars = slice_bars, gap_bars, max_bars
    for program in programs:
        options.programs.set(program)
    options.skip_polyphony = skip_polyphony
    options.transpose = transpose
    return options


cdef inline ParseOptions whole_band():
    """All notes of a file, read as Magenta's MusicVAE reads them."""
    cdef ParseOptions options
    options.channels = 0xffff
    options.magenta_compat = options.meters_of_no_beats = True
    return options


cdef inline ParseOptions parse_options(part, bint magenta_compat):
    """`part` is a `WantedNotes`."""
    cdef ParseOptions options
    options.channels, options.track, names = part
    for name in names:
        options.track_names.push_back(name)
    options.magenta_compat = magenta_compat
    return options


cdef inline GridOptions grid_options(
    bytes pitch_table, int steps_per_quarter, bint magenta_compat
) except *:
    """`pitch_table` is what `drums.pitch_table` gives: the class of each pitch."""
    cdef GridOptions options
    if len(pitch_table) != 128:
        raise ValueError("a class for each of 128 pitches wanted")
    memcpy(options.pitch_class.data(), <const char*>pitch_table, 128)
    options.steps_per_quarter = steps_per_quarter
    options.magenta_compat = magenta_compat
    return options
