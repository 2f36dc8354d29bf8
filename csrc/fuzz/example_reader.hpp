// Reads back what ExampleWriter writes: slowly, and sharing no code with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace groovefast::fuzz {

using Bytes = std::span<const std::uint8_t>;

[[noreturn]] inline void wrong() { __builtin_trap(); }
inline void require(bool holds) {
  if (!holds) wrong();
}

// Fields of a protocol buffers message, one after the other.
class Message {
 public:
  explicit Message(Bytes bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }

  // Number and content of the next field, which must be a length-delimited one.
  std::pair<std::uint64_t, Bytes> next() {
    const std::uint64_t key = varint();
    require((key & 7) == 2);
    const std::uint64_t size = varint();
    require(size <= rest_.size());
    const Bytes content = rest_.first(size);
    rest_ = rest_.subspan(size);
    return {key >> 3, content};
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      require(!rest_.empty());
      const std::uint8_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    wrong();
  }

 private:
  Bytes rest_;
};

// The value of the only field of `message`, which must be field `number`.
inline Bytes only_field(Bytes bytes, std::uint64_t number) {
  Message message(bytes);
  const auto [found, content] = message.next();
  require(found == number && message.empty());
  return content;
}

struct Feature {
  std::uint64_t kind;  // 1 bytes, 2 floats, 3 int64s
  Bytes value;
};

// The features of a serialized Example, each with a single value.
inline std::map<std::string, Feature> read_example(Bytes record) {
  std::map<std::string, Feature> features;
  for (Message message(only_field(record, 1)); !message.empty();) {
    const auto [number, entry] = message.next();
    require(number == 1);
    Message pair(entry);
    const auto [key_number, key] = pair.next();
    const auto [value_number, value] = pair.next();
    require(key_number == 1 && value_number == 2 && pair.empty());
    Message feature(value);
    const auto [kind, list] = feature.next();
    require(feature.empty());
    const bool is_new =
        features.try_emplace({key.begin(), key.end()}, Feature{kind, only_field(list, 1)}).second;
    require(is_new);
  }
  return features;
}

}  // namespace groovefast::fuzz
