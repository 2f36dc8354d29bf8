// Where the bars of music are, and the steps in them, through any change of meter: one rule for
// windows, for playing, for the length of a groove and for its picture.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>

#include "buffer.hpp"

namespace groovefast {

// Longer songs are rejected (nine hours at 120 bpm): a few bytes can claim a silence of years.
inline constexpr std::int64_t kMaxSteps = 1 << 18;

// The last of `items` that begins at or before `place`, or the first.
template <class Items, class Place, class Begin>
const auto& last_begun(const Items& items, Place place, Begin begin) {
  const auto later = [&](Place wanted, const auto& item) { return wanted < begin(item); };
  return *std::prev(std::upper_bound(std::next(items.begin()), items.end(), place, later));
}

// A meter, from where it holds. Places count steps from the beginning, with fractions.
struct Meter {
  std::int64_t tick;  // of the file, where there is one
  double place, end;  // from here to the next one; the last has no end
  std::uint32_t numerator, denominator;
  double bar;                         // steps in a bar, with fractions
  std::int64_t bar_steps;             // rows of the grid in a bar: its last one may be cut short
  bool whole;                         // no fractions
  bool tiny;                          // its own bars are shorter than a step
  std::int64_t whole_bars;            // up to the next one
  std::int64_t first_bar, first_row;  // counted on through all meters
};

// A bar, or what there is of one before a change of meter.
struct Bar {
  std::size_t meter;    // index of its meter
  std::int64_t number;  // from 0
  double start, end;
  std::int64_t first_row, num_rows;
};

// A row of the grid: one step of one bar.
struct Step {
  std::int64_t row;
  double place;
};

// A change of meter begins a bar, and the bar before it may be cut short. Steps are counted anew in
// every bar, as drummers count, so that one that is no whole number of them takes nothing from the
// next. Nobody counts bars that are shorter than a step: where they are, bars of 4/4 go on.
class Bars {
 public:
  // Begins again: 4/4 from 0 on.
  void clear(int steps_per_quarter);

  // By place, none before 0. Of several at one place the last counts; one that says again what
  // holds, less than half a step from a bar line, is none.
  void add(double place, std::uint32_t numerator, std::uint32_t denominator, std::int64_t tick = 0);

  std::span<const Meter> meters() const { return meters_; }
  Bar at(double place) const;       // one on a bar line lies after it
  double line(double place) const;  // the first bar line at or after a place
  Bar numbered(std::int64_t number) const;
  Bar of_row(std::int64_t row) const;

  // The step that is nearest to a place, of two the later: that of its bar, or the first of the
  // next bar, which is played early. So every step has room around it, however its bar is cut.
  Step nearest(double place) const {
    const Meter& meter = meters_.size() == 1 ? meters_[0] : meter_at(place);
    const double from = std::max(place - meter.place, 0.0);
    if (!meter.whole) return nearest_in_bar(meter, from);
    // Steps are counted from where the meter begins, which is no other count than that from the
    // bar line, but Magenta's to the last bit.
    const double steps = std::floor(std::min(from, kMost) + 0.5);
    if (meter.end < kForever && begins_next(from, meter.end - meter.place)) {
      return first_after(meter);
    }
    return {meter.first_row + static_cast<std::int64_t>(steps), meter.place + steps};
  }

 private:
  static constexpr double kForever = std::numeric_limits<double>::infinity();
  static constexpr double kMost = 0x1p52;  // whole numbers up to here are exact
  // Less than a tick is of a step, and more than what rounding makes of a whole number of steps.
  static constexpr double kSlack = 1e-6;

  static double last_step(double length) { return std::max(std::ceil(length - kSlack) - 1, 0.0); }
  // Whether `from` is nearest to the bar line that comes `length` after where it is counted from.
  static bool begins_next(double from, double length) {
    return from >= (last_step(length) + length) / 2;
  }
  Step first_after(const Meter& meter) const {
    const Meter& next = *(&meter + 1);
    return {next.first_row, next.place};
  }
  Step nearest_in_bar(const Meter& meter, double from) const;
  Bar bar_of(const Meter& meter, std::int64_t index) const;
  const Meter& meter_at(double place) const;
  static void go_on_for_ever(Meter& meter);
  bool goes_on(const Meter& meter, double place, std::uint32_t numerator,
               std::uint32_t denominator) const;

  int steps_per_quarter_ = 4;
  Buffer<Meter> meters_;
};

}  // namespace groovefast
