// Score -> where its notes are on the grid, and where the grid is in it: for who moves notes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bars.hpp"
#include "buffer.hpp"
#include "quantizer.hpp"
#include "smf.hpp"

namespace groovefast {

// A note of a class.
struct PlacedNote {
  std::uint32_t note;    // its index in the score
  std::uint32_t leader;  // index, among the placed, of the note that its cell stands for
  std::int32_t row;
  std::uint8_t drum;
};

struct GridRow {
  double tick;
  // Of notes that belong to it. There is none where the last is before the first, because the next
  // row begins at once.
  std::int64_t first_tick, last_tick;
};

struct GridBar {
  double first_tick, end_tick;
  std::int64_t num_steps;
  std::uint32_t song;    // its index in the score
  std::uint32_t number;  // in its song, from 1
  std::uint32_t numerator, denominator;
};

// All songs of a score, one after the other, each up to the bar of its last hit. Rows are numbered
// on from song to song.
class Placement {
 public:
  // Rejects a score without drums, one with more than kMaxSteps rows, and time in SMPTE frames,
  // which has no beats.
  Rejected place(const Score& score, const GridOptions& options);

  Buffer<PlacedNote> notes;  // in the order of the score
  Buffer<GridRow> rows;
  Buffer<GridBar> bars;
  Buffer<float> played;  // kStepDepth for each row

 private:
  Rejected place_song(const Score& score, std::size_t index, const GridOptions& options);
  void add_notes(const SongBounds& bounds, const Song& song, const Grid& grid,
                 const GridOptions& options);
  void add_bars(std::size_t index, const Song& song, std::int64_t num_rows, int steps_per_quarter);
  void add_rows(const Song& song, std::int64_t num_rows, int steps_per_quarter);

  Quantizer quantizer_;
  Buffer<Hit> placed_;
  Buffer<std::uint8_t> velocities_;
};

}  // namespace groovefast
