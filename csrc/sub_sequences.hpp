// Notes, tempos and meters -> the sub-sequences that MusicVAE's converters know, each in one tempo
// and meter, with its notes on a grid of 16ths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "buffer.hpp"
#include "smf.hpp"

namespace groovefast {

inline constexpr std::int64_t kStepsPerBar = 16;

// What is played, of a file or of anything like it. The notes of an instrument, which is a program
// of a channel of a track, lie together. Those without an end are none.
struct Played {
  std::span<const Note> notes;
  std::span<const Tempo> tempos;
  std::span<const TimeSignature> time_signatures;
};

struct StepNote {
  double time, end_time;        // seconds, from the beginning
  std::int64_t step, end_step;  // of the grid of its sub-sequence; 0 where that has none
  std::uint32_t instrument;     // counted from 0 in the order of the notes
  std::uint8_t pitch, program;
  bool is_drum;
};

struct SubSequence {
  double start;  // seconds
  double qpm;
  std::uint32_t numerator, denominator;
  std::size_t first_note, last_note;

  // Whether its bars have 16 steps; others have no grid.
  bool has_grid() const { return numerator == denominator; }
};

// A tempo or a meter cuts wherever it is another than before, within a bar too, and a note held
// over the cut ends there. What comes after all notes have ended cuts nothing.
class SubSequences {
 public:
  // `transpose` is added to the pitch of what is no drum; notes that leave MIDI's range are none.
  void cut(const Played& played, int transpose);

  Buffer<SubSequence> list;
  Buffer<StepNote> notes;  // by time; those of one time in the order of the file

  std::span<const StepNote> notes_of(const SubSequence& sub_sequence) const {
    return notes.subspan(sub_sequence.first_note, sub_sequence.last_note);
  }

 private:
  struct Change {  // of tempo or of meter
    double time;
    double qpm;  // 0 for a meter
    std::uint32_t numerator, denominator;

    bool is_in(const SubSequence& last) const;
    void apply(SubSequence& to) const;
  };

  void take_notes(std::span<const Note> played, int transpose);
  void list_changes(const Played& played);
  void cut_at_changes(double total);
  void share_out_notes(double total);

  Buffer<Change> changes_;
};

}  // namespace groovefast
