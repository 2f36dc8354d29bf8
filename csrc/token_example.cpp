#include "token_example.hpp"

#include <bit>

#include "example.hpp"

namespace groovefast {
namespace {

static_assert(std::endian::native == std::endian::little, "records are written as they are");

std::string_view name_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::kDrums:
      return "drums";
    case TokenKind::kMelody:
      return "melody";
    case TokenKind::kTrio:
      return "trio";
  }
  return "";
}

}  // namespace

void TokenExampleWriter::append(const TokenTracks& tracks, TokenKind kind,
                                std::string_view features, Buffer<std::uint8_t>& frames) {
  const std::size_t parts = tokens_per_step(kind);
  features_.clear();
  append_bytes_feature(features_, "representation", name_of(kind));
  append_bytes_feature(
      features_, "tokens",
      {reinterpret_cast<const char*>(tracks.tokens.begin()), tracks.tokens.size() * sizeof(Token)});
  append_list(tracks, "track_steps", [parts](const TokenTrack& track) {
    return static_cast<std::int64_t>((track.last - track.first) / parts);
  });
  append_list(tracks, "track_start_steps",
              [](const TokenTrack& track) { return track.start_step; });
  append_list(tracks, "track_sub_sequences",
              [](const TokenTrack& track) { return std::int64_t{track.sub_sequence}; });
  append_list(tracks, "track_programs",
              [](const TokenTrack& track) { return std::int64_t{track.program}; });
  features_ += features;
  append_example(features_, frames);
}

template <class Value>
void TokenExampleWriter::append_list(const TokenTracks& tracks, std::string_view name,
                                     Value value) {
  values_.clear();
  for (const TokenTrack& track : tracks.list) values_.push_back(value(track));
  append_int_list_feature(features_, name, values_);
}

}  // namespace groovefast
