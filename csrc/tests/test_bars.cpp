// Bars and steps where numbers are largest and bars shortest, which no file reaches.
#include <cmath>
#include <cstdint>

#include "bars.hpp"
#include "check.hpp"

namespace {

using groovefast::Bar;
using groovefast::Bars;
using groovefast::Step;

// Every row is the nearest to its own place, and lies in the bar that says so.
void check_rows(const Bars& bars, std::int64_t first, std::int64_t count) {
  for (std::int64_t row = first; row < first + count; ++row) {
    const Bar bar = bars.of_row(row);
    CHECK(bar.first_row <= row && row < bar.first_row + bar.num_rows);
    const double place = bar.start + static_cast<double>(row - bar.first_row);
    CHECK(bars.nearest(place).row == row);
    CHECK(std::abs(bars.nearest(place).place - place) < 1e-6);
    CHECK(bars.at(place).number == bar.number);
    CHECK(bars.numbered(bar.number).first_row == bar.first_row);
  }
}

void check_changes() {
  Bars bars;
  bars.clear(4);
  bars.add(0, 7, 32);
  bars.add(10, 4, 4);
  bars.add(10.25, 13, 64);
  bars.add(11, 4, 4);
  bars.add(11 + 16 + 0.001, 3, 4);
  check_rows(bars, 0, 200);
  CHECK(bars.meters().size() == 5);
  CHECK(bars.of_row(0).num_rows == 4);
  CHECK(bars.of_row(8).end == 10);
}

void check_far_away() {
  Bars bars;
  bars.clear(4);
  bars.add(0x1p50, 3, 4);
  bars.add(0x1p51, 5, 8);
  check_rows(bars, std::int64_t{1} << 50, 100);
  const Step last = bars.nearest(1e300);
  CHECK(last.row > 0 && std::isfinite(last.place));
  CHECK(bars.at(1e300).number > 0);
  for (int i = 0; i < 100; ++i) bars.add(std::ldexp(1, 52 + i), 4, 1 + i % 2);
  CHECK(bars.nearest(1e300).row > 0);
}

void check_tiny_bars() {
  Bars bars;
  bars.clear(4);
  bars.add(0, 1, 1u << 31);
  CHECK(bars.meters()[0].tiny && bars.meters()[0].bar_steps == 16);
  check_rows(bars, 0, 100);
  CHECK(bars.at(-5).number == 0 && bars.nearest(-5).row == 0);
}

}  // namespace

int main() {
  check_changes();
  check_far_away();
  check_tiny_bars();
}
