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
        cbool magenta_compat

cdef extern from "quantizer.hpp" namespace "groovefast" nogil:
    cdef cppclass PitchArray "std::array<std::uint8_t, groovefast::kPitches>":
        uint8_t* data()

    cdef cppclass GridOptions:
        PitchArray pitch_class
        int steps_per_quarter
        cbool magenta_compat


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
