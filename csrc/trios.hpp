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

// Where a window of a trio is: the tokens of each part, of which it takes slice_bars from here on.
struct TrioWindow {
  std::int64_t start_step;
  std::array<std::size_t, kTrioParts> first;  // of Trios::tokens
};

class Trios {
 public:
  // Finds the windows of a sub-sequence with a grid, by trio; at most `most`, and one more if there
  // are more.
  void find(std::span<const StepNote> notes, const TrioOptions& options, std::size_t most);

  bool has_all_parts() const;

  Buffer<TrioWindow> windows;
  Buffer<Token> tokens;

 private:
  struct Instrument {
    std::size_t first_token;  // of all its bars
    std::size_t first_bar;    // of covered_
  };

  void add_instrument(std::span<const StepNote> notes, const TrioOptions& options);
  bool encode_melody(std::span<const StepNote> notes, std::span<Token> own);
  void cover(std::span<const StepNote> notes, std::int64_t gap_bars);
  void add_windows(const std::array<Instrument, kTrioParts>& trio, const TrioOptions& options,
                   std::size_t most);

  std::int64_t bars_ = 0;
  std::array<Buffer<Instrument>, kTrioParts> instruments_;
  Buffer<std::uint8_t> covered_;  // whether an instrument is there, for each of its bars
  Buffer<StepNote> ordered_;
  Buffer<Token> melody_;
  Buffer<std::uint8_t> together_;
};

}  // namespace groovefast
