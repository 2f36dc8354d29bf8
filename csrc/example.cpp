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

// All of the feature `name` before the `size` bytes of its value. Of a packed list of numbers these
// are the numbers, one after the other.
void append_head(std::string& to, std::string_view name, char list, std::size_t size) {
  const std::size_t list_size = 1 + varint_size(size) + size;
  const std::size_t feature_size = 1 + varint_size(list_size) + list_size;
  const std::size_t entry_size =
      1 + varint_size(name.size()) + name.size() + 1 + varint_size(feature_size) + feature_size;
  append_field(to, kFeaturesEntry, entry_size);
  append_field(to, kEntryKey, name.size());
  to += name;
  append_field(to, kEntryValue, feature_size);
  append_field(to, list, list_size);
  append_field(to, kListValue, size);
}

void append_float(std::string& to, double value) {
  const auto number = static_cast<float>(value);
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_float_feature(std::string& to, std::string_view name, double value) {
  append_head(to, name, kFloatList, sizeof(float));
  append_float(to, value);
}

// The tempos after the first, in two lists.
void append_tempo_changes(std::string& to, std::span<const StepTempo> changes) {
  std::size_t size = 0;
  for (const StepTempo& tempo : changes)
    size += varint_size(static_cast<std::uint64_t>(tempo.step));
  append_head(to, "tempo_change_steps", kInt64List, size);
  for (const StepTempo& tempo : changes) append_varint(to, static_cast<std::uint64_t>(tempo.step));
  append_head(to, "tempo_change_qpms", kFloatList, changes.size() * sizeof(float));
  for (const StepTempo& tempo : changes) append_float(to, tempo.qpm);
}

std::uint8_t* put(std::uint8_t* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
  return to + size;
}

std::uint8_t* put(std::uint8_t* to, const std::string& text) {
  return put(to, text.data(), text.size());
}

std::uint8_t* put_zeros(std::uint8_t* to, std::size_t size) {
  std::memset(to, 0, size);
  return to + size;
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
  append_head(to, name, kBytesList, value.size());
  to += value;
}

void append_int_feature(std::string& to, std::string_view name, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  append_head(to, name, kInt64List, varint_size(bits));
  append_varint(to, bits);
}

void append_int_list_feature(std::string& to, std::string_view name,
                             std::span<const std::int64_t> values) {
  std::size_t size = 0;
  for (const std::int64_t value : values) size += varint_size(static_cast<std::uint64_t>(value));
  append_head(to, name, kInt64List, size);
  for (const std::int64_t value : values) append_varint(to, static_cast<std::uint64_t>(value));
}

void append_example(std::string_view features, Buffer<std::uint8_t>& frames) {
  const std::size_t size = 1 + varint_size(features.size()) + features.size();
  std::uint8_t* const record = begin_record(frames, size);
  std::uint8_t* to = record;
  *to++ = kExampleFeatures;
  put(put_varint(to, features.size()), features.data(), features.size());
  end_record(record, size);
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

void ExampleWriter::describe(const Performance& performance) {
  const auto quarters = static_cast<double>(performance.steps_per_bar) /
                        static_cast<double>(performance.steps_per_quarter);
  description_.clear();
  append_int_feature(description_, "steps", performance.steps);
  append_int_feature(description_, "steps_per_quarter", performance.steps_per_quarter);
  append_float_feature(description_, "quarters_per_bar", quarters);
  append_int_feature(description_, "start_step", performance.start_step);
  append_float_feature(description_, "qpm", performance.tempos.front().qpm);
  if (performance.tempos.size() > 1) {
    append_tempo_changes(description_, performance.tempos.subspan(1));
  }
  description_ += performance.features;
}

void ExampleWriter::append(const Performance& performance, Buffer<std::uint8_t>& frames) {
  const std::size_t cells = static_cast<std::size_t>(performance.steps) * kDrums;
  describe(performance);
  hits_head_.clear();
  velocities_head_.clear();
  offsets_head_.clear();
  append_head(hits_head_, "hits", kBytesList, cells);
  append_head(velocities_head_, "velocities", kBytesList, cells);
  append_head(offsets_head_, "offsets", kBytesList, cells * sizeof(float));
  const std::size_t features_size = hits_head_.size() + velocities_head_.size() +
                                    offsets_head_.size() + cells * (2 + sizeof(float)) +
                                    description_.size();
  const std::size_t size = 1 + varint_size(features_size) + features_size;

  std::uint8_t* const record = begin_record(frames, size);
  std::uint8_t* to = record;
  *to++ = kExampleFeatures;
  to = put_varint(to, features_size);
  std::uint8_t* const hits = put(to, hits_head_);
  std::uint8_t* const velocities = put(put_zeros(hits, cells), velocities_head_);
  std::uint8_t* const offsets = put(put_zeros(velocities, cells), offsets_head_);
  put(put_zeros(offsets, cells * sizeof(float)), description_);
  for (const Hit& hit : performance.hits) {
    const auto step = static_cast<std::size_t>(hit.step - performance.start_step);
    const std::size_t cell = step * kDrums + hit.drum;
    hits[cell] = 1;
    velocities[cell] = hit.velocity;
    put(offsets + cell * sizeof(float), &hit.offset, sizeof hit.offset);
  }
  end_record(record, size);
}

}  // namespace groovefast
