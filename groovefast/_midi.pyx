# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""A door to csrc: MIDI bytes in, numpy arrays out, with the GIL released in between."""

cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.optional cimport optional

import numpy as np

from groovefast._csrc cimport Buffer, ByteSpan, GridOptions, ParseOptions, PitchArray, grid_options, parse_options

from groovefast.errors import GrooveFastError, MidiError

cdef extern from "numpy/arrayobject.h":
    # Takes over a reference to the dtype.
    object PyArray_Empty(int, cnp.npy_intp*, cnp.dtype, int)

cnp.import_array()

cdef extern from "files.hpp" namespace "groovefast":
    size_t kMaxFileBytes

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
        optional[CMidiError] damage

    cdef cppclass Parser:
        const CScore& parse(ByteSpan, const ParseOptions&) except +

cdef extern from "bars.hpp" namespace "groovefast" nogil:
    int64_t kMaxSteps

    cdef cppclass CMeter "groovefast::Meter":
        double place
        uint32_t numerator, denominator

    cdef cppclass MeterSpan "std::span<const groovefast::Meter>":
        size_t size()
        const CMeter& operator[](size_t)

    cdef cppclass CBar "groovefast::Bar":
        size_t meter
        int64_t number
        double start, end

    cdef cppclass Step:
        double place

    cdef cppclass CBars "groovefast::Bars":
        void clear(int steps_per_quarter) except +
        void add(double place, uint32_t numerator, uint32_t denominator) except +
        MeterSpan meters()
        CBar at(double place)
        double line(double place)
        CBar numbered(int64_t number)
        Step nearest(double place)

cdef extern from "quantizer.hpp" namespace "groovefast" nogil:
    cdef enum class Rejected(uint8_t):
        kTooLong

    cdef cppclass WindowOptions:
        int quarters_per_bar, steps, hop

    cdef cppclass UnmappedPitch:
        uint8_t pitch
        size_t notes

    optional[UnmappedPitch] find_unmapped(const Buffer[Note]&, const PitchArray&)

cdef extern from "score_windows.hpp" namespace "groovefast" nogil:
    cdef cppclass ScoreWindows:
        void find(const CScore&, const GridOptions&, const WindowOptions&) except +
        size_t size()
        int64_t steps()
        size_t num_songs()
        void write(float* rows, uint8_t* velocities, int64_t* start_steps, double* qpms) except +

cdef extern from "placement.hpp" namespace "groovefast" nogil:
    cdef cppclass Placement:
        Rejected place(const CScore&, const GridOptions&) except +
        Buffer[PlacedNote] notes
        Buffer[GridRow] rows
        Buffer[GridBar] bars
        Buffer[float] played

    cdef struct PlacedNote:
        pass
    cdef struct GridRow:
        pass
    cdef struct GridBar:
        pass

cdef extern from "fields.hpp" namespace "groovefast":
    cdef cppclass Field:
        const char* name
        char kind
        size_t size
        size_t offset

    cdef cppclass FieldSpan "std::span<const groovefast::Field>":
        size_t size()
        const Field& operator[](size_t)

    cdef cppclass Layout:
        FieldSpan fields
        size_t size

    const Layout kNoteLayout
    const Layout kTempoLayout
    const Layout kTimeSignatureLayout
    const Layout kPlacedNoteLayout
    const Layout kGridRowLayout
    const Layout kGridBarLayout

MAX_FILE_BYTES = kMaxFileBytes
MAX_STEPS = kMaxSteps


cdef cnp.dtype _dtype(const Layout& layout):
    cdef size_t index
    cdef list names = [], formats = [], offsets = []
    for index in range(layout.fields.size()):
        names.append(layout.fields[index].name.decode())
        formats.append(f"{chr(layout.fields[index].kind)}{layout.fields[index].size}")
        offsets.append(layout.fields[index].offset)
    return np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": layout.size})


cdef cnp.dtype _NOTE = _dtype(kNoteLayout)
cdef cnp.dtype _TEMPO = _dtype(kTempoLayout)
cdef cnp.dtype _TIME_SIGNATURE = _dtype(kTimeSignatureLayout)
cdef cnp.dtype _PLACED_NOTE = _dtype(kPlacedNoteLayout)
cdef cnp.dtype _GRID_ROW = _dtype(kGridRowLayout)
cdef cnp.dtype _GRID_BAR = _dtype(kGridBarLayout)
cdef cnp.dtype _FLOAT = np.dtype(np.float32)

NOTE_DTYPE = _NOTE
TEMPO_DTYPE = _TEMPO
TIME_SIGNATURE_DTYPE = _TIME_SIGNATURE


cdef object _as_array(cnp.dtype dtype, const void* items, size_t count):
    cdef cnp.npy_intp size = <cnp.npy_intp>count
    Py_INCREF(dtype)
    cdef cnp.ndarray array = PyArray_Empty(1, &size, dtype, 0)
    if count:
        memcpy(cnp.PyArray_DATA(array), items, count * <size_t>cnp.PyArray_ITEMSIZE(array))
    return array


# --- MIDI bytes -> Score --------------------------------------------------------------------

@cython.final
cdef class _Reader:
    """What reads, whose memory serves one file after the other."""
    cdef Parser parser
    cdef ScoreWindows windows
    cdef Placement placement

    cdef const CScore* parse(self, bytes data, const ParseOptions& options) except NULL:
        """The score of a file, in the parser's memory."""
        cdef const uint8_t* begin = <const uint8_t*><const char*>data
        cdef size_t size = len(data)
        cdef const CScore* score
        with nogil:
            score = &self.parser.parse(ByteSpan(begin, size), options)
        return score

    cdef const CScore* parse_whole(self, bytes data, const ParseOptions& options) except NULL:
        """The same of a file that has to be undamaged."""
        cdef const CScore* score = self.parse(data, options)
        if score.damage.has_value():
            raise _damage(score)
        return score


cdef list _readers = []  # those that are idle; the GIL guards it


cdef _Reader _borrow_reader():
    return _readers.pop() if _readers else _Reader()


cdef object _damage(const CScore* score):
    """What ended the reading early, as an exception, or None."""
    if not score.damage.has_value():
        return None
    return MidiError(score.damage.value().what().decode(), score.damage.value().offset)


@cython.final
cdef class MidiFile:
    """What `Score` holds, as it is in the file."""
    cdef readonly int format, ticks_per_quarter
    cdef readonly double seconds_per_tick
    cdef readonly int64_t end_tick
    cdef readonly tuple track_names
    cdef readonly object notes, tempos, time_signatures, damage


def read_midi(bytes data not None, part not None, bint salvage=False):
    """Returns what a file says.

    A damaged file raises MidiError, unless it is to be salvaged.
    """
    cdef _Reader reader = _borrow_reader()
    cdef const CScore* score
    cdef MidiFile file = MidiFile.__new__(MidiFile)
    try:
        score = reader.parse(data, parse_options(part, False))
        file.damage = _damage(score)
        if file.damage is not None and not salvage:
            raise file.damage
        file.format = score.format
        file.ticks_per_quarter = score.ticks_per_quarter
        file.seconds_per_tick = score.seconds_per_tick
        file.end_tick = score.end_tick
        file.track_names = _track_names(score, data)
        file.notes = _as_array(_NOTE, score.notes.begin(), score.notes.size())
        file.tempos = _as_array(_TEMPO, score.tempos.begin(), score.tempos.size())
        file.time_signatures = _as_array(
            _TIME_SIGNATURE, score.time_signatures.begin(), score.time_signatures.size())
        return file
    finally:
        _readers.append(reader)


cdef tuple _track_names(const CScore* score, bytes data):
    cdef list names = []
    cdef size_t track
    for track in range(score.track_names.size()):
        first = score.track_names[track].offset
        names.append(data[first:first + score.track_names[track].size])
    return tuple(names)


# --- Score -> windows of the grid -----------------------------------------------------------

@cython.final
cdef class GridWindows:
    """Windows of a file: n of them."""
    cdef readonly object rows, velocities, start_steps, qpms


def grid_windows(
    bytes data not None,
    bytes pitch_table not None,
    int steps_per_quarter,
    int quarters_per_bar,
    int split_steps,
    int hop_steps,
    part not None,
    bint magenta_compat,
    bint error_on_unmapped,
):
    """Returns a file's windows; with `split_steps` of 0 there is one, the whole file."""
    cdef _Reader reader = _borrow_reader()
    cdef GridOptions options = grid_options(pitch_table, steps_per_quarter, magenta_compat)
    cdef WindowOptions wanted
    cdef const CScore* score
    wanted.quarters_per_bar = quarters_per_bar
    wanted.steps, wanted.hop = split_steps, hop_steps
    try:
        score = reader.parse_whole(data, parse_options(part, magenta_compat))
        if error_on_unmapped:
            _refuse_unmapped(score, options)
        with nogil:
            reader.windows.find(score[0], options, wanted)
        if split_steps == 0 and reader.windows.num_songs() > 1:
            raise GrooveFastError(
                "split_bars: None takes one song, but this format 2 file holds "
                f"{reader.windows.num_songs()}")
        return _written(&reader.windows)
    finally:
        _readers.append(reader)


cdef GridWindows _written(ScoreWindows* found):
    cdef cnp.npy_intp n = <cnp.npy_intp>found.size(), steps = <cnp.npy_intp>found.steps()
    cdef cnp.npy_intp* rows_shape = [n, steps, 27]
    cdef cnp.npy_intp* velocities_shape = [n, steps, 9]
    cdef cnp.ndarray rows = cnp.PyArray_ZEROS(3, rows_shape, cnp.NPY_FLOAT32, 0)
    cdef cnp.ndarray velocities = cnp.PyArray_ZEROS(3, velocities_shape, cnp.NPY_UINT8, 0)
    cdef cnp.ndarray start_steps = cnp.PyArray_SimpleNew(1, rows_shape, cnp.NPY_INT64)
    cdef cnp.ndarray qpms = cnp.PyArray_SimpleNew(1, rows_shape, cnp.NPY_FLOAT64)
    cdef float* row = <float*>cnp.PyArray_DATA(rows)
    cdef uint8_t* velocity = <uint8_t*>cnp.PyArray_DATA(velocities)
    cdef int64_t* start_step = <int64_t*>cnp.PyArray_DATA(start_steps)
    cdef double* qpm = <double*>cnp.PyArray_DATA(qpms)
    with nogil:
        found.write(row, velocity, start_step, qpm)
    cdef GridWindows windows = GridWindows.__new__(GridWindows)
    windows.rows, windows.velocities = rows, velocities
    windows.start_steps, windows.qpms = start_steps, qpms
    return windows


cdef int _refuse_unmapped(const CScore* score, const GridOptions& options) except -1:
    cdef optional[UnmappedPitch] found = find_unmapped(score.notes, options.pitch_class)
    if found.has_value():
        raise GrooveFastError(
            f"pitch {found.value().pitch} belongs to no drum class ({found.value().notes} notes); "
            "give pitch_classes that map it, or drop unmapped pitches")
    return 0


# --- Score -> the grid of a whole file ------------------------------------------------------

@cython.final
cdef class Placements:
    """Where the notes of a file are on its grid, and where the grid is in the file."""
    cdef readonly bint too_long
    cdef readonly object notes, rows, bars, played


def place_notes(
    bytes data not None, bytes pitch_table not None, int steps_per_quarter, part not None
):
    """Returns where the notes of a class are; nothing if there is none, or no beat."""
    cdef _Reader reader = _borrow_reader()
    cdef GridOptions options = grid_options(pitch_table, steps_per_quarter, False)
    cdef Placements found = Placements.__new__(Placements)
    cdef Placement* placement = &reader.placement
    cdef const CScore* score
    cdef Rejected rejected
    try:
        score = reader.parse_whole(data, parse_options(part, False))
        with nogil:
            rejected = placement.place(score[0], options)
        found.too_long = rejected == Rejected.kTooLong
        found.notes = _as_array(_PLACED_NOTE, placement.notes.begin(), placement.notes.size())
        found.rows = _as_array(_GRID_ROW, placement.rows.begin(), placement.rows.size())
        found.bars = _as_array(_GRID_BAR, placement.bars.begin(), placement.bars.size())
        found.played = _as_array(_FLOAT, placement.played.begin(), placement.played.size())
        found.played = found.played.reshape(-1, 27)
        return found
    finally:
        _readers.append(reader)


# --- Bars -----------------------------------------------------------------------------------

@cython.final
cdef class BarLines:
    """Bars of music that may have no grid: places count quarter notes, a step is a 16th."""
    cdef CBars bars

    def __cinit__(self, meters):
        self.bars.clear(4)
        for place, numerator, denominator in meters:
            self.bars.add(4 * place, numerator, denominator)

    def meters(self):
        """Place, numerator and denominator of each, without those that change nothing."""
        cdef MeterSpan meters = self.bars.meters()
        cdef size_t index
        return [
            (meters[index].place / 4, meters[index].numerator, meters[index].denominator)
            for index in range(meters.size())
        ]

    def at(self, double place):
        """Index of the meter, number, start and end of the bar at a place."""
        return _bar(self.bars.at(4 * place))

    def numbered(self, int64_t number):
        """The same of the bar of a number."""
        return _bar(self.bars.numbered(number))

    def line(self, double place):
        """The first bar line at or after a place."""
        return self.bars.line(4 * place) / 4

    def nearest(self, const double[:] places not None):
        """The place of the 16th nearest to each of some."""
        cdef Py_ssize_t i
        found = np.empty(len(places))
        cdef double[:] steps = found
        for i in range(len(places)):
            steps[i] = self.bars.nearest(4 * places[i]).place / 4
        return found


cdef tuple _bar(const CBar& bar):
    return bar.meter, bar.number, bar.start / 4, bar.end / 4
