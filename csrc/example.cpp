#include "example.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "tfrecord.hpp"

namespace groovefast {
namespace {

// Protocol buffers: a field is its number and wire type in one byte, then a varint or, for the
// types used here, a length and as many bytes.
//   Example { features = 1 }; Features { map<string, Feature> feature = 1 }
//   map entry { key = 1; value = 2 }; Feature { bytes_list = 1; float_list = 2; int64_list = 3 }
//   BytesList, FloatList (packed), Int64List (packed) { value = 1 }
constexpr char kExampleFeatures = 0x0a, kFeaturesEntry = 0x0a, kEntryKey = 0x0a, kEntryValue = 0x12;
constexpr char kBytesList = 0x0a, kFloatList = 0x12, kInt64List = 0x1a, kListValue = 0x0a;
constexpr std::size_t kMaxVarint = 10;

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

std::uint8_t* put_varint(std::uint8_t* to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::uint8_t>(value | 0x80);
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

void append_varint(std::string& to, std::uint64_t value) {
  std::array<std::uint8_t, kMaxVarint> bytes;
  to.append(bytes.data(), put_varint(bytes.data(), value));
}

void append_field(std::string& to, char field, std::size_t size) {
  to += field;
  append_varint(to, size);
}

// All of the feature `name` before the `size` bytes of its value.
std::string feature_head(std::string_view name, char list, std::size_t size) {
  const std::size_t list_size = 1 + varint_size(size) + size;
  const std::size_t feature_size = 1 + varint_size(list_size) + list_size;
  const std::size_t entry_size =
      1 + varint_size(name.size()) + name.size() + 1 + varint_size(feature_size) + feature_size;
  std::string head;
  append_field(head, kFeaturesEntry, entry_size);
  append_field(head, kEntryKey, name.size());
  head += name;
  append_field(head, kEntryValue, feature_size);
  append_field(head, list, list_size);
  append_field(head, kListValue, size);
  return head;
}

// The features that change from window to window, by the size of start_step's varint.
const std::string& qpm_head() {
  static const std::string head = feature_head("qpm", kFloatList, sizeof(float));
  return head;
}

const std::string& start_step_head(std::size_t size) {
  static const auto heads = [] {
    std::array<std::string, kMaxVarint + 1> all;
    for (std::size_t n = 0; n < all.size(); ++n) all[n] = feature_head("start_step", kInt64List, n);
    return all;
  }();
  return heads[size];
}

std::uint8_t* put(std::uint8_t* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
  return to + size;
}

std::uint8_t* put(std::uint8_t* to, const std::string& text) {
  return put(to, text.data(), text.size());
}

// Length of the UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  for (std::size_t index = 1; index < size; ++index) {
    if ((byte(index) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool too_large = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : size;
}

}  // namespace

void append_bytes_feature(std::string& to, std::string_view name, std::string_view value) {
  to += feature_head(name, kBytesList, value.size());
  to += value;
}

void append_int_feature(std::string& to, std::string_view name, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  to += feature_head(name, kInt64List, varint_size(bits));
  append_varint(to, bits);
}

void append_utf8(std::string& to, std::string_view text) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  while (!text.empty()) {
    const std::size_t size = utf8_sequence(text);
    if (size) {
      to += text.substr(0, size);
    } else {
      const auto byte = static_cast<std::uint8_t>(text[0]);
      to += {'\\', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

void ExampleWriter::begin_song(const Grid& grid, std::int64_t num_steps,
                               std::string_view features) {
  erase_song();
  const std::size_t cells = static_cast<std::size_t>(num_steps) * kDrums;
  if (hits_.size() < cells) {
    hits_.resize(cells);
    velocities_.resize(cells);
    offsets_.resize(cells);
  }
  for (const Hit& hit : grid.hits) {
    const std::size_t cell = static_cast<std::size_t>(hit.step) * kDrums + hit.drum;
    if (cell >= cells) break;  // hits are in order, and this lies after the last window
    hits_[cell] = 1;
    velocities_[cell] = hit.velocity;
    offsets_[cell] = hit.offset;
    filled_.push_back(cell);
  }
  song_features_ = features;
}

void ExampleWriter::erase_song() {
  for (const std::size_t cell : filled_) {
    hits_[cell] = velocities_[cell] = 0;
    offsets_[cell] = 0;
  }
  filled_.clear();
}

void ExampleWriter::set_steps(std::int64_t steps) {
  steps_ = steps;
  const std::size_t cells = static_cast<std::size_t>(steps) * kDrums;
  hits_head_ = feature_head("hits", kBytesList, cells);
  velocities_head_ = feature_head("velocities", kBytesList, cells);
  offsets_head_ = feature_head("offsets", kBytesList, cells * sizeof(float));
  steps_feature_.clear();
  append_int_feature(steps_feature_, "steps", steps);
}

void ExampleWriter::write(const Window& window, std::int64_t steps, Buffer<std::uint8_t>& frames) {
  if (steps != steps_) set_steps(steps);
  const std::size_t first = static_cast<std::size_t>(window.start_step) * kDrums;
  const std::size_t cells = static_cast<std::size_t>(steps) * kDrums;
  const auto start_step = static_cast<std::uint64_t>(window.start_step);
  const std::string& start_step_feature = start_step_head(varint_size(start_step));
  const auto qpm = static_cast<float>(window.qpm);

  const std::size_t features_size =
      hits_head_.size() + velocities_head_.size() + offsets_head_.size() +
      cells * (2 + sizeof(float)) + qpm_head().size() + sizeof qpm + start_step_feature.size() +
      varint_size(start_step) + steps_feature_.size() + song_features_.size();
  const std::size_t size = 1 + varint_size(features_size) + features_size;

  std::uint8_t* const record = begin_record(frames, size);
  std::uint8_t* to = record;
  *to++ = kExampleFeatures;
  to = put_varint(to, features_size);
  to = put(put(to, hits_head_), &hits_[first], cells);
  to = put(put(to, velocities_head_), &velocities_[first], cells);
  to = put(put(to, offsets_head_), &offsets_[first], cells * sizeof(float));
  to = put(put(to, qpm_head()), &qpm, sizeof qpm);
  to = put_varint(put(to, start_step_feature), start_step);
  to = put(to, steps_feature_);
  put(to, song_features_);
  end_record(record, size);
}

}  // namespace groovefast
