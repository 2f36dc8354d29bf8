// The tracks of a file -> serialized tf.train.Example.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "buffer.hpp"
#include "score_tokens.hpp"
#include "token_tracks.hpp"

namespace groovefast {

// Writes files as framed records, one after the other: what they are tokens of, the tokens of all
// tracks, little endian, and of each track how many steps it has, where in its sub-sequence it
// begins, the number of that, and its program.
class TokenExampleWriter {
 public:
  // `features` are those that each record of the file has.
  void append(const TokenTracks& tracks, TokenKind kind, std::string_view features,
              Buffer<std::uint8_t>& frames);

 private:
  template <class Value>
  void append_list(const TokenTracks& tracks, std::string_view name, Value value);

  std::string features_;
  std::vector<std::int64_t> values_;
};

}  // namespace groovefast
