#include "sub_sequences.hpp"

#include <algorithm>
#include <cmath>

#include "nearly_sorted.hpp"

namespace groovefast {
namespace {

constexpr double kStepsPerQuarter = 4;
constexpr double kMostSteps = 0x1p52;  // whole numbers up to here are exact

bool is_same_instrument(const Note& a, const Note& b) {
  return a.track == b.track && a.channel == b.channel && a.program == b.program;
}

std::int64_t step_at(double seconds, double steps_per_second) {
  return static_cast<std::int64_t>(std::clamp(seconds * steps_per_second + 0.5, 0.0, kMostSteps));
}

}  // namespace

bool SubSequences::Change::is_in(const SubSequence& last) const {
  if (qpm > 0) return last.qpm == qpm;
  return last.numerator == numerator && last.denominator == denominator;
}

void SubSequences::Change::apply(SubSequence& to) const {
  if (qpm > 0) {
    to.qpm = qpm;
  } else {
    to.numerator = numerator;
    to.denominator = denominator;
  }
}

void SubSequences::cut(const Played& played, int transpose) {
  list.clear();
  take_notes(played.notes, transpose);
  if (notes.empty()) return;
  const auto ends_earlier = [](const StepNote& a, const StepNote& b) {
    return a.end_time < b.end_time;
  };
  const double total = std::max_element(notes.begin(), notes.end(), ends_earlier)->end_time;
  list_changes(played);
  cut_at_changes(total);
  share_out_notes(total);
}

void SubSequences::take_notes(std::span<const Note> played, int transpose) {
  notes.clear();
  std::uint32_t instrument = 0;
  const Note* last = nullptr;
  for (const Note& note : played) {
    if (note.unended) continue;
    if (last && !is_same_instrument(note, *last)) ++instrument;
    last = &note;
    const bool is_drum = note.channel == kDrumChannel;
    const int pitch = note.pitch + (is_drum ? 0 : transpose);
    if (pitch < 0 || pitch >= kPitches) continue;
    if (!std::isfinite(note.time) || !std::isfinite(note.end_time)) continue;
    notes.push_back({note.time, note.end_time, 0, 0, instrument, static_cast<std::uint8_t>(pitch),
                     note.program, is_drum});
  }
  sort_nearly_sorted(std::span(notes.begin(), notes.end()),
                     [](const StepNote& a, const StepNote& b) { return a.time < b.time; });
}

// Of one time, meters come first.
void SubSequences::list_changes(const Played& played) {
  changes_.clear();
  for (const TimeSignature& meter : played.time_signatures) {
    changes_.push_back({meter.time, 0, meter.numerator, meter.denominator});
  }
  for (const Tempo& tempo : played.tempos) {
    if (tempo.qpm > 0) changes_.push_back({tempo.time, tempo.qpm, 0, 0});
  }
  changes_.resize(static_cast<std::size_t>(
      std::remove_if(changes_.begin(), changes_.end(),
                     [](const Change& change) { return !std::isfinite(change.time); }) -
      changes_.begin()));
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.time < b.time; });
}

void SubSequences::cut_at_changes(double total) {
  list.push_back({0, kDefaultQpm, 4, 4, 0, 0});
  for (const Change& change : changes_) {
    if (change.time >= total) break;
    if (change.is_in(list.back())) continue;
    if (change.time > list.back().start) {
      SubSequence next = list.back();
      next.start = change.time;
      list.push_back(next);
    }
    change.apply(list.back());
  }
}

void SubSequences::share_out_notes(double total) {
  std::size_t next_note = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    SubSequence& sub_sequence = list[i];
    const double end = i + 1 < list.size() ? list[i + 1].start : total;
    const double steps_per_second = kStepsPerQuarter * sub_sequence.qpm / 60.0;
    sub_sequence.first_note = next_note;
    for (; next_note < notes.size() && notes[next_note].time < end; ++next_note) {
      if (!sub_sequence.has_grid()) continue;
      StepNote& note = notes[next_note];
      note.step = step_at(note.time - sub_sequence.start, steps_per_second);
      note.end_step = step_at(std::min(note.end_time, end) - sub_sequence.start, steps_per_second);
      note.end_step = std::max(note.end_step, note.step + 1);
    }
    sub_sequence.last_note = next_note;
  }
}

}  // namespace groovefast
