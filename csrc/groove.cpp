#include "groove.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace groovefast {
namespace {

// Less than a tick is of a step, and more than what rounding makes of a whole number of steps.
constexpr double kSlack = 1e-6;
// Moves a note may cost on average while hits are put in order; a merge sort is cheaper above.
constexpr std::size_t kMovesPerNote = 16;

// The last of `items` that begins at or before `place`, or the first.
template <class Items, class Place, class Begin>
const auto& last_begun(const Items& items, Place place, Begin begin) {
  const auto later = [&](Place wanted, const auto& item) { return wanted < begin(item); };
  return *std::prev(std::upper_bound(std::next(items.begin()), items.end(), place, later));
}

std::int64_t cell_of(const Hit& hit) { return hit.step << 4 | hit.drum; }
bool precedes(const Hit& a, const Hit& b) { return cell_of(a) < cell_of(b); }
template <class Meter>
bool is_in(const Meter& meter, const TimeSignature& signature) {
  return meter.numerator == signature.numerator && meter.denominator == signature.denominator;
}

bool same_cell(const Hit& a, const Hit& b) { return cell_of(a) == cell_of(b); }

// Orders hits by cell; those of one cell keep their order. Notes come nearly sorted, for which
// insertion is fastest; where they do not, a merge sort takes over.
void sort_by_cell(Buffer<Hit>& hits) {
  std::size_t moves_left = kMovesPerNote * hits.size();
  for (std::size_t i = 1; i < hits.size(); ++i) {
    if (!precedes(hits[i], hits[i - 1])) continue;
    const Hit hit = hits[i];
    std::size_t place = i;
    do {
      hits[place] = hits[place - 1];
      --place;
    } while (place > 0 && precedes(hit, hits[place - 1]));
    hits[place] = hit;
    if (i - place > moves_left) return std::stable_sort(hits.begin(), hits.end(), precedes);
    moves_left -= i - place;
  }
}

}  // namespace

// In the first tempo of a song both are Magenta's arithmetic to the last bit: what is added and
// taken away is 0 there.
double Quantizer::Pulse::position_of(double seconds) const {
  return position + (seconds - time) * steps_per_second;
}

// How early `seconds` is for a step at `step_position`, in half steps.
double Quantizer::Pulse::offset_of(double step_position, double seconds) const {
  const double step_time = time + (step_position - position) * step_length;
  return 2 * (step_time - seconds) / step_length;
}

const Grid& Quantizer::quantize(const Song& song, const GridOptions& options) {
  options_ = options;
  grid_.hits.clear();
  grid_.stretches.clear();
  grid_.unmapped.fill(0);
  grid_.mapped = 0;
  grid_.num_steps = 0;
  lay_out_pulses(song);
  lay_out_meters(song);
  grid_.rejected = reject(song);
  if (grid_.rejected != Rejected::kNo) return grid_;
  place_notes(song);
  if (grid_.hits.empty()) {
    grid_.rejected = Rejected::kNoDrums;
    return grid_;
  }
  sort_by_cell(grid_.hits);
  if (grid_.hits.back().step >= kMaxSteps) {
    grid_.rejected = Rejected::kTooLong;
    return grid_;
  }
  keep_the_loudest();
  lay_out_stretches();
  return grid_;
}

// What Magenta drops before it looks at the notes.
Rejected Quantizer::reject(const Song& song) const {
  if (!options_.magenta_compat) return Rejected::kNo;
  if (song.ticks_per_quarter == 0) return Rejected::kSmpte;
  if (pulses_.size() > 1) return Rejected::kTempoChange;
  for (const TimeSignature& signature : song.time_signatures) {
    if (!is_in(meters_[0], signature)) return Rejected::kMeterChange;
  }
  return Rejected::kNo;
}

// Steps from the start of the song to a tick: beats, whatever the tempo, or under SMPTE division
// seconds.
double Quantizer::position_of(const Song& song, std::int64_t tick) const {
  const auto ticks = static_cast<double>(tick);
  if (song.ticks_per_quarter == 0) return pulses_[0].position_of(ticks * song.seconds_per_tick);
  return ticks * options_.steps_per_quarter / song.ticks_per_quarter;
}

void Quantizer::lay_out_pulses(const Song& song) {
  pulses_.clear();
  for (const Tempo& tempo : song.tempos) {
    const double position = tempo.tick == 0 ? 0 : position_of(song, tempo.tick);
    pulses_.push_back({tempo.tick, tempo.time, position,
                       options_.steps_per_quarter * tempo.qpm / 60.0,
                       60.0 / tempo.qpm / options_.steps_per_quarter});
  }
}

// A meter that is only repeated goes on; of several at one tick the last counts.
void Quantizer::lay_out_meters(const Song& song) {
  meters_.clear();
  meters_.push_back({0, 4, 4, 0, 0});
  for (const TimeSignature& signature : song.time_signatures) {
    if (signature.tick == meters_.back().tick) meters_.pop_back();
    if (!meters_.empty() && is_in(meters_.back(), signature)) continue;
    meters_.push_back({signature.tick, signature.numerator, signature.denominator,
                       position_of(song, signature.tick), 0});
  }
  for (std::size_t i = 1; i < meters_.size(); ++i) {
    const Meter& last = meters_[i - 1];
    const double steps = std::ceil(meters_[i].position - last.position - kSlack);
    meters_[i].first_step =
        last.first_step + static_cast<std::int64_t>(std::min(steps, double{kMaxSteps}));
  }
}

void Quantizer::place_notes(const Song& song) {
  for (const Note& note : song.notes) {
    const std::uint8_t drum = options_.pitch_class[note.pitch];
    if (drum == kUnmapped) {
      ++grid_.unmapped[note.pitch];
      continue;
    }
    const Pulse& pulse = pulse_at(note.tick);
    const double position = pulse.position_of(note.time);
    const Meter& meter = meter_at(position);
    const double steps = std::min(position - meter.position, double{kMaxSteps});
    const auto step = static_cast<std::int64_t>(steps + 0.5);
    const double early = pulse.offset_of(meter.position + static_cast<double>(step), note.time);
    grid_.hits.push_back({meter.first_step + step, static_cast<float>(early), drum, note.velocity});
  }
  grid_.mapped = grid_.hits.size();
}

// Of the notes in a cell the loudest stays, of equals the first.
void Quantizer::keep_the_loudest() {
  Buffer<Hit>& hits = grid_.hits;
  std::size_t kept = 0;
  for (std::size_t i = 1; i < hits.size(); ++i) {
    if (!same_cell(hits[i], hits[kept])) {
      hits[++kept] = hits[i];
    } else if (hits[i].velocity > hits[kept].velocity) {
      hits[kept] = hits[i];
    }
  }
  hits.resize(kept + 1);
}

// A stretch ends where the meter does, at its last whole bar; the last one at the end of the bar of
// the last hit.
void Quantizer::lay_out_stretches() {
  const std::int64_t played = grid_.hits.back().step + 1;
  bool any_fits = false;
  for (std::size_t i = 0; i < meters_.size() && meters_[i].first_step < played; ++i) {
    const Meter& meter = meters_[i];
    grid_.num_steps = played;
    const std::int64_t bar = steps_per_bar(meter);
    if (bar == 0) continue;
    any_fits = true;
    const std::int64_t padded = (played - meter.first_step + bar - 1) / bar * bar;
    grid_.num_steps = meter.first_step + padded;
    std::int64_t steps = padded;
    if (i + 1 < meters_.size()) {
      const double length = meters_[i + 1].position - meter.position + kSlack;
      steps = std::min(steps, static_cast<std::int64_t>(length) / bar * bar);
    }
    if (steps > 0) grid_.stretches.push_back({meter.tick, meter.first_step, steps, bar});
  }
  if (grid_.num_steps > kMaxSteps) {
    grid_.rejected = Rejected::kTooLong;
  } else if (!any_fits) {
    grid_.rejected = Rejected::kMeter;
  } else if (grid_.stretches.empty()) {
    grid_.rejected = Rejected::kTooShort;
  }
}

const Quantizer::Pulse& Quantizer::pulse_at(std::int64_t tick) const {
  if (pulses_.size() == 1) return pulses_[0];
  return last_begun(pulses_, tick, [](const Pulse& pulse) { return pulse.tick; });
}

// Steps in a bar, or 0 where it is no whole number of them.
std::int64_t Quantizer::steps_per_bar(const Meter& meter) const {
  const std::int64_t parts = std::int64_t{4} * options_.steps_per_quarter * meter.numerator;
  return parts % meter.denominator == 0 ? parts / meter.denominator : 0;
}

// A note up to half a step before a new meter is its first step, played early.
const Quantizer::Meter& Quantizer::meter_at(double position) const {
  if (meters_.size() == 1) return meters_[0];
  return last_begun(meters_, position + 0.5, [](const Meter& meter) { return meter.position; });
}

void list_tempos(const Song& song, const Stretch& stretch, int steps_per_quarter,
                 Buffer<StepTempo>& tempos) {
  tempos.clear();
  const std::int64_t ticks_per_quarter = std::max(song.ticks_per_quarter, 1);
  const std::int64_t length = stretch.num_steps * ticks_per_quarter / steps_per_quarter;
  for (const Tempo& tempo : song.tempos) {
    const std::int64_t tick = std::max<std::int64_t>(tempo.tick - stretch.first_tick, 0);
    if (tick > length) break;
    const std::int64_t step =
        (tick * steps_per_quarter + ticks_per_quarter - 1) / ticks_per_quarter;
    if (step >= stretch.num_steps) break;
    if (!tempos.empty() && tempos.back().step == step) tempos.pop_back();
    tempos.push_back({step, tempo.qpm});
  }
}

Rejected list_windows(const Song& song, const Grid& grid, int steps_per_quarter,
                      const WindowOptions& options, Buffer<Window>& windows) {
  windows.clear();
  if (grid.rejected != Rejected::kNo) return grid.rejected;
  const std::int64_t bar = std::int64_t{steps_per_quarter} * options.quarters_per_bar;
  const auto fits = [bar](const Stretch& stretch) { return stretch.steps_per_bar == bar; };
  if (std::none_of(grid.stretches.begin(), grid.stretches.end(), fits)) return Rejected::kMeter;
  const bool whole = options.steps == 0;
  if (whole && grid.stretches[0].num_steps != grid.num_steps) return Rejected::kMeterChange;
  const std::int64_t steps = whole ? grid.num_steps : options.steps;
  const std::int64_t hop = whole ? steps : options.hop;
  Buffer<StepTempo> tempos;
  // Windows begin and end ever later, so one walk along the hits finds the bounds of them all.
  const auto walk_to = [&](std::size_t& hit, std::int64_t step) {
    while (hit < grid.hits.size() && grid.hits[hit].step < step) ++hit;
    return hit;
  };
  std::size_t first = 0, last = 0;
  for (const Stretch& stretch : grid.stretches) {
    if (!fits(stretch)) continue;
    list_tempos(song, stretch, steps_per_quarter, tempos);
    const auto begin = [](const StepTempo& tempo) { return tempo.step; };
    for (std::int64_t step = 0; step + steps <= stretch.num_steps; step += hop) {
      const std::int64_t start = stretch.first_step + step;
      const double qpm = last_begun(tempos, step, begin).qpm;
      windows.push_back({start, walk_to(first, start), walk_to(last, start + steps), qpm});
    }
  }
  return windows.empty() ? Rejected::kTooShort : Rejected::kNo;
}

void fill_window(const Grid& grid, const Window& window, float* rows, std::uint8_t* velocities) {
  for (std::size_t i = window.first_hit; i < window.last_hit; ++i) {
    const Hit& hit = grid.hits[i];
    const auto step = static_cast<std::size_t>(hit.step - window.start_step);
    float* const row = rows + step * kStepDepth + hit.drum;
    row[0] = 1;
    row[kDrums] = static_cast<float>(hit.velocity / 127.0);
    row[2 * kDrums] = hit.offset;
    velocities[step * kDrums + hit.drum] = hit.velocity;
  }
}

}  // namespace groovefast
