#include "batch.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

namespace groovefast {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 20;

std::uint64_t mix(std::uint64_t bits, std::uint64_t factor) {
  bits = std::rotl(bits, 29) * factor;
  return bits ^ (bits >> 32);
}

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

// Enters a file into the counts. Returns false if it failed.
bool count(std::uint64_t windows, Problem problem, Batch& batch) {
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

}  // namespace

void Fingerprint::add(std::uint64_t value) {
  first = mix(first ^ value, 0xff51afd7ed558ccd);
  second = mix(second + value, 0xc4ceb9fe1a85ec53);
}

bool FileConverter::convert(const PlannedFile& planned, Batch& batch) {
  Problem problem{planned.file, Cause::kRejected};
  const std::uint64_t windows = batch.tally.windows;
  const bool whole = read(planned.file, problem) && parse(problem);
  if (whole || problem.cause == Cause::kSalvaged) {
    convert_songs(planned, batch, problem);
  }
  return count(batch.tally.windows - windows, std::move(problem), batch);
}

bool FileConverter::read(std::size_t file, Problem& problem) {
  if (files_.archive(file) == FileList::kNoArchive) {
    problem.position = static_cast<std::uint64_t>(read_file(files_.path(file), bytes_));
    if (problem.position == 0) return true;
  } else if (reader_.read(reader_.context, file, bytes_, problem.detail)) {
    return true;
  }
  problem.cause = Cause::kUnreadable;
  return false;
}

bool FileConverter::parse(Problem& problem) {
  score_ = &parser_.parse(std::span(bytes_.begin(), bytes_.size()), options_.parse);
  if (score_->damage) {
    const bool salvaged = options_.on_error == OnError::kSalvage && !score_->notes.empty();
    problem.cause = salvaged ? Cause::kSalvaged : Cause::kDamaged;
    problem.position = score_->damage->offset;
    problem.detail = score_->damage->what();
    return false;
  }
  if (!options_.unmapped_is_error) return true;
  const auto unmapped = find_unmapped(score_->notes, options_.grid.pitch_class);
  if (!unmapped) return true;
  problem.cause = Cause::kUnmapped;
  problem.position = unmapped->pitch;
  return false;
}

void FileConverter::convert_songs(const PlannedFile& planned, Batch& batch, Problem& problem) {
  const bool many = score_->songs.size() > 1;
  if (score_->songs.empty()) problem.rejected = Rejected::kNoDrums;
  for (std::size_t index = 0; index < score_->songs.size(); ++index) {
    set_features(planned, many ? std::optional(index) : std::nullopt);
    const Rejected rejected = convert_song(score_->song(index), planned.group, batch);
    if (problem.rejected == Rejected::kNo) problem.rejected = rejected;
  }
}

// What each record of the song says of it.
void FileConverter::set_features(const PlannedFile& planned, std::optional<std::size_t> track) {
  name_.clear();
  append_utf8(name_, files_.name(planned.file));
  features_.clear();
  append_bytes_feature(features_, "source", name_);
  if (track) append_int_feature(features_, "track", static_cast<std::int64_t>(*track));
  features_.append(plan_.features, planned.first_feature,
                   planned.last_feature - planned.first_feature);
}

Rejected FileConverter::convert_song(const Song& song, std::uint32_t group, Batch& batch) {
  const Grid& grid = quantizer_.quantize(song, options_.grid);
  Tally& tally = batch.tally;
  std::transform(grid.unmapped.begin(), grid.unmapped.end(), tally.unmapped.begin(),
                 tally.unmapped.begin(), std::plus<>());
  if (grid.rejected != Rejected::kNo) return grid.rejected;
  const Rejected rejected =
      list_windows(song, grid, options_.grid.steps_per_quarter, options_.windows, windows_);
  if (rejected != Rejected::kNo) return rejected;
  const std::int64_t steps = options_.windows.steps > 0 ? options_.windows.steps : grid.num_steps;
  writer_.begin_song(grid, windows_.back().start_step + steps, features_);
  const std::uint64_t windows = tally.windows;
  for (const Window& window : windows_) write(grid, window, steps, group, batch);
  if (tally.windows == windows) return Rejected::kNo;
  tally.notes += grid.mapped;
  for (const Hit& hit : grid.hits) tally.add_hit(hit);
  return Rejected::kNo;
}

void FileConverter::write(const Grid& grid, const Window& window, std::int64_t steps,
                          std::uint32_t group, Batch& batch) {
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
    batch.candidates.push_back(
        {fingerprint_of(grid, window, steps), batch.frames.size() - before, tempo_bin, group});
  }
  if (batch.frames.size() > kFlushBytes) flush_(batch);
}

void Deduplicator::filter(std::uint32_t set, Batch& batch, Tally& counts) {
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

}  // namespace groovefast
