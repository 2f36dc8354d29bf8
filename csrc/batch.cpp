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

Fingerprint fingerprint_of(const Performance& performance) {
  Fingerprint fingerprint;
  fingerprint.add(static_cast<std::uint64_t>(performance.steps));
  fingerprint.add(static_cast<std::uint64_t>(performance.steps_per_bar));
  for (const Hit& hit : performance.hits) {
    const auto step = static_cast<std::uint64_t>(hit.step - performance.start_step);
    fingerprint.add(step << 16 | std::uint64_t{hit.drum} << 8 | hit.velocity);
    fingerprint.add(std::bit_cast<std::uint32_t>(hit.offset + 0.0f));  // -0 is 0
  }
  return fingerprint;
}

Outcome outcome_of(NoTokens none, TokenKind kind) {
  switch (none) {
    case NoTokens::kNo:
      break;
    case NoTokens::kNoNotes:
      if (kind == TokenKind::kMelody) return Outcome::kNoMelody;
      return kind == TokenKind::kTrio ? Outcome::kNoTrio : Outcome::kNoDrums;
    case NoTokens::kMeter:
      return Outcome::kNoGrid;
    case NoTokens::kTooShort:
      return Outcome::kTooShort;
    case NoTokens::kTooMany:
      return Outcome::kTooLong;
  }
  return Outcome::kConverted;
}

}  // namespace

void Fingerprint::add(std::uint64_t value) {
  first = mix(first ^ value, 0xff51afd7ed558ccd);
  second = mix(second + value, 0xc4ceb9fe1a85ec53);
}

bool FileConverter::convert(const PlannedFile& planned, Batch& batch) {
  FileProblem problem = convert_file(planned, batch);
  const Outcome outcome = problem.outcome;
  batch.tally.add_file(outcome);
  if (outcome != Outcome::kConverted) batch.problems.push_back(std::move(problem));
  return !is_failure(outcome);
}

FileProblem FileConverter::convert_file(const PlannedFile& planned, Batch& batch) {
  const std::uint32_t file = planned.file;
  if (auto unreadable = read(file)) return *std::move(unreadable);
  score_ = &parser_.parse(std::span(bytes_.begin(), bytes_.size()), options_.parse);
  FileProblem problem{file, Outcome::kConverted};
  if (score_->damage) {
    problem = {file, Outcome::kDamaged, score_->damage->what(), score_->damage->offset};
    if (options_.on_error != OnError::kSalvage) return problem;
  }
  if (auto unmapped = unmapped_pitch(file)) return *unmapped;
  const Outcome outcome =
      options_.tokens ? convert_tokens(planned, batch) : outcome_of(convert_songs(planned, batch));
  if (outcome == Outcome::kConverted) {
    if (score_->damage) problem.outcome = Outcome::kSalvaged;
  } else if (!score_->damage) {
    problem.outcome = outcome;
  }
  return problem;
}

// Returns what is wrong, if it is.
std::optional<FileProblem> FileConverter::read(std::uint32_t file) {
  FileProblem problem{file, Outcome::kUnreadable};
  if (files_.archive(file) == FileList::kNoArchive) {
    problem.error = read_file(files_.path(file), bytes_);
    if (problem.error == 0) return std::nullopt;
  } else if (reader_.read(reader_.context, file, bytes_, problem.reason)) {
    return std::nullopt;
  }
  return problem;
}

// Returns the first pitch of no class, where that is an error.
std::optional<FileProblem> FileConverter::unmapped_pitch(std::uint32_t file) const {
  if (!options_.unmapped_is_error) return std::nullopt;
  const auto unmapped = find_unmapped(score_->notes, options_.grid.pitch_class);
  if (!unmapped) return std::nullopt;
  return FileProblem{.file = file, .outcome = Outcome::kUnmapped, .pitch = unmapped->pitch};
}

// Returns kNo if any of its songs gave a record, else why the first did not.
Rejected FileConverter::convert_songs(const PlannedFile& planned, Batch& batch) {
  const std::size_t songs = score_->songs.size();
  bool any = false;
  Rejected first = Rejected::kNo;
  for (std::size_t index = 0; index < songs; ++index) {
    set_features(planned, songs > 1 ? std::optional(index) : std::nullopt);
    const Rejected rejected = convert_song(score_->song(index), planned.group, batch);
    if (rejected == Rejected::kNo) any = true;
    if (first == Rejected::kNo) first = rejected;
  }
  if (any) return Rejected::kNo;
  return songs == 0 ? Rejected::kNoDrums : first;
}

// A file is one record of all its tracks.
Outcome FileConverter::convert_tokens(const PlannedFile& planned, Batch& batch) {
  const TokenOptions& options = *options_.tokens;
  const Played played{score_->notes, score_->tempos, score_->time_signatures};
  const NoTokens none = tokens_.find_tracks(played, options);
  if (none != NoTokens::kNo) return outcome_of(none, options.kind);
  set_features(planned, std::nullopt);
  token_writer_.append(tokens_.tracks, options.kind, features_, batch.frames);
  ++batch.tally.records;
  for (const TokenTrack& track : tokens_.tracks.list) {
    const std::size_t steps = (track.last - track.first) / tokens_per_step(options.kind);
    const double qpm = tokens_.sub_sequences.list[track.sub_sequence].qpm;
    batch.tally.add_part({{kStepsPerBar, static_cast<std::int64_t>(steps) / kStepsPerBar},
                          Tally::tempo_bin(qpm),
                          planned.group});
  }
  if (batch.frames.size() > kFlushBytes) flush_(batch);
  return Outcome::kConverted;
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
  tally.merged += grid.mapped - grid.hits.size();
  tally.outside += grid.hits.size();
  std::size_t last = 0;
  for (const Stretch& stretch : grid.stretches) {
    const std::size_t first = first_hit_from(grid, stretch.first_step, last);
    last = first_hit_from(grid, stretch.first_step + stretch.num_steps, first);
    list_tempos(song, stretch, options_.grid.steps_per_quarter, tempos_);
    tally.outside -= last - first;
    write({.hits = grid.hits.subspan(first, last),
           .start_step = stretch.first_step,
           .steps = stretch.num_steps,
           .steps_per_quarter = options_.grid.steps_per_quarter,
           .steps_per_bar = stretch.steps_per_bar,
           .tempos = {tempos_.begin(), tempos_.size()},
           .features = features_},
          group, batch);
  }
  return Rejected::kNo;
}

void FileConverter::write(const Performance& performance, std::uint32_t group, Batch& batch) {
  const std::size_t before = batch.frames.size();
  writer_.append(performance, batch.frames);
  const RecordCounts counts{{performance.steps_per_bar, performance.bars()},
                            Tally::tempo_bin(performance.tempos.front().qpm),
                            group};
  if (options_.dedupe) {
    const std::size_t first_hit = batch.hits.size();
    for (const Hit& hit : performance.hits) batch.hits.push_back(hit);
    batch.candidates.push_back({fingerprint_of(performance), batch.frames.size() - before, counts,
                                first_hit, batch.hits.size()});
  } else {
    batch.tally.add_record(counts);
    for (const Hit& hit : performance.hits) batch.tally.add_hit(hit);
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
      counts.add_record(candidate.counts);
      const auto hits = batch.hits.subspan(candidate.first_hit, candidate.last_hit);
      for (const Hit& hit : hits) counts.add_hit(hit);
    } else {
      ++counts.duplicates;
    }
    from += candidate.frame_bytes;
  }
  batch.frames.resize(static_cast<std::size_t>(to - batch.frames.begin()));
  batch.candidates.clear();
  batch.hits.clear();
}

}  // namespace groovefast
