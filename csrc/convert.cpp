#include "convert.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_set>
#include <utility>

#include "example.hpp"
#include "tfrecord.hpp"

namespace groovefast {
namespace {

constexpr std::size_t kBatchFiles = 16;
constexpr std::size_t kFlushBytes = std::size_t{1} << 22;
// Batches begun ahead of the one to be written next, beyond one for each worker.
constexpr std::size_t kLookAhead = 4;
constexpr std::size_t kUnpublishedShards = 8;

// A fingerprint of a window's grid. Of a billion different windows, the chance that two share
// theirs is below 1e-20.
struct Fingerprint {
  std::uint64_t first = 0x9e3779b97f4a7c15, second = 0xc2b2ae3d27d4eb4f;

  void add(std::uint64_t value) {
    first = mix(first ^ value, 0xff51afd7ed558ccd);
    second = mix(second + value, 0xc4ceb9fe1a85ec53);
  }
  bool operator==(const Fingerprint&) const = default;

 private:
  static std::uint64_t mix(std::uint64_t bits, std::uint64_t factor) {
    bits = std::rotl(bits, 29) * factor;
    return bits ^ (bits >> 32);
  }
};

struct HashFingerprint {
  std::size_t operator()(const Fingerprint& fingerprint) const { return fingerprint.first; }
};

Fingerprint fingerprint_of(const Grid& grid, const Window& window, std::int64_t steps) {
  Fingerprint fingerprint;
  fingerprint.add(static_cast<std::uint64_t>(steps));
  for (const Hit& hit : grid.hits.subspan(window.first_hit, window.last_hit)) {
    const auto step = static_cast<std::uint64_t>(hit.step - window.start_step);
    fingerprint.add(step << 16 | std::uint64_t{hit.drum} << 8 | hit.velocity);
    fingerprint.add(std::bit_cast<std::uint32_t>(hit.offset + 0.0f));  // -0 is 0
  }
  return fingerprint;
}

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
  FileConverter(const FileList& files, const Plan& plan, const ConversionOptions& options,
                const MemberReader& reader, std::function<void(Batch&)> flush)
      : files_(files), plan_(plan), options_(options), reader_(reader), flush_(std::move(flush)) {}

  // Returns false if the file failed.
  bool convert(const PlannedFile& planned, Batch& batch) {
    Problem problem{planned.file, Cause::kRejected};
    const std::uint64_t windows = batch.tally.windows;
    const bool whole = read(planned.file, problem) && parse(problem);
    if (whole || problem.cause == Cause::kSalvaged) {
      convert_songs(planned, batch, problem);
    }
    return count(batch.tally.windows - windows, std::move(problem), batch);
  }

 private:
  bool read(std::size_t file, Problem& problem) {
    if (files_.archive(file) == FileList::kNoArchive) {
      problem.position = static_cast<std::uint64_t>(read_file(files_.path(file), bytes_));
      if (problem.position == 0) return true;
    } else if (reader_.read(reader_.context, file, bytes_, problem.detail)) {
      return true;
    }
    problem.cause = Cause::kUnreadable;
    return false;
  }

  bool parse(Problem& problem) {
    score_ = &parser_.parse(std::span(bytes_.begin(), bytes_.size()), options_.parse);
    if (score_->damage) {
      const bool salvaged = options_.on_error == OnError::kSalvage && !score_->notes.empty();
      problem.cause = salvaged ? Cause::kSalvaged : Cause::kDamaged;
      problem.position = score_->damage->offset;
      problem.detail = score_->damage->what();
      return false;
    }
    if (!options_.unmapped_is_error) return true;
    const auto unmapped = std::find_if(
        score_->notes.begin(), score_->notes.end(), [this](const Note& note) {
          return options_.grid.pitch_class[note.pitch] == kUnmapped;
        });
    if (unmapped == score_->notes.end()) return true;
    problem.cause = Cause::kUnmapped;
    problem.position = unmapped->pitch;
    return false;
  }

  void convert_songs(const PlannedFile& planned, Batch& batch, Problem& problem) {
    const bool many = score_->songs.size() > 1;
    for (std::size_t index = 0; index < score_->songs.size(); ++index) {
      set_features(planned, many ? std::optional(index) : std::nullopt);
      const Rejected rejected = convert_song(score_->song(index), planned.group, batch);
      if (problem.rejected == Rejected::kNo) problem.rejected = rejected;
    }
  }

  // What each record of the song says of it.
  void set_features(const PlannedFile& planned, std::optional<std::size_t> track) {
    name_.clear();
    append_utf8(name_, files_.name(planned.file));
    features_.clear();
    append_bytes_feature(features_, "source", name_);
    if (track) append_int_feature(features_, "track", static_cast<std::int64_t>(*track));
    features_.append(plan_.features, planned.first_feature,
                     planned.last_feature - planned.first_feature);
  }

  Rejected convert_song(const Song& song, std::uint32_t group, Batch& batch) {
    const Grid& grid = quantizer_.quantize(song, options_.grid);
    Tally& tally = batch.tally;
    std::transform(grid.unmapped.begin(), grid.unmapped.end(), tally.unmapped.begin(),
                   tally.unmapped.begin(), std::plus<>());
    if (grid.rejected != Rejected::kNo) return grid.rejected;
    const Rejected rejected = list_windows(song, grid, options_.grid, options_.window_steps,
                                           options_.hop_steps, windows_);
    if (rejected != Rejected::kNo) return rejected;
    const std::int64_t steps =
        options_.window_steps > 0 ? options_.window_steps : grid.num_steps;
    writer_.begin_song(grid, windows_.back().start_step + steps, features_);
    const std::uint64_t windows = tally.windows;
    for (const Window& window : windows_) write(grid, window, steps, group, batch);
    if (tally.windows == windows) return Rejected::kNo;
    tally.notes += grid.mapped;
    for (const Hit& hit : grid.hits) tally.add_hit(hit);
    return Rejected::kNo;
  }

  void write(const Grid& grid, const Window& window, std::int64_t steps, std::uint32_t group,
             Batch& batch) {
    if (window.last_hit - window.first_hit < options_.min_hits) {
      ++batch.tally.sparse;
      return;
    }
    const std::size_t before = batch.frames.size();
    writer_.write(window, steps, batch.frames);
    const std::size_t tempo_bin = Tally::tempo_bin(window.qpm);
    ++batch.tally.windows;
    ++batch.tally.tempos[tempo_bin];
    ++batch.tally.groups[group];
    if (options_.dedupe) {
      batch.candidates.push_back({fingerprint_of(grid, window, steps),
                                  batch.frames.size() - before, tempo_bin, group});
    }
    if (batch.frames.size() > kFlushBytes) flush_(batch);
  }

  static bool count(std::uint64_t windows, Problem problem, Batch& batch) {
    Tally& tally = batch.tally;
    if (problem.cause == Cause::kSalvaged && windows == 0) problem.cause = Cause::kDamaged;
    if (is_failure(problem.cause)) {
      ++tally.failed;
    } else if (windows > 0) {
      ++tally.converted;
      if (problem.cause != Cause::kSalvaged) return true;
      ++tally.salvaged;
    } else {
      ++tally.skipped;
      problem.cause = problem.rejected == Rejected::kNo ? Cause::kFewHits : Cause::kRejected;
    }
    const bool good = !is_failure(problem.cause);
    batch.problems.push_back(std::move(problem));
    return good;
  }

  const FileList& files_;
  const Plan& plan_;
  const ConversionOptions& options_;
  const MemberReader& reader_;
  const std::function<void(Batch&)> flush_;  // called where a batch grows large

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
  void filter(std::uint32_t set, Batch& batch, Tally& counts) {
    std::uint8_t* to = batch.frames.begin();
    const std::uint8_t* from = to;
    for (const Candidate& candidate : batch.candidates) {
      if (seen_[set].insert(candidate.fingerprint).second) {
        std::memmove(to, from, candidate.frame_bytes);
        to += candidate.frame_bytes;
      } else {
        --counts.windows;
        --counts.tempos[candidate.tempo_bin];
        --counts.groups[candidate.group];
        ++counts.duplicates;
      }
      from += candidate.frame_bytes;
    }
    batch.frames.resize(static_cast<std::size_t>(to - batch.frames.begin()));
    batch.candidates.clear();
  }

 private:
  std::map<std::uint32_t, std::unordered_set<Fingerprint, HashFingerprint>> seen_;
};

}  // namespace

class Conversion::Run {
 public:
  Run(const FileList& files, const Plan& plan, const ConversionOptions& options,
      MemberReader reader)
      : files_(files),
        plan_(plan),
        options_(options),
        reader_(reader),
        results_(plan.shards.size()) {
    for (ShardResult& result : results_) result.tally = Tally(plan.num_groups);
    lay_out_batches();
  }

  void start() {
    publisher_ = std::thread([this] { run_safely([this] { publish_shards(); }); });
    for (unsigned worker = 0; worker < options_.workers; ++worker) {
      workers_.emplace_back([this] { run_safely([this] { convert_batches(); }); });
    }
  }

  ~Run() {
    {
      const std::lock_guard lock(mutex_);
      stop();
    }
    for (std::thread& worker : workers_) worker.join();
    if (publisher_.joinable()) publisher_.join();
  }

  std::optional<std::size_t> wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] {
      return !published_.empty() || stopped_ || shards_to_publish_ == 0;
    });
    if (error_) std::rethrow_exception(error_);
    if (published_.empty()) return std::nullopt;
    const std::size_t shard = published_.front();
    published_.pop_front();
    return shard;
  }

  std::optional<Problem> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  bool done() const {
    const std::lock_guard lock(mutex_);
    return shards_to_publish_ == 0 && published_.empty();
  }

  ShardResult take_result(std::size_t shard) { return std::move(results_[shard]); }

  std::atomic<std::uint64_t> files_done = 0, windows_done = 0;

 private:
  // A finished shard on its way to the disk.
  struct Unpublished {
    std::size_t shard;
    std::unique_ptr<ShardWriter> writer;
  };

  void lay_out_batches() {
    for (std::size_t index = 0; index < plan_.shards.size(); ++index) {
      const PlannedShard& shard = plan_.shards[index];
      if (!shard.complete) ++shards_to_publish_;
      if (shard.complete && !options_.dedupe) continue;
      std::size_t first = shard.first;
      do {  // a shard without files is one empty batch
        const std::size_t last = std::min(first + kBatchFiles, shard.last);
        batches_.push_back({batches_.size(), index, first, last});
        first = last;
      } while (first < shard.last);
    }
  }

  template <class Function>
  void run_safely(Function function) {
    try {
      function();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!stopped_) error_ = std::current_exception();
      stop();
    }
  }

  void stop() {
    stopped_ = true;
    turn_.notify_all();
    changed_.notify_all();
  }

  void convert_batches() {
    FileConverter converter(files_, plan_, options_, reader_, [this](Batch& b) { flush(b); });
    while (std::unique_ptr<Batch> batch = claim()) {
      for (std::size_t index = batch->place.first; index < batch->place.last; ++index) {
        const bool good = converter.convert(plan_.files[index], *batch);
        files_done.fetch_add(1, std::memory_order_relaxed);
        if (!good && options_.on_error == OnError::kFail) break;
      }
      commit(std::move(batch));
    }
  }

  // The next batch to convert, or null when none is left.
  std::unique_ptr<Batch> claim() {
    std::unique_lock lock(mutex_);
    turn_.wait(lock, [this] {
      return stopped_ || next_claimed_ == batches_.size() ||
             next_claimed_ < next_written_ + options_.workers + kLookAhead;
    });
    if (stopped_ || next_claimed_ == batches_.size()) return nullptr;
    std::unique_ptr<Batch> batch = take_spare();
    batch->place = batches_[next_claimed_++];
    return batch;
  }

  // A used batch, for the memory it has, or a new one.
  std::unique_ptr<Batch> take_spare() {
    auto batch = spare_.empty() ? std::make_unique<Batch>() : std::move(spare_.back());
    if (!spare_.empty()) spare_.pop_back();
    batch->tally = Tally(plan_.num_groups);
    batch->problems.clear();
    batch->has_turn = false;
    return batch;
  }

  // Writes the batch if it is its turn, and those that waited for it; else leaves it to the thread
  // that will have written the one before.
  void commit(std::unique_ptr<Batch> batch) {
    std::unique_lock lock(mutex_);
    const bool has_turn = batch->has_turn;
    parked_[batch->place.number] = std::move(batch);
    if (writing_ && !has_turn) return;
    writing_ = true;
    for (auto next = parked_.begin();
         !stopped_ && next != parked_.end() && next->first == next_written_;
         next = parked_.begin()) {
      std::unique_ptr<Batch> ready = std::move(next->second);
      parked_.erase(next);
      lock.unlock();
      finish(*ready);
      lock.lock();
      ++next_written_;
      spare_.push_back(std::move(ready));
      turn_.notify_all();
    }
    writing_ = false;
    turn_.notify_all();
  }

  // Writes what a large batch has so far, once all before it is written.
  void flush(Batch& batch) {
    if (!batch.has_turn) {
      std::unique_lock lock(mutex_);
      turn_.wait(lock, [&] {
        return stopped_ || (!writing_ && next_written_ == batch.place.number);
      });
      if (!stopped_) writing_ = batch.has_turn = true;
    }
    if (batch.has_turn) write(batch);
    batch.frames.clear();
    batch.candidates.clear();
  }

  // From here on to hand_over(): in the order of the plan, by one thread at a time.

  void finish(Batch& batch) {
    if (options_.on_error == OnError::kFail && stop_at_failure(batch)) return;
    write(batch);
    ShardResult& result = results_[batch.place.shard];
    result.tally += batch.tally;
    std::move(batch.problems.begin(), batch.problems.end(), std::back_inserter(result.problems));
    windows_done.fetch_add(batch.tally.windows, std::memory_order_relaxed);
    const PlannedShard& shard = plan_.shards[batch.place.shard];
    if (batch.place.last == shard.last && !shard.complete) hand_over(batch.place.shard);
  }

  bool stop_at_failure(const Batch& batch) {
    const auto failed =
        std::find_if(batch.problems.begin(), batch.problems.end(),
                     [](const Problem& problem) { return is_failure(problem.cause); });
    if (failed == batch.problems.end()) return false;
    const std::lock_guard lock(mutex_);
    failure_ = *failed;
    stop();
    return true;
  }

  void write(Batch& batch) {
    const PlannedShard& shard = plan_.shards[batch.place.shard];
    if (options_.dedupe) {
      deduplicator_.filter(shard.set, batch, results_[batch.place.shard].tally);
    }
    if (!shard.complete) {
      if (!writer_) writer_ = std::make_unique<ShardWriter>(shard.path);
      writer_->write(std::span(batch.frames.begin(), batch.frames.size()));
    }
    batch.frames.clear();
  }

  void hand_over(std::size_t shard) {
    results_[shard].bytes = writer_->size();
    std::unique_lock lock(mutex_);
    turn_.wait(lock, [this] { return stopped_ || unpublished_.size() < kUnpublishedShards; });
    unpublished_.push_back({shard, std::move(writer_)});
    turn_.notify_all();
  }

  // Waiting for the disk is left to a thread of its own.
  void publish_shards() {
    std::unique_lock lock(mutex_);
    while (shards_to_publish_ > 0) {
      turn_.wait(lock, [this] { return stopped_ || !unpublished_.empty(); });
      if (stopped_) return;
      const Unpublished next = std::move(unpublished_.front());
      unpublished_.pop_front();
      turn_.notify_all();
      lock.unlock();
      next.writer->publish();
      lock.lock();
      published_.push_back(next.shard);
      --shards_to_publish_;
      changed_.notify_all();
    }
  }

  const FileList& files_;
  const Plan& plan_;
  const ConversionOptions options_;
  const MemberReader reader_;
  std::vector<BatchPlace> batches_;

  // Touched only by the thread whose turn it is to write.
  Deduplicator deduplicator_;
  std::unique_ptr<ShardWriter> writer_;
  std::vector<ShardResult> results_;

  mutable std::mutex mutex_;  // for all below
  std::condition_variable turn_, changed_;
  std::size_t next_claimed_ = 0, next_written_ = 0;
  bool writing_ = false;
  std::map<std::size_t, std::unique_ptr<Batch>> parked_;
  std::vector<std::unique_ptr<Batch>> spare_;
  std::deque<Unpublished> unpublished_;
  std::deque<std::size_t> published_;
  std::size_t shards_to_publish_ = 0;
  bool stopped_ = false;
  std::exception_ptr error_;
  std::optional<Problem> failure_;

  std::thread publisher_;
  std::vector<std::thread> workers_;
};

Conversion::Conversion(const FileList& files, const Plan& plan, const ConversionOptions& options,
                       MemberReader reader)
    : run_(std::make_unique<Run>(files, plan, options, reader)) {
  run_->start();
}

Conversion::~Conversion() = default;

std::optional<std::size_t> Conversion::wait(std::chrono::milliseconds patience) {
  return run_->wait(patience);
}

std::optional<Problem> Conversion::failure() const { return run_->failure(); }

bool Conversion::done() const { return run_->done(); }

ShardResult Conversion::take_result(std::size_t shard) { return run_->take_result(shard); }

std::uint64_t Conversion::files_done() const { return run_->files_done; }

std::uint64_t Conversion::windows_done() const { return run_->windows_done; }

}  // namespace groovefast
