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

bool is_wanted(const StepNote& note, const TokenOptions& options) {
  if (options.kind == TokenKind::kTrio) return true;
  if (options.kind == TokenKind::kDrums) {
    return note.is_drum && options.drums[note.pitch] != kUnmapped;
  }
  return is_melodic(note, options.programs);
}

}  // namespace

void ScoreTokens::find_tracks(const Played& played, const TokenOptions& options) {
  tracks.clear();
  sub_sequences.cut(played, options.transpose);
  for (std::size_t number = 0; number < sub_sequences.list.size(); ++number) {
    if (sub_sequences.list[number].has_grid()) {
      add_tracks(static_cast<std::uint32_t>(number), options);
    }
  }
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

NoTokens ScoreTokens::find_windows(const Played& played, const TokenOptions& options) {
  const bool is_trio = options.kind == TokenKind::kTrio;
  const auto steps = static_cast<std::size_t>(options.slice_bars * kStepsPerBar);
  windows.clear(is_trio ? steps * kTrioParts : steps);
  any_trio_ = false;
  if (is_trio) {
    tracks.clear();
    sub_sequences.cut(played, options.transpose);
    if (!window_trios(options)) return NoTokens::kTooMany;
  } else {
    find_tracks(played, options);
    if (!window_tracks(options)) return NoTokens::kTooMany;
  }
  return windows.list.empty() ? why_none(options) : NoTokens::kNo;
}

// Returns false if there are too many.
bool ScoreTokens::window_tracks(const TokenOptions& options) {
  const auto size = static_cast<std::size_t>(options.slice_bars * kStepsPerBar);
  for (std::size_t i = 0; i < tracks.list.size();) {
    const std::uint32_t number = tracks.list[i].sub_sequence;
    places_.clear();
    for (; i < tracks.list.size() && tracks.list[i].sub_sequence == number; ++i) {
      const TokenTrack& track = tracks.list[i];
      for (std::size_t at = 0; track.first + at + size <= track.last; at += kStepsPerBar) {
        places_.push_back({track.start_step + static_cast<std::int64_t>(at), i, at});
      }
    }
    sort_nearly_sorted(std::span(places_.begin(), places_.end()),
                       [](const Place& a, const Place& b) { return a.start_step < b.start_step; });
    windows.begin_sub_sequence(places_.size());
    for (const Place& place : places_) {
      const std::span<Token> window = windows.draft();
      const Token* const from = tracks.tokens.begin() + tracks.list[place.track].first;
      std::copy_n(from + place.offset, size, window.begin());
      if (options.kind == TokenKind::kMelody) forget_leading_ends(window);
      windows.keep_if_new({place.start_step, number});
      if (windows.list.size() > kMostTokenWindows) return false;
    }
  }
  return true;
}

bool ScoreTokens::window_trios(const TokenOptions& options) {
  const TrioOptions trio{options.drums, options.slice_bars, options.gap_bars, options.max_bars};
  const auto steps = static_cast<std::size_t>(options.slice_bars * kStepsPerBar);
  for (std::size_t number = 0; number < sub_sequences.list.size(); ++number) {
    const SubSequence& sub_sequence = sub_sequences.list[number];
    if (!sub_sequence.has_grid()) continue;
    trios_.find(sub_sequences.notes_of(sub_sequence), trio,
                kMostTokenWindows - windows.list.size());
    any_trio_ |= trios_.has_all_parts();
    if (trios_.windows.size() > kMostTokenWindows - windows.list.size()) return false;
    sort_nearly_sorted(
        std::span(trios_.windows.begin(), trios_.windows.end()),
        [](const TrioWindow& a, const TrioWindow& b) { return a.start_step < b.start_step; });
    for (const TrioWindow& window : trios_.windows) {
      Token* next = windows.draft().data();
      for (std::size_t step = 0; step < steps; ++step) {
        for (const std::size_t first : window.first) *next++ = trios_.tokens[first + step];
      }
      windows.keep({window.start_step, static_cast<std::uint32_t>(number)});
    }
  }
  return true;
}

NoTokens ScoreTokens::why_none(const TokenOptions& options) const {
  bool any = false, any_on_grid = false;
  for (const SubSequence& sub_sequence : sub_sequences.list) {
    const std::span<const StepNote> notes = sub_sequences.notes_of(sub_sequence);
    const bool has_some = std::any_of(
        notes.begin(), notes.end(), [&](const StepNote& note) { return is_wanted(note, options); });
    any |= has_some;
    any_on_grid |= has_some && sub_sequence.has_grid();
  }
  if (!any) return NoTokens::kNoNotes;
  if (!any_on_grid) return NoTokens::kMeter;
  const bool lacks_parts = options.kind == TokenKind::kTrio && !any_trio_;
  return lacks_parts ? NoTokens::kNoNotes : NoTokens::kTooShort;
}

}  // namespace groovefast
