// What an instrument plays of a sub-sequence, as tokens: one for each 16th.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer.hpp"

namespace groovefast {

using Token = std::int16_t;

// From the beginning of a bar, whole bars long.
struct TokenTrack {
  std::int64_t start_step;     // within its sub-sequence
  std::size_t first, last;     // of TokenTracks::tokens: of a trio three for each step
  std::uint32_t sub_sequence;  // its number
  std::uint32_t instrument;    // 0 of a trio, which has three of them
  std::uint8_t program;        // likewise
};

struct TokenTracks {
  Buffer<TokenTrack> list;
  Buffer<Token> tokens;

  void clear() {
    list.clear();
    tokens.clear();
  }
  std::span<const Token> tokens_of(const TokenTrack& track) const {
    return tokens.subspan(track.first, track.last);
  }
};

// Where tracks end.
struct TrackOptions {
  std::int64_t gap_steps;  // of silence, after which another begins; 0: however long it is
  std::int64_t max_steps;  // what comes after them, up to the gap, is lost

  bool is_gap(std::int64_t steps) const { return gap_steps > 0 && steps >= gap_steps; }
};

}  // namespace groovefast
