// A window -> serialized tf.train.Example.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "buffer.hpp"
#include "groove.hpp"

namespace groovefast {

// Appends the feature `name` with one bytes value, as it stands in an Example.
void append_bytes_feature(std::string& to, std::string_view name, std::string_view value);

// Appends the feature `name` with one int64 value.
void append_int_feature(std::string& to, std::string_view name, std::int64_t value);

// Appends `text` as UTF-8: a byte that is no part of any is written as \xNN.
void append_utf8(std::string& to, std::string_view text);

// Writes the windows of one song after another. A song's cells lie dense in memory, step by step,
// so that a window's rows, which overlapping windows share, are one copy for each feature.
class ExampleWriter {
 public:
  // `features` (source, metadata) stand in each record of the song. All windows must lie within
  // `num_steps` steps. Grid and text are not needed after the call.
  void begin_song(const Grid& grid, std::int64_t num_steps, std::string_view features);

  // Appends the window's framed record.
  void write(const Window& window, std::int64_t steps, Buffer<std::uint8_t>& frames);

 private:
  void erase_song();
  void set_steps(std::int64_t steps);

  std::vector<std::uint8_t> hits_, velocities_;  // by step and drum; 0 where nothing is played
  std::vector<float> offsets_;
  std::vector<std::size_t> filled_;  // the cells that are not 0
  std::string song_features_;

  std::int64_t steps_ = 0;  // those the heads below are for
  std::string hits_head_, velocities_head_, offsets_head_, steps_feature_;
};

}  // namespace groovefast
