#include "bars.hpp"

namespace groovefast {
namespace {

std::int64_t capped_sum(std::int64_t a, std::int64_t b, double most) {
  return std::min(a + b, static_cast<std::int64_t>(most));
}

}  // namespace

void Bars::clear(int steps_per_quarter) {
  steps_per_quarter_ = steps_per_quarter;
  meters_.clear();
  add(0, 4, 4);
}

void Bars::add(double place, std::uint32_t numerator, std::uint32_t denominator,
               std::int64_t tick) {
  if (!meters_.empty() && place == meters_.back().place) {
    meters_.pop_back();
    if (!meters_.empty()) go_on_for_ever(meters_.back());
  }
  Meter meter{};
  meter.tick = tick;
  meter.place = place;
  meter.numerator = numerator;
  meter.denominator = denominator;
  go_on_for_ever(meter);
  meter.bar = 4.0 * steps_per_quarter_ * numerator / denominator;
  meter.tiny = meter.bar < 1;
  if (meter.tiny) meter.bar = 4.0 * steps_per_quarter_;
  meter.bar_steps = static_cast<std::int64_t>(std::ceil(meter.bar));
  meter.whole = meter.bar == std::floor(meter.bar);
  if (!meters_.empty()) {
    Meter& last = meters_.back();
    if (goes_on(last, place, numerator, denominator)) return;
    last.end = place;
    const double length = std::min(place - last.place, kMost);
    const double bars = std::floor((length + kSlack) / last.bar);
    const double rest = length - bars * last.bar;
    const bool is_cut = rest > kSlack || bars == 0;
    const auto full = last.whole_bars = static_cast<std::int64_t>(bars);
    const auto cut = static_cast<std::int64_t>(is_cut ? last_step(rest) + 1 : 0);
    meter.first_bar = capped_sum(last.first_bar, full + is_cut, kMost);
    meter.first_row = capped_sum(last.first_row, full * last.bar_steps + cut, kMost);
  }
  meters_.push_back(meter);
}

void Bars::go_on_for_ever(Meter& meter) {
  meter.end = kForever;
  meter.whole_bars = std::numeric_limits<std::int64_t>::max();
}

// Whether a meter is the same as the one before and comes at a bar line of it, as near as files
// have it that were made by rounding.
bool Bars::goes_on(const Meter& meter, double place, std::uint32_t numerator,
                   std::uint32_t denominator) const {
  if (meter.numerator != numerator || meter.denominator != denominator) return false;
  const double bars = (place - meter.place) / meter.bar;
  return std::abs(bars - std::round(bars)) * meter.bar < 0.5;
}

Bar Bars::at(double place) const {
  const Meter& meter = meter_at(place + kSlack);
  const double from = std::clamp(place + kSlack - meter.place, 0.0, kMost);
  return bar_of(meter, static_cast<std::int64_t>(from / meter.bar));
}

double Bars::line(double place) const {
  const Bar bar = at(place);
  return place <= bar.start + kSlack ? bar.start : bar.end;
}

Bar Bars::numbered(std::int64_t number) const {
  const auto first_bar = [](const Meter& meter) { return meter.first_bar; };
  const Meter& meter = last_begun(meters_, number, first_bar);
  return bar_of(meter, std::max<std::int64_t>(number - meter.first_bar, 0));
}

Bar Bars::of_row(std::int64_t row) const {
  const auto first_row = [](const Meter& meter) { return meter.first_row; };
  const Meter& meter = last_begun(meters_, row, first_row);
  return bar_of(meter, (row - meter.first_row) / meter.bar_steps);
}

Bar Bars::bar_of(const Meter& meter, std::int64_t index) const {
  const double start = meter.place + static_cast<double>(index) * meter.bar;
  const double end = std::min(start + meter.bar, meter.end);
  return {static_cast<std::size_t>(&meter - meters_.begin()),
          meter.first_bar + index,
          start,
          end,
          meter.first_row + index * meter.bar_steps,
          static_cast<std::int64_t>(last_step(end - start)) + 1};
}

Step Bars::nearest_in_bar(const Meter& meter, double from) const {
  const double index = std::floor(std::min(from, kMost) / meter.bar);
  const double start = index * meter.bar, within = std::min(from, kMost) - start;
  const double left = meter.end - meter.place - start;
  if (begins_next(within, std::min(meter.bar, left))) {
    if (left <= meter.bar + kSlack) return first_after(meter);
    return {meter.first_row + (static_cast<std::int64_t>(index) + 1) * meter.bar_steps,
            meter.place + (index + 1) * meter.bar};
  }
  const double step = std::floor(within + 0.5);
  const std::int64_t first_row =
      meter.first_row + static_cast<std::int64_t>(index) * meter.bar_steps;
  return {first_row + static_cast<std::int64_t>(step), meter.place + start + step};
}

const Meter& Bars::meter_at(double place) const {
  return last_begun(meters_, place, [](const Meter& meter) { return meter.place; });
}

}  // namespace groovefast
