// Notes -> the windows of tokens that MusicVAE learns from.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "buffer.hpp"
#include "melodies.hpp"
#include "sub_sequences.hpp"
#include "token_tracks.hpp"
#include "token_windows.hpp"
#include "trios.hpp"

namespace groovefast {

// More windows are refused: no music has as many, but trios are as many as all their instruments
// multiplied.
inline constexpr std::size_t kMostTokenWindows = std::size_t{1} << 18;

enum class TokenKind : std::uint8_t { kDrums, kMelody, kTrio };

constexpr std::size_t tokens_per_step(TokenKind kind) {
  return kind == TokenKind::kTrio ? kTrioParts : 1;
}

struct TokenOptions {
  TokenKind kind = TokenKind::kDrums;
  PitchClasses drums;
  std::int64_t slice_bars = 2;
  std::int64_t gap_bars = 1;  // 0: tracks of drums and melodies never end
  std::int64_t max_bars = 100;
  std::bitset<kPitches> programs;
  bool skip_polyphony = false;
  int transpose = 0;
};

// Why there are no windows.
enum class NoTokens : std::uint8_t { kNo, kNoNotes, kMeter, kTooShort, kTooMany };

class ScoreTokens {
 public:
  // Finds the tracks: those of trios have windows, others at least a bar.
  NoTokens find_tracks(const Played& played, const TokenOptions& options);
  // Finds the windows: of each sub-sequence by where they begin, then by instrument.
  NoTokens find_windows(const Played& played, const TokenOptions& options);

  SubSequences sub_sequences;
  TokenTracks tracks;
  TokenWindows windows;

 private:
  struct Place {
    std::int64_t start_step;
    std::size_t first;  // of the tracks' tokens
  };

  void add_tracks(std::uint32_t number, const TokenOptions& options);
  bool add_trios(std::uint32_t number, const TokenOptions& options);
  bool window_tracks(const TokenOptions& options);
  NoTokens why_none(const TokenOptions& options) const;

  Melodies melodies_;
  Trios trios_;
  Buffer<Place> places_;
  std::size_t num_trios_ = 0;  // windows of them
};

}  // namespace groovefast
