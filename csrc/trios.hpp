// Sub-sequence -> what melody, bass and drums play together, instrument by instrument.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer.hpp"
#include "quantizer.hpp"
#include "sub_sequences.hpp"
#include "token_tracks.hpp"

namespace groovefast {

enum class TrioPart : std::uint8_t { kMelody, kBass, kDrums };
inline constexpr std::size_t kTrioParts = 3;

struct TrioOptions {
  PitchClasses drums;
  std::int64_t slice_bars = 16;
  std::int64_t gap_bars = 2;  // an instrument may be silent for so long and still be there
  std::int64_t max_bars = 1024;
};

// A stretch in which all three are there, slice_bars long or longer.
struct TrioRun {
  std::int64_t start_step, steps;
  std::array<std::size_t, kTrioParts> first;  // the tokens of each part, in Trios::tokens
};

// Whether there are a melody, a bass and drums among notes.
bool has_trio(std::span<const StepNote> notes);

class Trios {
 public:
  // Finds the runs of a sub-sequence with a grid, by trio. Returns false if there are more than
  // `most` windows in them.
  bool find(std::span<const StepNote> notes, const TrioOptions& options, std::size_t most);

  std::size_t num_windows() const { return num_windows_; }

  Buffer<TrioRun> runs;
  Buffer<Token> tokens;

 private:
  struct Instrument {
    std::size_t first_token;  // of all its bars
    std::size_t first_bar;    // of covered_
  };

  void add_instrument(std::span<const StepNote> notes, const TrioOptions& options);
  bool encode_melody(std::span<const StepNote> notes, std::span<Token> own);
  void cover(std::span<const StepNote> notes, std::int64_t gap_bars);
  void find_together(const std::array<Instrument, kTrioParts>& trio, std::int64_t gap_bars);
  void add_runs(const std::array<Instrument, kTrioParts>& trio, std::int64_t slice_bars);

  std::size_t num_windows_ = 0;
  std::int64_t bars_ = 0;
  std::array<Buffer<Instrument>, kTrioParts> instruments_;
  Buffer<std::uint8_t> covered_;  // whether an instrument is there, for each of its bars
  Buffer<StepNote> ordered_;
  Buffer<Token> melody_;
  Buffer<std::uint8_t> together_;  // whether all three are there, for each bar
};

}  // namespace groovefast
