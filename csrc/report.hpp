// What became of the files of a conversion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantizer.hpp"
#include "smf.hpp"

namespace groovefast {

// Of a file. The first two gave records, the last three failed, those between had none to give.
enum class Outcome : std::uint8_t {
  kConverted,
  kSalvaged,  // damaged; what came before is kept
  kNoDrums,
  kNoMelody,
  kNoTrio,
  kNoGrid,  // no bars of 16 steps
  kTooShort,
  kTooLong,
  kMeter,
  kMeterChange,
  kTempoChange,
  kSmpte,
  kDamaged,
  kUnreadable,  // the system, or its archive, does not give it
  kUnmapped,    // it has a pitch of no class, where that counts as an error
};

constexpr bool is_failure(Outcome outcome) { return outcome >= Outcome::kDamaged; }

Outcome outcome_of(Rejected rejected);

// What programs call it, such as "no_drums". Words for people are left to those who talk to them.
std::string_view name_of(Outcome outcome);

// A file with another outcome than kConverted.
struct FileProblem {
  std::uint32_t file;
  Outcome outcome;
  std::string reason = {};   // of damage, or of what an archive does not give
  std::uint64_t offset = 0;  // of damage, in bytes from the start of the file
  int error = 0;             // of what the system does not give: errno, or see files.hpp
  std::uint8_t pitch = 0;    // of no class
};

inline constexpr std::size_t kVelocities = 128;
inline constexpr std::size_t kOffsetBins = 101;  // over [-1, 1]; exactly on the grid is the middle
inline constexpr std::size_t kTempoBins = 512;   // of 1 bpm; what is faster counts in the last

using Counts = std::vector<std::uint64_t>;

// Steps in a bar, and bars.
using Length = std::pair<std::int64_t, std::int64_t>;

// What is counted of a record, once it is known to be kept.
struct RecordCounts {
  Length length;
  std::size_t tempo_bin;  // of the tempo at its start
  std::uint32_t group;
};

// Counts over some files.
struct Tally {
  explicit Tally(std::size_t num_groups = 0) : groups(num_groups) {}

  std::uint64_t converted = 0, salvaged = 0;  // files that gave records, and the damaged among them
  std::uint64_t records = 0, bars = 0;
  std::uint64_t duplicates = 0;        // records left out
  std::uint64_t merged = 0;            // notes dropped for a louder one in their cell
  std::uint64_t outside = 0;           // hits in no whole bar of whole steps
  Counts unmapped = Counts(kPitches);  // notes of no class, by pitch
  Counts velocities = Counts(kDrums * kVelocities);
  Counts offsets = Counts(kDrums * kOffsetBins);
  Counts tempos = Counts(kTempoBins);       // bars
  Counts groups;                            // bars
  std::map<Length, std::uint64_t> lengths;  // records, or parts of them

  void add_file(Outcome outcome);
  void add_record(const RecordCounts& record);
  // The same of a part of a record that was counted already.
  void add_part(const RecordCounts& part);
  void add_hit(const Hit& hit);
  static std::size_t tempo_bin(double qpm);

  Tally& operator+=(const Tally& other);
};

}  // namespace groovefast
