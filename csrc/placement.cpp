#include "placement.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace groovefast {
namespace {

// Ticks of the rows of a song. They are counted from where the meter begins, which is at one.
class Ticks {
 public:
  Ticks(const Bars& bars, const Song& song, int steps_per_quarter)
      : bars_(bars), per_quarter_(song.ticks_per_quarter), steps_per_quarter_(steps_per_quarter) {}

  double at(std::int64_t row) const {
    const Bar bar = bars_.of_row(row);
    const Meter& meter = bars_.meters()[bar.meter];
    const auto before = static_cast<double>(bar.number - meter.first_bar);
    const double steps = before * meter.bar + static_cast<double>(row - bar.first_row);
    return static_cast<double>(meter.tick) + steps * per_quarter_ / steps_per_quarter_;
  }

 private:
  const Bars& bars_;
  double per_quarter_, steps_per_quarter_;
};

}  // namespace

Rejected Placement::place(const Score& score, const GridOptions& options) {
  notes.clear();
  rows.clear();
  bars.clear();
  played.clear();
  if (score.ticks_per_quarter == 0) return Rejected::kSmpte;
  for (std::size_t index = 0; index < score.songs.size(); ++index) {
    const Rejected rejected = place_song(score, index, options);
    if (rejected == Rejected::kTooLong) return rejected;
  }
  return notes.empty() ? Rejected::kNoDrums : Rejected::kNo;
}

Rejected Placement::place_song(const Score& score, std::size_t index, const GridOptions& options) {
  const Song song = score.song(index);
  const Grid& grid = quantizer_.quantize(song, options, &placed_);
  if (grid.rejected == Rejected::kTooLong || grid.hits.empty()) return grid.rejected;
  const auto first_row = static_cast<std::int64_t>(rows.size());
  if (first_row + grid.num_steps > kMaxSteps) return Rejected::kTooLong;
  add_notes(score.songs[index], song, grid, options);
  add_bars(index, song, grid.num_steps, options.steps_per_quarter);
  add_rows(song, grid.num_steps, options.steps_per_quarter);
  return Rejected::kNo;
}

void Placement::add_notes(const SongBounds& bounds, const Song& song, const Grid& grid,
                          const GridOptions& options) {
  const auto first = static_cast<std::uint32_t>(notes.size());
  const auto first_row = static_cast<std::int32_t>(rows.size());
  const auto in_order = [](const Hit& a, const Hit& b) {
    return std::pair(a.step, a.drum) < std::pair(b.step, b.drum);
  };
  const Hit* placed = placed_.begin();
  for (std::size_t i = 0; i < song.notes.size(); ++i) {
    if (options.pitch_class[song.notes[i].pitch] == kUnmapped) continue;
    const Hit& leader = *std::lower_bound(grid.hits.begin(), grid.hits.end(), *placed, in_order);
    notes.push_back({static_cast<std::uint32_t>(bounds.first_note + i), first + leader.note,
                     first_row + placed->step, placed->drum});
    ++placed;
  }
  const auto num_rows = static_cast<std::size_t>(grid.num_steps), before = played.size();
  played.resize(before + num_rows * kStepDepth);
  velocities_.resize(num_rows * kDrums);
  std::fill(played.begin() + before, played.end(), 0.0f);
  fill_window(grid, {0, 0, grid.hits.size(), 0}, played.begin() + before, velocities_.begin());
}

void Placement::add_bars(std::size_t index, const Song& song, std::int64_t num_rows,
                         int steps_per_quarter) {
  const Bars& lines = quantizer_.bars();
  const Ticks ticks(lines, song, steps_per_quarter);
  for (std::int64_t row = 0; row < num_rows;) {
    const Bar bar = lines.of_row(row);
    const Meter& meter = lines.meters()[bar.meter];
    const std::int64_t end = row + bar.num_rows;
    bars.push_back({ticks.at(row), ticks.at(end), bar.num_rows, static_cast<std::uint32_t>(index),
                    static_cast<std::uint32_t>(bar.number + 1), meter.numerator,
                    meter.denominator});
    row = end;
  }
}

// The ticks of a row are found by asking the quantizer, so that whatever is put there is found
// there again, on half steps too.
void Placement::add_rows(const Song& song, std::int64_t num_rows, int steps_per_quarter) {
  const Ticks ticks(quantizer_.bars(), song, steps_per_quarter);
  double tick = ticks.at(0);
  std::int64_t first = 0;
  for (std::int64_t row = 0; row < num_rows; ++row) {
    const double next = ticks.at(row + 1);
    auto next_first = std::max(static_cast<std::int64_t>(std::ceil((tick + next) / 2)), first);
    while (next_first > first && quantizer_.row_at(song, next_first - 1) > row) --next_first;
    while (quantizer_.row_at(song, next_first) <= row) ++next_first;
    rows.push_back({tick, first, next_first - 1});
    tick = next;
    first = next_first;
  }
}

}  // namespace groovefast
