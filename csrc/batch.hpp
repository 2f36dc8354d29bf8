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
#include "plan.hpp"
#include "quantizer.hpp"
#include "report.hpp"
#include "smf.hpp"
#include "token_example.hpp"

namespace groovefast {

// Of a performance's grid. Of a billion different ones, the chance that two share theirs is below
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
  RecordCounts counts;
  std::size_t first_hit, last_hit;  // of Batch::hits
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
  Buffer<Hit> hits;                   // and their hits, which count if the records are kept
  Tally tally;
  std::vector<FileProblem> problems;
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
  FileProblem convert_file(const PlannedFile& planned, Batch& batch);
  std::optional<FileProblem> read(std::uint32_t file);
  std::optional<FileProblem> unmapped_pitch(std::uint32_t file) const;
  Rejected convert_songs(const PlannedFile& planned, Batch& batch);
  void set_features(const PlannedFile& planned, std::optional<std::size_t> track);
  Outcome convert_tokens(const PlannedFile& planned, Batch& batch);
  Rejected convert_song(const Song& song, std::uint32_t group, Batch& batch);
  void write(const Performance& performance, std::uint32_t group, Batch& batch);

  const FileList& files_;
  const Plan& plan_;
  const ConversionOptions& options_;
  const MemberReader& reader_;
  const std::function<void(Batch&)> flush_;

  Buffer<std::uint8_t> bytes_;
  Parser parser_;
  const Score* score_ = nullptr;
  Quantizer quantizer_;
  Buffer<StepTempo> tempos_;
  std::string name_, features_;
  ExampleWriter writer_;
  ScoreTokens tokens_;
  TokenExampleWriter token_writer_;
};

// Leaves out performances whose grid was seen before in the same set.
class Deduplicator {
 public:
  // Takes the repeated records out of the batch, and counts the others.
  void filter(std::uint32_t set, Batch& batch, Tally& counts);

 private:
  struct Hash {
    std::size_t operator()(const Fingerprint& fingerprint) const { return fingerprint.first; }
  };
  std::map<std::uint32_t, std::unordered_set<Fingerprint, Hash>> seen_;
};

}  // namespace groovefast
