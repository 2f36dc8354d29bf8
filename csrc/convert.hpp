// Files -> worker threads -> shards -> what became of each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "files.hpp"
#include "plan.hpp"
#include "report.hpp"

namespace groovefast {

struct ShardResult {
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;  // CRC-32C of them
  Tally tally;
  std::vector<FileProblem> problems;  // in the order of the files
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
  std::optional<FileProblem> failure() const;

  // Of a shard that wait() returned; given away.
  ShardResult take_result(std::size_t shard);

  std::uint64_t files_done() const;

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace groovefast
