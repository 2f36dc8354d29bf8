// Some files of a shard -> framed records, and what became of the files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "buffer.hpp"
#include "example.hpp"
#include "files.hpp"
#include "groove.hpp"
#include "plan.hpp"
#include "report.hpp"
#include "smf.hpp"

namespace groovefast {

// Of a window's grid. Of a billion different windows, the chance that two share theirs is below
// 1e-20.
struct Fingerprint {
  std::uint64_t first = 0x9e3779b97f4a7c15, second = 0xc2b2ae3d27d4eb4f;

  void add(std::uint64_t value);
  bool operator==(const Fingerprint&) const = default;
};

// What dedupe has to know of a record not yet written.
struct Candidate {
  Fingerprint fingerprint;
  std::size_t frame_bytes;
  std::size_t tempo_bin;
  std::uint32_t group;
};

// Neighbouring files of one shard.
struct BatchPlace {
  std::size_t number;
  std::size_t shard;
  std::size_t first, last;  // in the plan's files
};

// What was made of them.
struct Batch {
  BatchPlace place{};
  bool has_turn = false;  // written in part, so that no other is written before its end
  Buffer<std::uint8_t> frames;
  std::vector<Candidate> candidates;  // under dedupe, one for each record in frames
  Tally tally;
  std::vector<Problem> problems;
};

// Converts one file after another, in memory of its own.
class FileConverter {
 public:
  // Keeps references to all but `flush`, which is called where a batch grows large.
  FileConverter(const FileList& files, const Plan& plan, const ConversionOptions& options,
                const MemberReader& reader, std::function<void(Batch&)> flush)
      : files_(files), plan_(plan), options_(options), reader_(reader), flush_(std::move(flush)) {}

  // Adds a file's records. Returns false if the file failed.
  bool convert(const PlannedFile& planned, Batch& batch);

 private:
  bool read(std::size_t file, Problem& problem);
  bool parse(Problem& problem);
  void convert_songs(const PlannedFile& planned, Batch& batch, Problem& problem);
  void set_features(const PlannedFile& planned, std::optional<std::size_t> track);
  Rejected convert_song(const Song& song, std::uint32_t group, Batch& batch);
  void write(const Grid& grid, const Window& window, std::int64_t steps, std::uint32_t group,
             Batch& batch);

  const FileList& files_;
  const Plan& plan_;
  const ConversionOptions& options_;
  const MemberReader& reader_;
  const std::function<void(Batch&)> flush_;

  Buffer<std::uint8_t> bytes_;
  Parser parser_;
  const Score* score_ = nullptr;
  Quantizer quantizer_;
  Buffer<Window> windows_;
  std::string name_, features_;
  ExampleWriter writer_;
};

// Leaves out windows whose grid was seen before in the same set.
class Deduplicator {
 public:
  // Takes the repeated records out of the batch, and out of the counts of its shard, to which those
  // of the batch will be added.
  void filter(std::uint32_t set, Batch& batch, Tally& counts);

 private:
  struct Hash {
    std::size_t operator()(const Fingerprint& fingerprint) const { return fingerprint.first; }
  };
  std::map<std::uint32_t, std::unordered_set<Fingerprint, Hash>> seen_;
};

}  // namespace groovefast
