// Score -> grid of hits, velocities and offsets -> windows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bars.hpp"
#include "buffer.hpp"
#include "smf.hpp"

namespace groovefast {

inline constexpr int kDrums = 9;
inline constexpr int kStepDepth = 3 * kDrums;  // hits, velocities, offsets
inline constexpr std::uint8_t kUnmapped = 255;

using PitchClasses = std::array<std::uint8_t, kPitches>;  // class of each pitch, or kUnmapped

struct GridOptions {
  PitchClasses pitch_class;
  int steps_per_quarter = 4;
  bool magenta_compat = false;
};

// One filled cell of the grid; empty cells are not stored.
struct Hit {
  std::int32_t step;      // no more than kMaxSteps
  std::uint32_t note;     // its number among the notes of a class
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

// A pitch of no class, and how many notes have it.
struct UnmappedPitch {
  std::uint8_t pitch;
  std::size_t notes;
};

// Whole bars in one meter. Bars that are no whole number of steps long belong to none.
struct Stretch {
  std::int64_t first_tick;
  std::int64_t first_step, num_steps;
  std::int64_t steps_per_bar;
};

// The steps are the rows of `Bars`, which are counted anew in every bar.
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
//
// All that asks for the grid gets it from here, with one way of rounding: Magenta's, in seconds and
// in doubles. Counted in ticks, notes on a half step would be rounded as one expects, but some not
// as the models that are there have learned them, and not as this reader finds them again.
class Quantizer {
 public:
  // The grid of `song`, valid until the next call. All notes of a class are put into `placed`, if
  // it is given, in their order: a hit for each.
  const Grid& quantize(const Song& song, const GridOptions& options, Buffer<Hit>* placed = nullptr);

  // Of the song last quantized.
  const Bars& bars() const { return bars_; }
  // The row that a note at a tick belongs to.
  std::int64_t row_at(const Song& song, std::int64_t tick) const;

 private:
  struct Pulse {  // a tempo, and where in the grid it begins
    std::int64_t tick;
    double time;      // seconds
    double position;  // steps
    double steps_per_second, step_length;

    double position_of(double seconds) const;
    double offset_of(double step_position, double seconds) const;
  };

  Rejected reject(const Song& song) const;
  double position_of(const Song& song, std::int64_t tick) const;
  void lay_out_pulses(const Song& song);
  void lay_out_bars(const Song& song);
  void place_notes(const Song& song);
  void keep_the_loudest();
  void lay_out_stretches();
  const Pulse& pulse_at(std::int64_t tick) const;

  GridOptions options_;
  Grid grid_;
  Buffer<Pulse> pulses_;
  Bars bars_;
};

// The lowest of the pitches that notes have and that are of no class, if there is one.
std::optional<UnmappedPitch> find_unmapped(std::span<const Note> notes,
                                           const PitchClasses& classes);

// Lists the tempos of a stretch: that of its first step, and those that later steps have.
void list_tempos(const Song& song, const Stretch& stretch, int steps_per_quarter,
                 Buffer<StepTempo>& tempos);

// The first hit on a step or after it, found by walking on from a `hit` before.
std::size_t first_hit_from(const Grid& grid, std::int64_t step, std::size_t hit);

// Lists the windows of a song. Says why, if there is none.
Rejected list_windows(const Song& song, const Grid& grid, int steps_per_quarter,
                      const WindowOptions& options, Buffer<Window>& windows);

// Writes a window as rows of 9 hits, 9 velocities in 0..1 and 9 offsets, and its MIDI velocities as
// rows of 9. Both come zeroed.
void fill_window(const Grid& grid, const Window& window, float* rows, std::uint8_t* velocities);

}  // namespace groovefast
