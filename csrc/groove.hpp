// Score -> grid of hits, velocities and offsets -> windows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer.hpp"
#include "smf.hpp"

namespace groovefast {

inline constexpr int kDrums = 9;
inline constexpr int kStepDepth = 3 * kDrums;  // hits, velocities, offsets
inline constexpr std::uint8_t kUnmapped = 255;
// Longer songs are rejected (nine hours at 120 bpm): a few bytes can claim a silence of years.
inline constexpr std::int64_t kMaxSteps = 1 << 18;

struct GridOptions {
  std::array<std::uint8_t, kPitches> pitch_class;  // class of each pitch, or kUnmapped
  int steps_per_quarter = 4;
  bool magenta_compat = false;
};

// One filled cell of the grid; empty cells are not stored.
struct Hit {
  std::int64_t step;
  float offset;           // in [-1, 1], positive is early
  std::uint8_t drum;      // 0..8
  std::uint8_t velocity;  // MIDI, 1..127
};

// Why a song gives nothing.
enum class Rejected : std::uint8_t {
  kNo,
  kNoDrums,
  kTooShort,
  kTooLong,
  kMeter,
  kMeterChange,
  kTempoChange,
  kSmpte
};

// Whole bars in one meter. Bars that are no whole number of steps long belong to none.
struct Stretch {
  std::int64_t first_tick;
  std::int64_t first_step, num_steps;
  std::int64_t steps_per_bar;
};

// Steps are counted from where the meter last changed, and numbered on from the stretch before it,
// which counts as its length in steps, rounded up. So without a change within a step, the number of
// a step is its distance from the start of the song.
struct Grid {
  Buffer<Hit> hits;  // by (step, drum), one per cell
  Buffer<Stretch> stretches;
  std::array<std::uint32_t, kPitches> unmapped{};  // notes dropped, by pitch
  std::size_t mapped = 0;                          // notes of a class, before the loudest is taken
  std::int64_t num_steps = 0;                      // up to the end of the bar of the last hit
  Rejected rejected = Rejected::kNo;
};

// A tempo, and the first step of a stretch that has it, counted from the stretch's own first.
struct StepTempo {
  std::int64_t step;
  double qpm;
};

// Which windows are wanted of a song.
struct WindowOptions {
  int quarters_per_bar = 4;  // of the meter they lie in
  int steps = 64;            // 0 makes one of a whole song, which is in that meter throughout
  int hop = 16;              // from the start of a window to the next, in steps
};

// One window: hits[first_hit .. last_hit) fall on steps [start_step, start_step + steps).
struct Window {
  std::int64_t start_step;
  std::size_t first_hit, last_hit;
  double qpm;  // tempo at its start
};

// Puts one song after the other on the grid, in the same memory: as much as there are notes,
// however long they take.
class Quantizer {
 public:
  // The grid of `song`, valid until the next call.
  const Grid& quantize(const Song& song, const GridOptions& options);

 private:
  struct Pulse {  // a tempo, and where in the grid it begins
    std::int64_t tick;
    double time;      // seconds
    double position;  // steps
    double steps_per_second, step_length;

    double position_of(double seconds) const;
    double offset_of(double step_position, double seconds) const;
  };
  struct Meter {  // and where it begins
    std::int64_t tick;
    std::uint32_t numerator, denominator;
    double position;  // in steps from the start of the song
    std::int64_t first_step;
  };

  Rejected reject(const Song& song) const;
  double position_of(const Song& song, std::int64_t tick) const;
  void lay_out_pulses(const Song& song);
  void lay_out_meters(const Song& song);
  void place_notes(const Song& song);
  void keep_the_loudest();
  void lay_out_stretches();
  const Pulse& pulse_at(std::int64_t tick) const;
  const Meter& meter_at(double position) const;
  std::int64_t steps_per_bar(const Meter& meter) const;

  GridOptions options_;
  Grid grid_;
  Buffer<Pulse> pulses_;
  Buffer<Meter> meters_;
};

// Lists the tempos of a stretch: that of its first step, and those that later steps have.
void list_tempos(const Song& song, const Stretch& stretch, int steps_per_quarter,
                 Buffer<StepTempo>& tempos);

// Lists the windows of a song. Says why, if there is none.
Rejected list_windows(const Song& song, const Grid& grid, int steps_per_quarter,
                      const WindowOptions& options, Buffer<Window>& windows);

// Writes a window as rows of 9 hits, 9 velocities in 0..1 and 9 offsets, and its MIDI velocities as
// rows of 9. Both come zeroed.
void fill_window(const Grid& grid, const Window& window, float* rows, std::uint8_t* velocities);

}  // namespace groovefast
