# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""A door to csrc: MIDI files in, TFRecord shards out, in threads of their own."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.map cimport map
from libcpp.optional cimport optional
from libcpp.string cimport string
from libcpp.vector cimport vector

from groovefast._csrc cimport Buffer, ByteSpan, GridOptions, ParseOptions, TokenOptions, grid_options, parse_options, token_options, whole_band

from groovefast.errors import GrooveFastError

cdef extern from *:
    """
    #include <cerrno>
    #include <cstring>
    #include <new>
    #include <system_error>
    #include "files.hpp"

    // Turns the C++ exception being handled into a Python one.
    static void raise_file_error() {
      try {
        throw;
      } catch (const groovefast::FileError& error) {
        const int number = error.code().value();
        PyObject* path = PyUnicode_DecodeFSDefault(error.path.c_str());
        PyObject* arguments = Py_BuildValue("(isN)", number, std::strerror(number), path);
        PyErr_SetObject(PyExc_OSError, arguments);
        Py_XDECREF(arguments);
      } catch (const std::system_error& error) {
        errno = error.code().value();
        PyErr_SetFromErrno(PyExc_OSError);
      } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
      } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
      }
    }
    """
    void raise_file_error()

cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view()
        string_view(const char*, size_t)
        const char* data()
        size_t size()

cdef extern from "<system_error>" namespace "std":
    cdef cppclass error_code:
        int value()

cdef extern from "<chrono>" namespace "std::chrono" nogil:
    cdef cppclass milliseconds:
        milliseconds(long)

cdef extern from "crc32c.hpp" namespace "groovefast":
    uint32_t crc32c_of "groovefast::crc32c"(ByteSpan)

cdef extern from "example.hpp" namespace "groovefast":
    void append_bytes_feature(string&, string_view, string_view)
    void append_utf8(string&, string_view)

cdef extern from "files.hpp" namespace "groovefast":
    cdef cppclass FileError:
        string path
        error_code code()

    cdef cppclass CFileList "groovefast::FileList":
        void leave_out(const string&) except +raise_file_error nogil
        void add(const string&) except +raise_file_error nogil
        cbool add_member(uint32_t, uint32_t, string_view) except +raise_file_error nogil
        void add_inner_archive(uint32_t, string_view) except +raise_file_error nogil
        void add_named(string_view, string_view, cbool) except +raise_file_error nogil
        void sort() nogil
        size_t size()
        string_view name(size_t)
        string path(size_t)
        uint32_t archive(size_t)
        uint32_t member(size_t)
        size_t num_archives()
        const string& archive_path(size_t)
        const vector[FileError]& unreadable()

    uint32_t NO_ARCHIVE "groovefast::FileList::kNoArchive"
    uint32_t CALLER "groovefast::FileList::kCaller"

cdef extern from "tfrecord.hpp" namespace "groovefast":
    cdef cppclass ShardCheck:
        uint64_t records
        uint64_t bytes
        uint32_t crc
        const char* damage

    ShardCheck check_shard_at "groovefast::check_shard"(const string&) except +raise_file_error nogil
    string temporary_path_of "groovefast::temporary_path"(const string&)

cdef extern from "<utility>" namespace "std" nogil:
    cdef cppclass Length "groovefast::Length":
        int64_t first, second

cdef extern from "report.hpp" namespace "groovefast":
    cdef enum class Outcome(uint8_t):
        kSalvaged
        kDamaged
        kUnreadable
        kUnmapped

    cdef cppclass FileProblem:
        uint32_t file
        Outcome outcome
        string reason
        uint64_t offset
        int error
        uint8_t pitch

    string_view name_of(Outcome)

    cdef cppclass Tally:
        uint64_t converted, salvaged
        uint64_t records, bars, duplicates, merged, outside
        vector[uint64_t] unmapped, velocities, offsets, tempos, groups
        map[Length, uint64_t] lengths

cdef extern from "plan.hpp" namespace "groovefast":
    cdef enum class OnError(uint8_t):
        kSkip
        kFail
        kSalvage

    cdef cppclass ConversionOptions:
        ParseOptions parse
        GridOptions grid
        optional[TokenOptions] tokens
        OnError on_error
        cbool unmapped_is_error, dedupe
        unsigned workers

    cdef cppclass PlannedFile:
        uint32_t file, group
        uint64_t first_feature, last_feature

    cdef cppclass PlannedShard:
        string path
        size_t first, last
        uint32_t set
        cbool complete

    cdef cppclass CPlan "groovefast::Plan":
        vector[PlannedFile] files
        vector[PlannedShard] shards
        string features
        uint32_t num_groups

    cdef cppclass MemberReader:
        cbool (*read)(void*, size_t, Buffer[uint8_t]&, string&) noexcept
        void* context

cdef extern from "convert.hpp" namespace "groovefast":
    cdef cppclass ShardResult:
        uint64_t bytes
        uint32_t crc
        Tally tally
        vector[FileProblem] problems

    cdef cppclass CConversion "groovefast::Conversion":
        CConversion(const CFileList&, const CPlan&, const ConversionOptions&, MemberReader) \
            except +raise_file_error
        optional[size_t] wait(milliseconds) except +raise_file_error nogil
        cbool done()
        optional[FileProblem] failure()
        ShardResult take_result(size_t)
        uint64_t files_done()


cdef string_view _view(bytes data):
    return string_view(<const char*>data, len(data))


cdef bytes _bytes(string_view text):
    return text.data()[:text.size()]


cdef bytes _string_bytes(const string& text):
    return text


def crc32c(bytes data):
    """CRC-32C of `data`."""
    cdef const uint8_t* begin = <const uint8_t*><const char*>data
    return crc32c_of(ByteSpan(begin, len(data)))


def bytes_features(features):
    """Features of one bytes value each, given as (name, value) pairs, as they stand in an Example."""
    cdef string to
    for name, value in features:
        append_bytes_feature(to, _view(name), _view(value))
    return _string_bytes(to)


def as_utf8(bytes text):
    """`text` with every byte that is no part of UTF-8 written as \\xNN: a record's `source`."""
    cdef string to
    append_utf8(to, _view(text))
    return _string_bytes(to)


def temporary_path(bytes path):
    """Where a shard is written until it is complete."""
    return _string_bytes(temporary_path_of(path))


def check_shard(bytes path):
    """Reads a shard: its good records, the bytes they take, the CRC-32C of these, and what is wrong
    after them or None."""
    cdef string c_path = path
    cdef ShardCheck check
    with nogil:
        check = check_shard_at(c_path)
    return check.records, check.bytes, check.crc, check.damage.decode() if check.damage else None


cdef bytes _without_zeros(bytes path):
    """A path, which the system would take for a shorter one if it held a zero byte."""
    if b"\0" in path:
        raise GrooveFastError(f"{path!r}: no path (a zero byte is in it)")
    return path


cdef class FileList:
    """The MIDI files at and below some places, by input and name, with archives looked into by the caller."""
    cdef CFileList files

    def leave_out(self, bytes folder):
        """Leaves out what lies in a folder, from inputs added later that do not lie there themselves."""
        cdef string c_folder = _without_zeros(folder)
        with nogil:
            self.files.leave_out(c_folder)

    def add(self, bytes path):
        """Adds a file, or all MIDI files below a folder. An OSError says that there is nothing."""
        cdef string c_path = _without_zeros(path)
        with nogil:
            self.files.add(c_path)

    def add_member(self, uint32_t archive, uint32_t member, bytes name):
        """Adds a member of an archive, if its name is that of a MIDI file in no hidden folder.

        Returns whether it is an archive instead, to be given to `add_inner_archive`.
        """
        self._check_archive(archive)
        return self.files.add_member(archive, member, _view(name))

    def add_inner_archive(self, uint32_t outer, bytes name):
        """Adds an archive that is a member of another; its number is that of the archives so far."""
        self._check_archive(outer)
        self.files.add_inner_archive(outer, _view(name))

    def add_named(self, bytes folder, bytes name, bint is_callers=False):
        """Adds a file by its name in a folder, given with its slash, without looking for it.

        One that is the caller's is read by the `read_member` of the conversion.
        """
        self.files.add_named(_view(_without_zeros(folder)), _view(_without_zeros(name)), is_callers)

    def sort(self):
        """Puts the files in the order that numbers them from then on."""
        with nogil:
            self.files.sort()

    def __len__(self):
        return self.files.size()

    def name(self, size_t index):
        """Path relative to the input, in the system's bytes."""
        self._check(index)
        return _bytes(self.files.name(index))

    def names(self, size_t first, size_t last):
        """Names of the files from the first up to the last, a zero byte after each."""
        cdef string joined
        cdef string_view name
        cdef size_t index
        for index in range(first, min(last, self.files.size())):
            name = self.files.name(index)
            joined.append(name.data(), name.size())
            joined.push_back(0)
        return _string_bytes(joined)

    def path(self, size_t index):
        """Where the system finds the file; no path of use for a member of an archive."""
        self._check(index)
        return _string_bytes(self.files.path(index))

    def member(self, size_t index):
        """Archive and member that a file is in, or None if it is in no archive."""
        self._check(index)
        if self.files.archive(index) in (NO_ARCHIVE, CALLER):
            return None
        return self.files.archive(index), self.files.member(index)

    def archives(self):
        """Paths of the archives, empty for those that lie in another."""
        return [_string_bytes(self.files.archive_path(index))
                for index in range(self.files.num_archives())]

    def unreadable(self):
        """Path and error number of each folder that could not be listed."""
        errors = []
        for index in range(self.files.unreadable().size()):
            errors.append((_string_bytes(self.files.unreadable()[index].path),
                           self.files.unreadable()[index].code().value()))
        return errors

    cdef _check(self, size_t index):
        if index >= self.files.size():
            raise IndexError(f"file {index} of {self.files.size()}")

    cdef _check_archive(self, size_t archive):
        if archive >= self.files.num_archives():
            raise IndexError(f"archive {archive} of {self.files.num_archives()}")


cdef class ShardPlan:
    """Which files go to which shard, in order."""
    cdef CPlan plan

    def __init__(self, uint32_t num_groups=1):
        self.plan.num_groups = num_groups

    cpdef add_file(self, uint32_t file, uint32_t group=0, bytes features=b""):
        """Adds a file to the shard being planned, and the features that each of its records has."""
        cdef PlannedFile planned
        if group >= self.plan.num_groups:
            raise IndexError(f"group {group} of {self.plan.num_groups}")
        planned.file = file
        planned.group = group
        planned.first_feature = self.plan.features.size()
        self.plan.features.append(<const char*>features, <size_t>len(features))
        planned.last_feature = self.plan.features.size()
        self.plan.files.push_back(planned)

    def add_range(self, files not None):
        """Adds the files of a range, without features."""
        cdef uint32_t file
        self.plan.files.reserve(self.plan.files.size() + <size_t>len(files))
        for file in files:
            self.add_file(file)

    def end_shard(self, bytes path, uint32_t set_number, bint complete=False):
        """Makes a shard of the files added since the last one."""
        cdef PlannedShard shard
        shard.path = path
        shard.first = self.plan.shards.back().last if self.plan.shards.size() else 0
        shard.last = self.plan.files.size()
        shard.set = set_number
        shard.complete = complete
        self.plan.shards.push_back(shard)


cdef cbool _read_member(void* context, size_t file, Buffer[uint8_t]& data, string& error) noexcept with gil:
    cdef bytes content
    try:
        content = (<object>context)(file)
        data.resize(<size_t>len(content))
        memcpy(data.begin(), <const char*>content, len(content))
        return True
    except Exception as reason:
        error = str(reason).encode("utf-8", "backslashreplace")
        return False


cdef class Conversion:
    """A run of a plan, in threads of its own from the moment it is made until it is closed."""
    cdef CConversion* conversion
    cdef object files, plan, read_member

    def __init__(self, FileList files, ShardPlan plan, *, bytes pitch_table, read_member,
                 int steps_per_quarter, part, str on_error, bint magenta_compat,
                 bint unmapped_is_error, bint dedupe, unsigned workers, tokens=None):
        cdef ConversionOptions options
        cdef MemberReader reader
        options.parse = parse_options(part, magenta_compat)
        options.grid = grid_options(pitch_table, steps_per_quarter, magenta_compat)
        if tokens is not None:
            options.parse = whole_band()
            kind, drums, slice_bars, gap_bars, max_bars, programs, skip_polyphony, transpose = tokens
            options.tokens = token_options(
                kind, drums, slice_bars, gap_bars, max_bars, programs, skip_polyphony, transpose)
        options.on_error = {"skip": OnError.kSkip, "fail": OnError.kFail, "salvage": OnError.kSalvage}[on_error]
        options.unmapped_is_error = unmapped_is_error
        options.dedupe = dedupe
        options.workers = workers
        self.files, self.plan, self.read_member = files, plan, read_member
        reader.read = _read_member
        reader.context = <void*>read_member
        self.conversion = new CConversion(files.files, plan.plan, options, reader)

    def close(self):
        """Stops what is still running; unfinished shards leave nothing behind."""
        cdef CConversion* conversion = self.conversion
        self.conversion = NULL
        with nogil:  # threads about to end may still wait for it
            del conversion

    def __dealloc__(self):
        if self.conversion:
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def wait(self, long patience_ms):
        """The next finished shard's index; None where there is none within `patience_ms`."""
        cdef optional[size_t] shard
        with nogil:
            shard = self.conversion.wait(milliseconds(patience_ms))
        return shard.value() if shard.has_value() else None

    def done(self):
        """Whether every shard was returned by `wait`."""
        return self.conversion.done()

    def failure(self):
        """The file that ended the run under `on_error="fail"`, as in `take_result`, or None."""
        cdef optional[FileProblem] found = self.conversion.failure()
        return _problem(found.value()) if found.has_value() else None

    def files_done(self):
        """Files looked at so far."""
        return self.conversion.files_done()

    def take_result(self, size_t shard):
        """What became of a shard that `wait` returned; to be asked for once.

        Returns its bytes, their CRC-32C, the counts of `Tally`, and for each file that was not
        converted, or not whole, its number, the name of its outcome and the particulars of that.
        """
        cdef ShardResult result = self.conversion.take_result(shard)
        problems = [_problem(result.problems[index]) for index in range(result.problems.size())]
        return result.bytes, result.crc, _counts(result.tally), problems


cdef dict _problem(const FileProblem& problem):
    cdef dict told = {"file": problem.file, "outcome": _bytes(name_of(problem.outcome)).decode()}
    if problem.outcome == Outcome.kDamaged or problem.outcome == Outcome.kSalvaged:
        told["offset"] = problem.offset
    if problem.reason.size():
        told["reason"] = _string_bytes(problem.reason).decode("utf-8", "replace")
    elif problem.outcome == Outcome.kUnreadable:
        told["error"] = problem.error
    if problem.outcome == Outcome.kUnmapped:
        told["pitch"] = problem.pitch
    return told


cdef dict _counts(Tally& tally):
    return {
        "converted": tally.converted,
        "salvaged": tally.salvaged,
        "records": tally.records,
        "bars": tally.bars,
        "duplicates": tally.duplicates,
        "merged": tally.merged,
        "outside": tally.outside,
        "unmapped": tally.unmapped,
        "velocities": tally.velocities,
        "offsets": tally.offsets,
        "tempos": tally.tempos,
        "groups": tally.groups,
        "lengths": [(entry.first.first, entry.first.second, entry.second)
                    for entry in tally.lengths],
    }
