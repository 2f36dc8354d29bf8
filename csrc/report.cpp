#include "report.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <functional>
#include <system_error>

#include "files.hpp"

namespace groovefast {
namespace {

void add(Counts& to, const Counts& from) {
  std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
}

std::string_view describe(Rejected rejected) {
  switch (rejected) {
    case Rejected::kNo:
      break;
    case Rejected::kNoDrums:
      return "no drums";
    case Rejected::kTooShort:
      return "too short";
    case Rejected::kTooLong:
      return "too long";
    case Rejected::kMeter:
      return "other meter";
    case Rejected::kMeterChange:
      return "meter changes";
    case Rejected::kTempoChange:
      return "tempo changes";
    case Rejected::kSmpte:
      return "SMPTE time";
  }
  return "no windows";
}

std::string describe_read_error(int error) {
  if (error == kNotRegular) return "not a regular file";
  if (error == EFBIG) return "larger than 64 MiB, which no performance is";
  return std::generic_category().message(error);
}

}  // namespace

std::string_view describe(const Problem& problem) {
  switch (problem.cause) {
    case Cause::kRejected:
      return describe(problem.rejected);
    case Cause::kFewHits:
      return "too few hits";
    case Cause::kSalvaged:
      return "salvaged";
    case Cause::kDamaged:
      return "damaged";
    case Cause::kUnreadable:
      return "unreadable";
    case Cause::kUnmapped:
      return "unmapped pitch";
  }
  return "";
}

std::string explain(const Problem& problem) {
  switch (problem.cause) {
    case Cause::kRejected:
    case Cause::kFewHits:
      return "";
    case Cause::kSalvaged:
    case Cause::kDamaged:
      return problem.detail + " (at byte " + std::to_string(problem.position) + ")";
    case Cause::kUnreadable:
      if (!problem.detail.empty()) return problem.detail;
      return describe_read_error(static_cast<int>(problem.position));
    case Cause::kUnmapped:
      return "pitch " + std::to_string(problem.position) +
             " belongs to no drum class; give pitch classes that map it, or drop unmapped pitches";
  }
  return "";
}

void Tally::add_hit(const Hit& hit) {
  const float place = (hit.offset + 1) / 2 * static_cast<float>(kOffsetBins);
  const auto bin = std::min(static_cast<std::size_t>(place), kOffsetBins - 1);
  ++velocities[hit.drum * kVelocities + hit.velocity];
  ++offsets[hit.drum * kOffsetBins + bin];
}

std::size_t Tally::tempo_bin(double qpm) {
  return static_cast<std::size_t>(std::min(std::round(qpm), double{kTempoBins - 1}));
}

Tally& Tally::operator+=(const Tally& other) {
  converted += other.converted;
  skipped += other.skipped;
  failed += other.failed;
  salvaged += other.salvaged;
  windows += other.windows;
  duplicates += other.duplicates;
  sparse += other.sparse;
  notes += other.notes;
  add(unmapped, other.unmapped);
  add(velocities, other.velocities);
  add(offsets, other.offsets);
  add(tempos, other.tempos);
  add(groups, other.groups);
  return *this;
}

}  // namespace groovefast
