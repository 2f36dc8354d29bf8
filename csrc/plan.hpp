// What a conversion is to make: options, and which files go into which shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "buffer.hpp"
#include "quantizer.hpp"
#include "score_tokens.hpp"
#include "smf.hpp"

namespace groovefast {

enum class OnError : std::uint8_t { kSkip, kFail, kSalvage };

struct ConversionOptions {
  ParseOptions parse;
  GridOptions grid;
  std::optional<TokenOptions> tokens;  // records of them, in place of performances
  OnError on_error = OnError::kSkip;
  bool unmapped_is_error = false;
  bool dedupe = false;  // leave out performances equal to an earlier one of the same set
  unsigned workers = 1;
};

// A file to convert.
struct PlannedFile {
  std::uint32_t file;                         // index in the list
  std::uint32_t group;                        // its bars are counted in Tally::groups[group]
  std::uint64_t first_feature, last_feature;  // bytes of Plan::features that go into each record
};

struct PlannedShard {
  std::string path;
  std::size_t first, last;  // in Plan::files
  std::uint32_t set;
  bool complete;  // there already: not to be written
};

struct Plan {
  std::vector<PlannedFile> files;
  std::vector<PlannedShard> shards;
  std::string features;
  std::uint32_t num_groups = 0;
};

// Reads a file that lies in an archive. Returns false, and why, where it cannot.
struct MemberReader {
  bool (*read)(void* context, std::size_t file, Buffer<std::uint8_t>& bytes, std::string& error);
  void* context;
};

}  // namespace groovefast
