// What became of the files of a conversion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "groove.hpp"
#include "smf.hpp"

namespace groovefast {

// Why a file gave no windows, or not all of them.
enum class Cause : std::uint8_t {
  kRejected,    // see Problem::rejected
  kFewHits,     // none of its windows has enough hits
  kSalvaged,    // damaged; what came before is kept
  kDamaged,     // damaged, and left out
  kUnreadable,  // the system, or its archive, does not give it
  kUnmapped,    // it has a pitch of no class, where that counts as an error
};

constexpr bool is_failure(Cause cause) { return cause >= Cause::kDamaged; }

struct Problem {
  std::uint32_t file;
  Cause cause;
  Rejected rejected = Rejected::kNo;
  std::uint64_t position = 0;  // of damage: the byte; unreadable: errno; unmapped: the pitch
  std::string detail = {};     // of damage, or of an archive's member
};

// The same few words for all files with this problem.
std::string_view describe(const Problem& problem);

// What exactly is wrong and where; empty if the few words say it all.
std::string explain(const Problem& problem);

inline constexpr std::size_t kVelocities = 128;
inline constexpr std::size_t kOffsetBins = 101;  // over [-1, 1]; exactly on the grid is the middle
inline constexpr std::size_t kTempoBins = 512;   // of 1 bpm; what is faster counts in the last

using Counts = std::vector<std::uint64_t>;

// Counts over some files. Windows are counted where they are written, hits once per song.
struct Tally {
  explicit Tally(std::size_t num_groups = 0) : groups(num_groups) {}

  std::uint64_t converted = 0, skipped = 0, failed = 0, salvaged = 0;  // files
  std::uint64_t windows = 0;
  std::uint64_t duplicates = 0, sparse = 0;  // windows left out
  std::uint64_t notes = 0;                   // of a class, in songs that gave windows
  Counts unmapped = Counts(kPitches);        // notes of no class, by pitch
  Counts velocities = Counts(kDrums * kVelocities);
  Counts offsets = Counts(kDrums * kOffsetBins);
  Counts tempos = Counts(kTempoBins);  // windows by the tempo at their start
  Counts groups;                       // windows by group

  void add_hit(const Hit& hit);
  static std::size_t tempo_bin(double qpm);

  Tally& operator+=(const Tally& other);
};

}  // namespace groovefast
