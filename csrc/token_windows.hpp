// Windows of tokens, of which equal ones of a sub-sequence are told once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer.hpp"
#include "token_tracks.hpp"

namespace groovefast {

struct TokenWindow {
  std::int64_t start_step;     // within its sub-sequence
  std::uint32_t sub_sequence;  // its number
};

class TokenWindows {
 public:
  void clear(std::size_t tokens_per_window);

  // From here on, windows are of another sub-sequence: at most so many.
  void begin_sub_sequence(std::size_t most);

  // The tokens of the next window, to be written, and then kept.
  std::span<Token> draft();
  void keep(const TokenWindow& window);
  // Keeps it only if no other of the sub-sequence is equal.
  void keep_if_new(const TokenWindow& window);

  Buffer<TokenWindow> list;
  Buffer<Token> tokens;  // of one after the other, and of the draft

 private:
  Token* tokens_of(std::size_t window) { return tokens.begin() + window * tokens_per_window_; }

  std::size_t tokens_per_window_ = 0;
  Buffer<std::uint64_t> hashes_;  // of the windows of the sub-sequence
  std::size_t first_ = 0;         // of them
  Buffer<std::uint32_t> slots_;   // a power of two of them: the index of one in hashes_ and 1, or 0
};

}  // namespace groovefast
