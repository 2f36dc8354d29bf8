// Standard MIDI File bytes -> Score: ticks, tempo map, meters, notes in seconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.hpp"

namespace groovefast {

inline constexpr int kChannels = 16;
inline constexpr int kPitches = 128;
inline constexpr int kDrumChannel = 9;  // MIDI channel 10, counted from 0
inline constexpr double kDefaultQpm = 120.0;

// Bytes that cannot be read as a MIDI file, and where.
struct MidiError : std::runtime_error {
  MidiError(const std::string& reason, std::size_t offset)
      : std::runtime_error(reason), offset(offset) {}
  std::size_t offset;  // bytes from the start of the file
};

struct Note {
  std::int64_t tick, end_tick;
  double time, end_time;  // seconds
  std::uint32_t track;
  std::uint8_t pitch, velocity, channel;
  std::uint8_t program;  // the channel's when the note ended
  bool unended;          // it has no end of its own, or where it begins, and so was given one
};

// A tempo that differs from the one before it. Under magenta_compat several may begin at one tick.
struct Tempo {
  std::int64_t tick;
  double time;        // seconds
  double tick_scale;  // seconds per tick from here on
  double qpm;
  std::uint32_t track;

  double seconds_at(std::int64_t at) const {
    return time + tick_scale * static_cast<double>(at - tick);
  }
};

struct TimeSignature {
  std::int64_t tick;
  double time;  // seconds
  std::uint32_t numerator, denominator;
  std::uint32_t track;
};

// What is played together: the whole file, or one track of a format 2 file.
struct Song {
  int ticks_per_quarter;    // 0 under SMPTE division
  double seconds_per_tick;  // of SMPTE division, else 0
  std::span<const Note> notes;
  std::span<const Tempo> tempos;                   // by tick; always one at tick 0
  std::span<const TimeSignature> time_signatures;  // by tick; may be empty

  double seconds_at(std::int64_t tick) const;
};

// Where a song's events lie in a score's arrays.
struct SongBounds {
  std::size_t first_note, last_note;
  std::size_t first_tempo, last_tempo;
  std::size_t first_time_signature, last_time_signature;
};

// Where in the file's bytes a track says what it is called; nothing if it does not.
struct TrackName {
  std::size_t offset, size;
};

struct Score {
  int format = 1;
  int ticks_per_quarter = 0;    // 0 under SMPTE division
  double seconds_per_tick = 0;  // of SMPTE division, else 0
  std::int64_t end_tick = 0;    // where the last of the tracks ends
  Buffer<TrackName> track_names;
  Buffer<Note> notes;  // per track, instruments by first closed note, notes as closed
  Buffer<Tempo> tempos;
  Buffer<TimeSignature> time_signatures;
  Buffer<SongBounds> songs;         // one, but in format 2 one for each track
  std::optional<MidiError> damage;  // what ended the reading early; all before it is there

  Song song(std::size_t index) const;
};

struct ParseOptions {
  std::uint16_t channels = 1u << kDrumChannel;  // a bit for each whose notes are wanted
  std::uint32_t track = 0;  // the only track whose notes are wanted, counted from 1; 0 for all
  // What the only tracks whose notes are wanted are called, in one of these ways; none for all.
  std::vector<std::string> track_names = {};
  // As Magenta reads: tempo and meter of the first track only, format 2 as if it were format 1, and
  // no note without an end.
  bool magenta_compat = false;
  bool meters_of_no_beats = false;  // keep them, rather than call the file damaged
};

// Reads one file after another into the same memory.
class Parser {
 public:
  // The score of `data`, valid until the next call. Bytes that cannot be read do not throw: see
  // Score::damage, which leaves the caller to refuse the file or to keep what came before.
  const Score& parse(std::span<const std::uint8_t> data, const ParseOptions& options = {});

 private:
  class Events;

  static constexpr std::uint32_t kNone = 0xffffffff;

  // The earliest open note of a channel and pitch. Those begun after it hang in a chain. Aligned,
  // so that finding one takes a shift.
  struct alignas(32) OpenNote {
    std::int64_t tick;
    std::uint32_t epoch;       // of the track it belongs to; any other means that none is open
    std::uint32_t next, last;  // ends of the chain in chained_, or kNone
    std::uint8_t velocity;
  };
  struct ChainedNote {
    std::int64_t tick;
    std::uint32_t next;
    std::uint8_t velocity;
  };
  struct TempoEvent {
    std::int64_t tick;
    std::uint32_t microseconds_per_quarter;
    std::uint32_t track;
  };

  void read_file();
  std::size_t read_riff_wrapper();
  std::size_t read_header(std::size_t offset);
  void read_division(std::size_t offset);
  void read_track(std::size_t first, std::size_t last, bool cut_off);

  void read_events(Events& events);
  void end_track();
  bool is_wanted_track() const;
  void play_unended();
  const std::uint8_t* read_rarer_event(const Events& events, const std::uint8_t* at,
                                       unsigned status, std::int64_t tick);
  const std::uint8_t* read_meta_event(const Events& events, const std::uint8_t* at,
                                      std::int64_t tick);
  void name_track(const Events& events, std::span<const std::uint8_t> payload);
  void add_tempo(const Events& events, std::span<const std::uint8_t> payload, std::int64_t tick);
  void add_time_signature(const Events& events, std::span<const std::uint8_t> payload,
                          std::int64_t tick);

  void begin_chained(OpenNote& open, std::int64_t tick, std::uint8_t velocity);
  void end_chained(OpenNote& open, Note note);
  std::int64_t step_ticks() const;
  void group_by_instrument();

  bool one_song_per_track() const { return score_.format == 2 && !options_.magenta_compat; }
  bool counts_in_this_track() const { return !options_.magenta_compat || track_ == 0; }
  void begin_song();
  void end_song();
  void lay_out_tempos(const SongBounds& song);
  void place_in_time(const SongBounds& song);

  std::span<const std::uint8_t> data_;
  ParseOptions options_;
  Score score_;
  std::uint32_t track_ = 0;      // index of the one being read
  std::size_t first_note_ = 0;   // of it
  unsigned channels_heard_ = 0;  // in it, a bit for each
  std::array<std::uint8_t, kChannels> programs_;
  bool program_changed_ = false;  // after it had a note
  std::uint32_t epoch_ = 0;  // one more for each track ever read, so that open_ needs no clearing
  std::array<OpenNote, kChannels * kPitches> open_{};
  Buffer<ChainedNote> chained_;
  Buffer<TempoEvent> tempo_events_;  // of this song
  Buffer<Note> ungrouped_, unended_;
};

}  // namespace groovefast
