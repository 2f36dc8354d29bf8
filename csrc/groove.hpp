// Score -> grid of hits, velocities and offsets -> windows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "smf.hpp"

namespace groovefast {

inline constexpr int kDrums = 9;
inline constexpr std::uint8_t kUnmapped = 255;

struct GridOptions {
  std::array<std::uint8_t, 128> pitch_class;  // class of each pitch, or kUnmapped
  int steps_per_quarter = 4;
  int quarters_per_bar = 4;
  bool magenta_compat = false;
};

// One filled cell of the grid; empty cells are not stored.
struct Hit {
  std::int64_t step;
  float offset;           // in [-1, 1], positive is early
  std::uint8_t drum;      // 0..8
  std::uint8_t velocity;  // MIDI, 1..127
};

// Why a song gives no windows.
enum class Rejected : std::uint8_t { kNo, kNoDrums, kTooShort, kMeter, kMeterChange, kTempoChange, kSmpte };

// A stretch of whole bars in one fitting meter; windows never cross its ends.
struct Stretch {
  std::int64_t first_step, num_steps;
};

struct Grid {
  std::vector<Hit> hits;  // by (step, drum), one per cell
  std::vector<Stretch> stretches;
  std::array<std::uint32_t, 128> unmapped;  // notes dropped, by pitch
  Rejected rejected = Rejected::kNo;
};

// One window: hits[first_hit .. last_hit) fall on steps [start_step, start_step + steps).
struct Window {
  std::int64_t start_step;
  std::size_t first_hit, last_hit;
  double qpm;  // tempo at its start
};

}  // namespace groovefast
