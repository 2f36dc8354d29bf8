# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""A door to csrc: MIDI bytes in, numpy arrays out, with the GIL released in between."""

cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from libcpp.optional cimport optional

import numpy as np

from groovefast._csrc cimport Buffer, ByteSpan, GridOptions, ParseOptions, parse_options

from groovefast.errors import GrooveFastError, MidiError

cdef extern from "numpy/arrayobject.h":
    # Takes over a reference to the dtype.
    object PyArray_Empty(int, cnp.npy_intp*, cnp.dtype, int)

cnp.import_array()


# --- MIDI bytes -> Score --------------------------------------------------------------------

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
    cdef cppclass Song:
        pass
    cdef struct SongBounds:
        pass
    cdef struct TrackName:
        size_t offset
        size_t size

    cdef cppclass CScore "groovefast::Score":
        int format
        int ticks_per_quarter
        double seconds_per_tick
        int64_t end_tick
        Buffer[TrackName] track_names
        Buffer[Note] notes
        Buffer[Tempo] tempos
        Buffer[TimeSignature] time_signatures
        Buffer[SongBounds] songs
        optional[CMidiError] damage
        Song song(size_t)

    cdef cppclass Parser:
        const CScore& parse(ByteSpan, const ParseOptions&) except +


# --- Score -> windows of the grid -----------------------------------------------------------

cdef extern from "groove.hpp" namespace "groovefast" nogil:
    cdef cppclass CountArray "std::array<std::uint32_t, groovefast::kPitches>":
        uint32_t& operator[](size_t)

    cdef enum class Rejected(uint8_t):
        kNo

    cdef cppclass Grid:
        CountArray unmapped
        int64_t num_steps

    cdef struct Window:
        int64_t start_step
        double qpm

    cdef cppclass Quantizer:
        const Grid& quantize(const Song&, const GridOptions&) except +

    cdef cppclass WindowOptions:
        int quarters_per_bar, steps, hop

    Rejected list_windows(
        const Song&, const Grid&, int steps_per_quarter, const WindowOptions&,
        Buffer[Window]&) except +
    void fill_window(const Grid&, const Window&, float* rows, uint8_t* velocities)


NOTE_DTYPE = np.dtype({
    "names": ["tick", "end_tick", "time", "end_time", "pitch", "velocity", "channel", "program", "track"],
    "formats": ["i8", "i8", "f8", "f8", "u1", "u1", "u1", "u1", "u4"],
    "offsets": [0, 8, 16, 24, 36, 37, 38, 39, 32],
    "itemsize": 40,
})
TEMPO_DTYPE = np.dtype({
    "names": ["tick", "time", "qpm", "track"],
    "formats": ["i8", "f8", "f8", "u4"],
    "offsets": [0, 8, 24, 32],
    "itemsize": 40,
})
TIME_SIGNATURE_DTYPE = np.dtype({
    "names": ["tick", "time", "numerator", "denominator", "track"],
    "formats": ["i8", "f8", "u4", "u4", "u4"],
    "offsets": [0, 8, 16, 20, 24],
    "itemsize": 32,
})


@cython.final
cdef class _Reader:
    """A parser and a quantizer, whose memory serves one file after the other."""
    cdef Parser parser
    cdef Quantizer quantizer
    cdef Buffer[Window] windows


cdef list _readers = []  # those that are idle; the GIL guards it


cdef _Reader _borrow_reader():
    return _readers.pop() if _readers else _Reader()


cdef object _as_array(cnp.dtype dtype, const void* items, size_t count):
    cdef cnp.npy_intp size = <cnp.npy_intp>count
    Py_INCREF(dtype)
    cdef cnp.ndarray array = PyArray_Empty(1, &size, dtype, 0)
    if count:
        memcpy(cnp.PyArray_DATA(array), items, count * <size_t>cnp.PyArray_ITEMSIZE(array))
    return array


cdef const CScore* _parse(_Reader reader, bytes data, const ParseOptions& options) except NULL:
    """The score of a file, in the reader's memory."""
    cdef const uint8_t* begin = <const uint8_t*><const char*>data
    cdef size_t size = len(data)
    cdef const CScore* score
    with nogil:
        score = &reader.parser.parse(ByteSpan(begin, size), options)
    return score


cdef object _damage(const CScore* score):
    """What ended the reading early, as an exception, or None."""
    if not score.damage.has_value():
        return None
    return MidiError(score.damage.value().what().decode(), score.damage.value().offset)


def read_midi(bytes data not None, tuple part not None, bint salvage=False):
    """Returns what `Score` holds, in its order.

    A damaged file raises MidiError, unless it is to be salvaged.
    """
    cdef _Reader reader = _borrow_reader()
    cdef const CScore* score
    try:
        score = _parse(reader, data, parse_options(part, False))
        damage = _damage(score)
        if damage is not None and not salvage:
            raise damage
        return (
            score.format,
            score.ticks_per_quarter,
            score.seconds_per_tick,
            score.end_tick,
            _track_names(score, data),
            _as_array(NOTE_DTYPE, score.notes.begin(), score.notes.size()),
            _as_array(TEMPO_DTYPE, score.tempos.begin(), score.tempos.size()),
            _as_array(
                TIME_SIGNATURE_DTYPE, score.time_signatures.begin(), score.time_signatures.size()),
            damage,
        )
    finally:
        _readers.append(reader)


cdef tuple _track_names(const CScore* score, bytes data):
    cdef list names = []
    cdef size_t track
    for track in range(score.track_names.size()):
        first = score.track_names[track].offset
        names.append(data[first:first + score.track_names[track].size])
    return tuple(names)


def grid_windows(
    bytes data not None,
    bytes pitch_table not None,
    int steps_per_quarter,
    int quarters_per_bar,
    int split_steps,
    int hop_steps,
    tuple part not None,
    bint magenta_compat,
    bint error_on_unmapped,
):
    """Returns (rows, velocities, start_steps, qpms) of a file's windows.

    Shapes are (n, steps, 27), float32; (n, steps, 9), uint8; (n,), int64; (n,), float64. With
    `split_steps` of 0 there is one window, the whole file.
    """
    cdef _Reader reader = _borrow_reader()
    cdef GridOptions options
    cdef WindowOptions wanted
    cdef const CScore* score
    cdef size_t song
    memcpy(options.pitch_class.data(), <const char*>pitch_table, 128)
    options.steps_per_quarter = steps_per_quarter
    options.magenta_compat = magenta_compat
    wanted.quarters_per_bar = quarters_per_bar
    wanted.steps, wanted.hop = split_steps, hop_steps
    try:
        score = _parse(reader, data, parse_options(part, magenta_compat))
        if score.damage.has_value():
            raise _damage(score)
        if score.songs.size() == 1:
            return _song_windows(reader, score, 0, options, wanted, error_on_unmapped)
        songs = [
            _song_windows(reader, score, song, options, wanted, error_on_unmapped)
            for song in range(score.songs.size())
        ]
    finally:
        _readers.append(reader)
    if split_steps == 0:
        songs = [windows for windows in songs if len(windows[0])]
        if len(songs) > 1:
            raise GrooveFastError(
                f"split_bars: None takes one song, but this format 2 file holds {len(songs)}")
    if not songs:
        return _no_windows(split_steps)
    return tuple(np.concatenate(parts) for parts in zip(*songs))


cdef tuple _no_windows(int steps):
    return (
        np.zeros((0, steps, 27), np.float32),
        np.zeros((0, steps, 9), np.uint8),
        np.zeros(0, np.int64),
        np.zeros(0, np.float64),
    )


cdef tuple _song_windows(
    _Reader reader, const CScore* score, size_t index, const GridOptions& options,
    const WindowOptions& wanted, bint error_on_unmapped,
):
    cdef const Grid* grid
    cdef Song song = score.song(index)
    with nogil:
        grid = &reader.quantizer.quantize(song, options)
        list_windows(song, grid[0], options.steps_per_quarter, wanted, reader.windows)
    if error_on_unmapped:
        _refuse_unmapped(grid)
    cdef Py_ssize_t n = <Py_ssize_t>reader.windows.size()
    cdef Py_ssize_t i
    cdef Py_ssize_t length = wanted.steps if wanted.steps or not n else <Py_ssize_t>grid.num_steps
    cdef cnp.npy_intp* rows_shape = [n, length, 27]
    cdef cnp.npy_intp* velocities_shape = [n, length, 9]
    cdef cnp.ndarray rows = cnp.PyArray_ZEROS(3, rows_shape, cnp.NPY_FLOAT32, 0)
    cdef cnp.ndarray velocities = cnp.PyArray_ZEROS(3, velocities_shape, cnp.NPY_UINT8, 0)
    cdef cnp.ndarray start_steps = cnp.PyArray_SimpleNew(1, rows_shape, cnp.NPY_INT64)
    cdef cnp.ndarray qpms = cnp.PyArray_SimpleNew(1, rows_shape, cnp.NPY_FLOAT64)
    cdef float* row = <float*>cnp.PyArray_DATA(rows)
    cdef uint8_t* velocity = <uint8_t*>cnp.PyArray_DATA(velocities)
    cdef int64_t* start_step = <int64_t*>cnp.PyArray_DATA(start_steps)
    cdef double* qpm = <double*>cnp.PyArray_DATA(qpms)
    with nogil:
        for i in range(n):
            fill_window(
                grid[0], reader.windows[i], row + i * length * 27, velocity + i * length * 9)
            start_step[i] = reader.windows[i].start_step
            qpm[i] = reader.windows[i].qpm
    return rows, velocities, start_steps, qpms


cdef int _refuse_unmapped(const Grid* grid) except -1:
    for pitch in range(128):
        if grid.unmapped[pitch]:
            raise GrooveFastError(
                f"pitch {pitch} belongs to no drum class ({grid.unmapped[pitch]} notes); "
                "give pitch_classes that map it, or drop unmapped pitches")
    return 0


cdef extern from "files.hpp" namespace "groovefast":
    size_t kMaxFileBytes


MAX_FILE_BYTES = kMaxFileBytes
