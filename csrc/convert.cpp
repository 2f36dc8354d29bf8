#include "convert.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "batch.hpp"
#include "tfrecord.hpp"

namespace groovefast {
namespace {

constexpr std::size_t kBatchFiles = 8;
// Batches begun ahead of the one to be written next, beyond one for each worker.
constexpr std::size_t kLookAhead = 2;
constexpr std::size_t kUnpublishedShards = 8;

}  // namespace

class Conversion::Run {
 public:
  Run(const FileList& files, const Plan& plan, const ConversionOptions& options,
      MemberReader reader)
      : files_(files), plan_(plan), options_(options), reader_(reader) {
    lay_out_batches();
  }

  void start() {
    publisher_ = std::thread([this] {
      run_safely([this] { publish_shards(); });
      const std::lock_guard lock(mutex_);
      publishing_ = false;
      changed_.notify_all();
    });
    for (unsigned worker = 0; worker < options_.workers; ++worker) {
      workers_.emplace_back([this] { run_safely([this] { convert_batches(); }); });
    }
  }

  ~Run() {
    {
      const std::lock_guard lock(mutex_);
      unpublished_.clear();
      stop();
    }
    for (std::thread& worker : workers_) worker.join();
    if (publisher_.joinable()) publisher_.join();
  }

  std::optional<std::size_t> wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return !published_.empty() || !publishing_; });
    if (published_.empty()) {
      if (error_ && !publishing_) std::rethrow_exception(error_);
      return std::nullopt;
    }
    const std::size_t shard = published_.front();
    published_.pop_front();
    return shard;
  }

  std::optional<FileProblem> failure() const {
    const std::lock_guard lock(mutex_);
    return publishing_ ? std::nullopt : failure_;
  }

  bool done() const {
    const std::lock_guard lock(mutex_);
    return shards_to_publish_ == 0 && published_.empty();
  }

  ShardResult take_result(std::size_t shard) {
    const std::lock_guard lock(mutex_);
    return std::move(results_.extract(shard).mapped());
  }

  std::atomic<std::uint64_t> files_done = 0;

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
    handed_over_.notify_all();
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
      turn_.wait(lock,
                 [&] { return stopped_ || (!writing_ && next_written_ == batch.place.number); });
      if (!stopped_) writing_ = batch.has_turn = true;
    }
    if (batch.has_turn) write(batch);
    batch.frames.clear();
    batch.candidates.clear();
    batch.hits.clear();
  }

  // From here on to hand_over(): in the order of the plan, by one thread at a time.

  void finish(Batch& batch) {
    if (options_.on_error == OnError::kFail && stop_at_failure(batch)) return;
    write(batch);
    result_.tally += batch.tally;
    std::move(batch.problems.begin(), batch.problems.end(), std::back_inserter(result_.problems));
    const PlannedShard& shard = plan_.shards[batch.place.shard];
    if (batch.place.last < shard.last) return;
    if (!shard.complete) hand_over(batch.place.shard);
    result_ = new_result();
  }

  bool stop_at_failure(const Batch& batch) {
    const auto failed =
        std::find_if(batch.problems.begin(), batch.problems.end(),
                     [](const FileProblem& problem) { return is_failure(problem.outcome); });
    if (failed == batch.problems.end()) return false;
    const std::lock_guard lock(mutex_);
    failure_ = *failed;
    stop();
    return true;
  }

  void write(Batch& batch) {
    const PlannedShard& shard = plan_.shards[batch.place.shard];
    if (options_.dedupe) {
      deduplicator_.filter(shard.set, batch, result_.tally);
    }
    if (!shard.complete) {
      if (!writer_) writer_ = std::make_unique<ShardWriter>(shard.path);
      writer_->write(std::span(batch.frames.begin(), batch.frames.size()));
    }
    batch.frames.clear();
  }

  void hand_over(std::size_t shard) {
    result_.bytes = writer_->size();
    result_.crc = writer_->crc();
    std::unique_lock lock(mutex_);
    results_[shard] = std::move(result_);
    turn_.wait(lock, [this] { return stopped_ || unpublished_.size() < kUnpublishedShards; });
    unpublished_.push_back({shard, std::move(writer_)});
    handed_over_.notify_all();
  }

  ShardResult new_result() const { return {0, 0, Tally(plan_.num_groups), {}}; }

  // Waiting for the disk is left to a thread of its own. What is complete when the run is stopped
  // by an error still gets there.
  void publish_shards() {
    std::unique_lock lock(mutex_);
    while (shards_to_publish_ > 0) {
      handed_over_.wait(lock, [this] { return stopped_ || !unpublished_.empty(); });
      if (unpublished_.empty()) return;
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
  ShardResult result_ = new_result();  // of the shard being written

  mutable std::mutex mutex_;  // for all below
  // For the workers, for the one who publishes, and for the caller: waking up takes long.
  std::condition_variable turn_, handed_over_, changed_;
  std::size_t next_claimed_ = 0, next_written_ = 0;
  bool writing_ = false;
  std::map<std::size_t, std::unique_ptr<Batch>> parked_;
  std::vector<std::unique_ptr<Batch>> spare_;
  std::map<std::size_t, ShardResult> results_;  // of shards written, by index
  std::deque<Unpublished> unpublished_;
  std::deque<std::size_t> published_;
  std::size_t shards_to_publish_ = 0;
  bool stopped_ = false;
  bool publishing_ = true;
  std::exception_ptr error_;
  std::optional<FileProblem> failure_;

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

std::optional<FileProblem> Conversion::failure() const { return run_->failure(); }

bool Conversion::done() const { return run_->done(); }

ShardResult Conversion::take_result(std::size_t shard) { return run_->take_result(shard); }

std::uint64_t Conversion::files_done() const { return run_->files_done; }

}  // namespace groovefast
