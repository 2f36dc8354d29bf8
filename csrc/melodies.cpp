#include "melodies.hpp"

#include <algorithm>
#include <cstddef>

#include "nearly_sorted.hpp"

namespace groovefast {
namespace {

Token token_of(int pitch) { return static_cast<Token>(pitch - kLowestPitch + kFirstPitchToken); }

std::int64_t whole_bars(std::int64_t steps) {
  return (steps + kStepsPerBar - 1) / kStepsPerBar * kStepsPerBar;
}

bool precedes(const StepNote& a, const StepNote& b) {
  if (a.instrument != b.instrument) return a.instrument < b.instrument;
  if (a.step != b.step) return a.step < b.step;
  return a.pitch > b.pitch;
}

// Adds the melody that begins with the first of an instrument's notes. Returns how many of them are
// read, or all if the instrument is given up.
std::size_t add_melody(std::span<const StepNote> notes, std::uint32_t number,
                       const MelodyOptions& options, TokenTracks& tracks) {
  TokenTrack track{.start_step = notes[0].step - notes[0].step % kStepsPerBar,
                   .first = tracks.tokens.size(),
                   .last = 0,
                   .sub_sequence = number,
                   .instrument = notes[0].instrument,
                   .program = notes[0].program};
  MelodyEvents events(tracks.tokens, options.track.max_steps);
  std::size_t read = 0;
  for (; read < notes.size(); ++read) {
    const StepNote& note = notes[read];
    const std::int64_t step = note.step - track.start_step;
    if (!events.empty()) {
      if (step == events.last_on()) {
        if (!options.skip_polyphony) continue;
        tracks.tokens.resize(track.first);
        return notes.size();
      }
      if (options.track.is_gap(step - events.last_off())) break;
    }
    events.add(note.pitch, step, note.end_step - track.start_step);
  }
  events.end();
  track.last = tracks.tokens.size();
  tracks.list.push_back(track);
  return read;
}

}  // namespace

void MelodyEvents::add(int pitch, std::int64_t step, std::int64_t end_step) {
  last_on_ = step;
  last_off_ = end_step;
  if (step >= max_steps_) return;
  resize(step);
  resize(end_step + 1);
  set(step, token_of(pitch));
  set(end_step, kNoteOff);
}

std::int64_t MelodyEvents::end() {
  const std::int64_t steps = whole_bars(last_off_);
  resize(steps);
  return steps;
}

// Steps that are new have no event.
void MelodyEvents::resize(std::int64_t steps) {
  const std::size_t size = first_ + static_cast<std::size_t>(std::min(steps, max_steps_));
  if (size < tokens_.size()) tokens_.resize(size);
  while (tokens_.size() < size) tokens_.push_back(kNoEvent);
}

void MelodyEvents::set(std::int64_t step, Token token) {
  if (step < max_steps_) tokens_[first_ + static_cast<std::size_t>(step)] = token;
}

void order_by_instrument(std::span<const StepNote> notes, Buffer<StepNote>& ordered) {
  ordered.clear();
  for (const StepNote& note : notes) ordered.push_back(note);
  sort_nearly_sorted(std::span(ordered.begin(), ordered.end()), precedes);
}

void Melodies::add_tracks(std::span<const StepNote> notes, std::uint32_t number,
                          const MelodyOptions& options, TokenTracks& tracks) {
  wanted_.clear();
  for (const StepNote& note : notes) {
    if (is_melodic(note, options.programs)) wanted_.push_back(note);
  }
  order_by_instrument({wanted_.begin(), wanted_.size()}, ordered_);
  const StepNote* next = ordered_.begin();
  while (next != ordered_.end()) {
    const StepNote* const end =
        std::find_if(next, static_cast<const StepNote*>(ordered_.end()),
                     [next](const StepNote& note) { return note.instrument != next->instrument; });
    while (next != end) {
      next += add_melody({next, end}, number, options, tracks);
    }
  }
}

}  // namespace groovefast
