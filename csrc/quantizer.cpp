#include "quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "nearly_sorted.hpp"

namespace groovefast {
namespace {

bool is_in(const Meter& meter, const TimeSignature& signature) {
  return meter.numerator == signature.numerator && meter.denominator == signature.denominator;
}

std::int32_t cell_of(const Hit& hit) { return hit.step << 4 | hit.drum; }
bool precedes(const Hit& a, const Hit& b) { return cell_of(a) < cell_of(b); }
bool same_cell(const Hit& a, const Hit& b) { return cell_of(a) == cell_of(b); }

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

const Grid& Quantizer::quantize(const Song& song, const GridOptions& options, Buffer<Hit>* placed) {
  options_ = options;
  grid_.hits.clear();
  grid_.stretches.clear();
  grid_.unmapped.fill(0);
  grid_.mapped = 0;
  grid_.num_steps = 0;
  lay_out_pulses(song);
  lay_out_bars(song);
  grid_.rejected = reject(song);
  if (grid_.rejected != Rejected::kNo) return grid_;
  place_notes(song);
  if (placed) placed->assign(grid_.hits);
  if (grid_.hits.empty()) {
    grid_.rejected = Rejected::kNoDrums;
    return grid_;
  }
  sort_nearly_sorted(std::span(grid_.hits.begin(), grid_.hits.end()), precedes);
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
    if (!is_in(bars_.meters()[0], signature)) return Rejected::kMeterChange;
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

// To Magenta a meter that is named again goes on wherever that is.
void Quantizer::lay_out_bars(const Song& song) {
  bars_.clear(options_.steps_per_quarter);
  for (const TimeSignature& signature : song.time_signatures) {
    const Meter& last = bars_.meters().back();
    if (options_.magenta_compat && signature.tick > last.tick && is_in(last, signature)) continue;
    bars_.add(position_of(song, signature.tick), signature.numerator, signature.denominator,
              signature.tick);
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
    const Step step = bars_.nearest(pulse.position_of(note.time));
    const auto row = static_cast<std::int32_t>(std::min(step.row, kMaxSteps));
    // Seconds of a song that has been slow, in steps of a fast one, are rounded beyond half a step.
    const double early = std::clamp(pulse.offset_of(step.place, note.time), -1.0, 1.0);
    grid_.hits.push_back({row, static_cast<std::uint32_t>(grid_.hits.size()),
                          static_cast<float>(early), drum, note.velocity});
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
  const Bar last = bars_.of_row(grid_.hits.back().step);
  grid_.num_steps = last.first_row + last.num_rows;
  bool any_fits = false;
  for (const Meter& meter : bars_.meters().first(last.meter + 1)) {
    if (!meter.whole || meter.tiny) continue;
    any_fits = true;
    const std::int64_t played = grid_.num_steps - meter.first_row;
    const std::int64_t bars = std::min(meter.whole_bars, played / meter.bar_steps);
    if (bars == 0) continue;
    const std::int64_t steps = bars * meter.bar_steps;
    grid_.stretches.push_back({meter.tick, meter.first_row, steps, meter.bar_steps});
  }
  if (grid_.num_steps > kMaxSteps) {
    grid_.rejected = Rejected::kTooLong;
  } else if (!any_fits) {
    grid_.rejected = Rejected::kMeter;
  } else if (grid_.stretches.empty()) {
    grid_.rejected = Rejected::kTooShort;
  }
}

std::int64_t Quantizer::row_at(const Song& song, std::int64_t tick) const {
  return bars_.nearest(pulse_at(tick).position_of(song.seconds_at(tick))).row;
}

const Quantizer::Pulse& Quantizer::pulse_at(std::int64_t tick) const {
  if (pulses_.size() == 1) return pulses_[0];
  return last_begun(pulses_, tick, [](const Pulse& pulse) { return pulse.tick; });
}

std::optional<UnmappedPitch> find_unmapped(std::span<const Note> notes,
                                           const PitchClasses& classes) {
  std::optional<UnmappedPitch> found;
  for (const Note& note : notes) {
    if (classes[note.pitch] != kUnmapped || (found && found->pitch < note.pitch)) continue;
    if (!found || note.pitch < found->pitch) found = UnmappedPitch{note.pitch, 0};
    ++found->notes;
  }
  return found;
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

std::size_t first_hit_from(const Grid& grid, std::int64_t step, std::size_t hit) {
  while (hit < grid.hits.size() && grid.hits[hit].step < step) ++hit;
  return hit;
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
  std::size_t first = 0, last = 0;
  for (const Stretch& stretch : grid.stretches) {
    if (!fits(stretch)) continue;
    list_tempos(song, stretch, steps_per_quarter, tempos);
    const auto begin = [](const StepTempo& tempo) { return tempo.step; };
    for (std::int64_t step = 0; step + steps <= stretch.num_steps; step += hop) {
      const std::int64_t start = stretch.first_step + step;
      const double qpm = last_begun(tempos, step, begin).qpm;
      first = first_hit_from(grid, start, first);
      last = first_hit_from(grid, start + steps, last);
      windows.push_back({start, first, last, qpm});
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
