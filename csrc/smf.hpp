// Standard MIDI File bytes -> Score: ticks, tempo map, meters, notes in seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace groovefast {

// Bytes that cannot be read as a MIDI file, and where.
struct MidiError : std::runtime_error {
  MidiError(const std::string& reason, std::size_t offset) : std::runtime_error(reason), offset(offset) {}
  std::size_t offset;  // bytes from the start of the file
};

struct Note {
  std::int64_t tick, end_tick;
  double time, end_time;  // seconds
  std::uint16_t track;
  std::uint8_t pitch, velocity, channel, program;
};

struct Tempo {
  std::int64_t tick;
  double time;        // seconds
  double tick_scale;  // seconds per tick from here on
  double qpm;
  std::uint16_t track;
};

struct TimeSignature {
  std::int64_t tick;
  double time;  // seconds
  std::uint16_t numerator;
  std::uint32_t denominator;
  std::uint16_t track;
};

// One song. Vectors are reused from file to file: clear() keeps their memory.
struct Score {
  int format = 1;
  int ticks_per_quarter = 0;        // 0 under SMPTE division
  double seconds_per_tick = 0;      // of SMPTE division, else 0
  std::vector<Note> notes;          // in SPEC order: per track, instruments by first closed note, notes as closed
  std::vector<Tempo> tempos;        // by tick; always one at tick 0
  std::vector<TimeSignature> time_signatures;  // by tick; may be empty
  void clear();
};

enum class Channels { kDrums, kAll };

}  // namespace groovefast
