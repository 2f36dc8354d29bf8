#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace groovefast {
namespace {

void add(Counts& to, const Counts& from) {
  std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
}

std::size_t velocity_bin(const Hit& hit) { return hit.drum * kVelocities + hit.velocity; }

std::size_t offset_bin(const Hit& hit) {
  const float place = (hit.offset + 1) / 2 * static_cast<float>(kOffsetBins);
  return hit.drum * kOffsetBins + std::min(static_cast<std::size_t>(place), kOffsetBins - 1);
}

}  // namespace

Outcome outcome_of(Rejected rejected) {
  switch (rejected) {
    case Rejected::kNo:
      break;
    case Rejected::kNoDrums:
      return Outcome::kNoDrums;
    case Rejected::kTooShort:
      return Outcome::kTooShort;
    case Rejected::kTooLong:
      return Outcome::kTooLong;
    case Rejected::kMeter:
      return Outcome::kMeter;
    case Rejected::kMeterChange:
      return Outcome::kMeterChange;
    case Rejected::kTempoChange:
      return Outcome::kTempoChange;
    case Rejected::kSmpte:
      return Outcome::kSmpte;
  }
  return Outcome::kConverted;
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kConverted:
      return "converted";
    case Outcome::kSalvaged:
      return "salvaged";
    case Outcome::kNoDrums:
      return "no_drums";
    case Outcome::kNoMelody:
      return "no_melody";
    case Outcome::kNoTrio:
      return "no_trio";
    case Outcome::kNoGrid:
      return "no_grid";
    case Outcome::kTooShort:
      return "too_short";
    case Outcome::kTooLong:
      return "too_long";
    case Outcome::kMeter:
      return "meter";
    case Outcome::kMeterChange:
      return "meter_change";
    case Outcome::kTempoChange:
      return "tempo_change";
    case Outcome::kSmpte:
      return "smpte";
    case Outcome::kDamaged:
      return "damaged";
    case Outcome::kUnreadable:
      return "unreadable";
    case Outcome::kUnmapped:
      return "unmapped";
  }
  return "";
}

void Tally::add_file(Outcome outcome) {
  converted += outcome == Outcome::kConverted || outcome == Outcome::kSalvaged;
  salvaged += outcome == Outcome::kSalvaged;
}

void Tally::add_record(const RecordCounts& record) {
  ++records;
  add_part(record);
}

void Tally::add_part(const RecordCounts& part) {
  const auto more = static_cast<std::uint64_t>(part.length.second);
  bars += more;
  tempos[part.tempo_bin] += more;
  groups[part.group] += more;
  ++lengths[part.length];
}

void Tally::add_hit(const Hit& hit) {
  ++velocities[velocity_bin(hit)];
  ++offsets[offset_bin(hit)];
}

std::size_t Tally::tempo_bin(double qpm) {
  return static_cast<std::size_t>(std::min(std::round(qpm), double{kTempoBins - 1}));
}

Tally& Tally::operator+=(const Tally& other) {
  converted += other.converted;
  salvaged += other.salvaged;
  records += other.records;
  bars += other.bars;
  duplicates += other.duplicates;
  merged += other.merged;
  outside += other.outside;
  add(unmapped, other.unmapped);
  add(velocities, other.velocities);
  add(offsets, other.offsets);
  add(tempos, other.tempos);
  add(groups, other.groups);
  for (const auto& [length, records_of_it] : other.lengths) lengths[length] += records_of_it;
  return *this;
}

}  // namespace groovefast
