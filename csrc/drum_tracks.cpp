#include "drum_tracks.hpp"

#include <algorithm>
#include <cstddef>

namespace groovefast {
namespace {

// The track being written, at the end of all tokens.
class DrumTrack {
 public:
  DrumTrack(TokenTracks& tracks, std::uint32_t sub_sequence, std::int64_t max_steps)
      : tracks_(tracks), sub_sequence_(sub_sequence), max_steps_(max_steps) {}

  // How many steps have been silent before `step`.
  std::int64_t silence_before(std::int64_t step) const { return step - (last_step_ + 1); }
  bool is_open() const { return is_open_; }

  void begin(const StepNote& note) {
    is_open_ = true;
    track_ = {note.step - note.step % kStepsPerBar,
              tracks_.tokens.size(),
              0,
              sub_sequence_,
              note.instrument,
              note.program};
  }

  void add(std::int64_t step, int drum) {
    last_step_ = step;
    const std::int64_t place = step - track_.start_step;
    if (place >= max_steps_) return;
    extend(place + 1);
    tracks_.tokens.back() = static_cast<Token>(tracks_.tokens.back() | 1 << drum);
  }

  void end() {
    if (!is_open_) return;
    const std::int64_t steps = last_step_ + 1 - track_.start_step;
    const std::int64_t bars = (steps + kStepsPerBar - 1) / kStepsPerBar;
    extend(std::min(bars * kStepsPerBar, max_steps_));
    track_.last = tracks_.tokens.size();
    tracks_.list.push_back(track_);
    is_open_ = false;
  }

 private:
  void extend(std::int64_t steps) {
    const std::size_t size = track_.first + static_cast<std::size_t>(steps);
    while (tracks_.tokens.size() < size) tracks_.tokens.push_back(kSilence);
  }

  TokenTracks& tracks_;
  const std::uint32_t sub_sequence_;
  const std::int64_t max_steps_;
  TokenTrack track_{};
  std::int64_t last_step_ = 0;
  bool is_open_ = false;
};

}  // namespace

void add_drum_tracks(std::span<const StepNote> notes, std::uint32_t number,
                     const PitchClasses& classes, const TrackOptions& options,
                     TokenTracks& tracks) {
  DrumTrack track(tracks, number, options.max_steps);
  for (const StepNote& note : notes) {
    if (!note.is_drum || classes[note.pitch] == kUnmapped) continue;
    if (track.is_open() && options.is_gap(track.silence_before(note.step))) track.end();
    if (!track.is_open()) track.begin(note);
    track.add(note.step, classes[note.pitch]);
  }
  track.end();
}

}  // namespace groovefast
