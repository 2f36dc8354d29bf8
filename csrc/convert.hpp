// Files -> worker threads -> shards -> what became of each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "buffer.hpp"
#include "files.hpp"
#include "groove.hpp"
#include "report.hpp"
#include "smf.hpp"

namespace groovefast {

enum class OnError : std::uint8_t { kSkip, kFail, kSalvage };

struct ConversionOptions {
  ParseOptions parse;
  GridOptions grid;
  int window_steps = 64;  // 0 makes one window of a whole song
  int hop_steps = 16;
  OnError on_error = OnError::kSkip;
  bool unmapped_is_error = false;
  bool dedupe = false;  // leave out windows whose grid an earlier one of the same set has
  std::uint64_t min_hits = 0;  // leave out windows with fewer
  unsigned workers = 1;
};

// A file to convert.
struct PlannedFile {
  std::uint32_t file;                          // index in the list
  std::uint32_t group;                         // its windows are counted in Tally::groups[group]
  std::uint64_t first_feature, last_feature;   // bytes of Plan::features that go into each record
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

struct ShardResult {
  std::uint64_t bytes = 0;
  Tally tally;
  std::vector<Problem> problems;  // in the order of the files
};

// Reads a file that lies in an archive. Returns false, and why, where it cannot.
struct MemberReader {
  bool (*read)(void* context, std::size_t file, Buffer<std::uint8_t>& bytes, std::string& error);
  void* context;
};

// A run of a plan in threads of its own. What is written does not depend on their number: batches
// of files are converted in any order, and written in that of the plan.
class Conversion {
 public:
  // `files` and `plan` must outlive it.
  Conversion(const FileList& files, const Plan& plan, const ConversionOptions& options,
             MemberReader reader);
  // Stops the run if it is not over, and leaves nothing unfinished on the disk.
  ~Conversion();

  // Waits for the next shard to be on the disk; returns its index in the plan, or nothing where
  // patience or the run is at its end. Throws FileError where the run could not write.
  std::optional<std::size_t> wait(std::chrono::milliseconds patience);
  // Whether every shard was returned.
  bool done() const;
  // The file that ended the run, under OnError::kFail.
  std::optional<Problem> failure() const;

  // Of a shard that wait() returned; given away.
  ShardResult take_result(std::size_t shard);

  std::uint64_t files_done() const;
  std::uint64_t windows_done() const;

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace groovefast
