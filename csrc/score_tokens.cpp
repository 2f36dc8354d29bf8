#include "score_tokens.hpp"

#include <algorithm>

#include "drum_tracks.hpp"
#include "nearly_sorted.hpp"

namespace groovefast {
namespace {

// A window does not know of the note that sounds when it begins.
void forget_leading_ends(std::span<Token> window) {
  for (Token& token : window) {
    if (is_pitch(token)) return;
    token = kNoEvent;
  }
}

bool has_wanted(std::span<const StepNote> notes, const TokenOptions& options) {
  if (options.kind == TokenKind::kTrio) return has_trio(notes);
  return std::any_of(notes.begin(), notes.end(), [&](const StepNote& note) {
    if (options.kind == TokenKind::kMelody) return is_melodic(note, options.programs);
    return note.is_drum && options.drums[note.pitch] != kUnmapped;
  });
}

}  // namespace

NoTokens ScoreTokens::find_tracks(const Played& played, const TokenOptions& options) {
  tracks.clear();
  num_trios_ = 0;
  sub_sequences.cut(played, options.transpose);
  for (std::size_t number = 0; number < sub_sequences.list.size(); ++number) {
    if (!sub_sequences.list[number].has_grid()) continue;
    const auto index = static_cast<std::uint32_t>(number);
    if (options.kind != TokenKind::kTrio) {
      add_tracks(index, options);
    } else if (!add_trios(index, options)) {
      return NoTokens::kTooMany;
    }
  }
  return tracks.list.empty() ? why_none(options) : NoTokens::kNo;
}

void ScoreTokens::add_tracks(std::uint32_t number, const TokenOptions& options) {
  const std::span<const StepNote> notes = sub_sequences.notes_of(sub_sequences.list[number]);
  const TrackOptions track{options.gap_bars * kStepsPerBar, options.max_bars * kStepsPerBar};
  if (options.kind == TokenKind::kDrums) {
    add_drum_tracks(notes, number, options.drums, track, tracks);
  } else {
    melodies_.add_tracks(notes, number, {track, options.programs, options.skip_polyphony}, tracks);
  }
}

// Returns false if there are too many windows.
bool ScoreTokens::add_trios(std::uint32_t number, const TokenOptions& options) {
  const std::span<const StepNote> notes = sub_sequences.notes_of(sub_sequences.list[number]);
  const TrioOptions trio{options.drums, options.slice_bars, options.gap_bars, options.max_bars};
  if (!trios_.find(notes, trio, kMostTokenWindows - num_trios_)) return false;
  num_trios_ += trios_.num_windows();
  for (const TrioRun& run : trios_.runs) {
    TokenTrack track{run.start_step, tracks.tokens.size(), 0, number, 0, 0};
    for (std::size_t step = 0; step < static_cast<std::size_t>(run.steps); ++step) {
      for (const std::size_t first : run.first) {
        tracks.tokens.push_back(trios_.tokens[first + step]);
      }
    }
    track.last = tracks.tokens.size();
    tracks.list.push_back(track);
  }
  return true;
}

NoTokens ScoreTokens::find_windows(const Played& played, const TokenOptions& options) {
  const auto steps = static_cast<std::size_t>(options.slice_bars * kStepsPerBar);
  windows.clear(steps * tokens_per_step(options.kind));
  const NoTokens none = find_tracks(played, options);
  if (none != NoTokens::kNo) return none;
  if (!window_tracks(options)) return NoTokens::kTooMany;
  return windows.list.empty() ? NoTokens::kTooShort : NoTokens::kNo;
}

// Returns false if there are too many.
bool ScoreTokens::window_tracks(const TokenOptions& options) {
  const std::size_t bar = std::size_t{kStepsPerBar} * tokens_per_step(options.kind);
  const std::size_t size = bar * static_cast<std::size_t>(options.slice_bars);
  for (std::size_t i = 0; i < tracks.list.size();) {
    const std::uint32_t number = tracks.list[i].sub_sequence;
    places_.clear();
    for (; i < tracks.list.size() && tracks.list[i].sub_sequence == number; ++i) {
      const TokenTrack& track = tracks.list[i];
      std::int64_t start_step = track.start_step;
      for (std::size_t at = track.first; at + size <= track.last; at += bar) {
        places_.push_back({start_step, at});
        start_step += kStepsPerBar;
      }
    }
    sort_nearly_sorted(std::span(places_.begin(), places_.end()),
                       [](const Place& a, const Place& b) { return a.start_step < b.start_step; });
    windows.begin_sub_sequence(places_.size());
    for (const Place& place : places_) {
      const std::span<Token> window = windows.draft();
      std::copy_n(tracks.tokens.begin() + place.first, size, window.begin());
      if (options.kind == TokenKind::kMelody) forget_leading_ends(window);
      if (options.kind == TokenKind::kTrio) {
        windows.keep({place.start_step, number});
      } else {
        windows.keep_if_new({place.start_step, number});
      }
      if (windows.list.size() > kMostTokenWindows) return false;
    }
  }
  return true;
}

NoTokens ScoreTokens::why_none(const TokenOptions& options) const {
  bool any = false;
  for (const SubSequence& sub_sequence : sub_sequences.list) {
    if (!has_wanted(sub_sequences.notes_of(sub_sequence), options)) continue;
    if (sub_sequence.has_grid()) return NoTokens::kTooShort;
    any = true;
  }
  return any ? NoTokens::kMeter : NoTokens::kNoNotes;
}

}  // namespace groovefast
