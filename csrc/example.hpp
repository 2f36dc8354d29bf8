// A performance -> serialized tf.train.Example.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "buffer.hpp"
#include "quantizer.hpp"

namespace groovefast {

// Appends the feature `name` with one bytes value, as it stands in an Example.
void append_bytes_feature(std::string& to, std::string_view name, std::string_view value);

// Appends the feature `name` with one int64 value.
void append_int_feature(std::string& to, std::string_view name, std::int64_t value);

// Appends the feature `name` with a list of int64 values, none of them negative.
void append_int_list_feature(std::string& to, std::string_view name,
                             std::span<const std::int64_t> values);

// Appends a framed record of an Example with these features.
void append_example(std::string_view features, Buffer<std::uint8_t>& frames);

// Appends `text` as UTF-8: a byte that is no part of any is written as \xNN.
void append_utf8(std::string& to, std::string_view text);

// A song, or what is played of it in one meter.
struct Performance {
  std::span<const Hit> hits;
  std::int64_t start_step, steps;  // whole bars of the grid, which hold all the hits
  std::int64_t steps_per_quarter, steps_per_bar;
  std::span<const StepTempo> tempos;  // the first of them at its first step
  std::string_view features;          // source, metadata: what each record of the file has

  std::int64_t bars() const { return steps / steps_per_bar; }
};

// Writes performances as framed records, one after the other.
class ExampleWriter {
 public:
  void append(const Performance& performance, Buffer<std::uint8_t>& frames);

 private:
  void describe(const Performance& performance);

  std::string hits_head_, velocities_head_, offsets_head_;
  std::string description_;  // all other features, serialized
};

}  // namespace groovefast
