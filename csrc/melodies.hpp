// Sub-sequence -> melodies, as tokens: the highest of the notes that start together, each up to the
// next one.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>

#include "buffer.hpp"
#include "sub_sequences.hpp"
#include "token_tracks.hpp"

namespace groovefast {

inline constexpr Token kNoEvent = 0;  // what sounds goes on, and so does silence
inline constexpr Token kNoteOff = 1;
inline constexpr Token kFirstPitchToken = 2;
inline constexpr int kLowestPitch = 21, kHighestPitch = 108;  // of a piano

inline bool is_pitch(Token token) { return token >= kFirstPitchToken; }
inline bool has_token(const StepNote& note) {
  return note.pitch >= kLowestPitch && note.pitch <= kHighestPitch;
}

// Whether a note is one of those that melodies are made of.
inline bool is_melodic(const StepNote& note, const std::bitset<kPitches>& programs) {
  return !note.is_drum && note.program < kPitches && programs[note.program] && has_token(note);
}

// The events of one melody while it is written, at the end of a buffer: those of its first
// `max_steps`, and how long it is in truth.
class MelodyEvents {
 public:
  MelodyEvents(Buffer<Token>& tokens, std::int64_t max_steps)
      : tokens_(tokens), first_(tokens.size()), max_steps_(max_steps) {}

  bool empty() const { return last_off_ == 0; }
  std::int64_t last_on() const { return last_on_; }    // the step of the last note
  std::int64_t last_off() const { return last_off_; }  // and where it ends

  // Adds a note after the last one; it ends what sounds, and takes away what comes after its end.
  void add(int pitch, std::int64_t step, std::int64_t end_step);

  // Makes it whole bars. Returns their steps, of which at most `max_steps` are there.
  std::int64_t end();

 private:
  void resize(std::int64_t steps);
  void set(std::int64_t step, Token token);

  Buffer<Token>& tokens_;
  const std::size_t first_;
  const std::int64_t max_steps_;
  std::int64_t last_on_ = 0, last_off_ = 0;
};

struct MelodyOptions {
  TrackOptions track;
  std::bitset<kPitches> programs;  // those whose notes are taken
  bool skip_polyphony = false;     // give up instruments at two notes that start together
};

// Notes ordered as melodies are read from them: by instrument, by step, and the highest first.
void order_by_instrument(std::span<const StepNote> notes, Buffer<StepNote>& ordered);

class Melodies {
 public:
  // Adds the melodies of a sub-sequence with a grid, which `number` tells, to `tracks`.
  void add_tracks(std::span<const StepNote> notes, std::uint32_t number,
                  const MelodyOptions& options, TokenTracks& tracks);

 private:
  Buffer<StepNote> wanted_, ordered_;
};

}  // namespace groovefast
