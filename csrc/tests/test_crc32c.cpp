// Both ways to compute CRC-32C against published values, a slow definition, and each other.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "crc32c.hpp"

namespace {

using groovefast::crc32c;
using groovefast::crc32c_by_table;
using Bytes = std::span<const std::uint8_t>;

std::uint32_t bit_by_bit(Bytes data) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

void check_both(Bytes data, std::uint32_t crc) {
  CHECK(crc32c_by_table(data) == crc);
  CHECK(crc32c(data) == crc);
}

// RFC 3720, B.4, and the check value of the Rocksoft catalogue.
void check_published() {
  std::vector<std::uint8_t> up(32), down(32);
  for (std::uint8_t i = 0; i < 32; ++i) {
    up[i] = i;
    down[i] = static_cast<std::uint8_t>(31 - i);
  }
  constexpr std::string_view digits = "123456789";
  check_both({}, 0);
  check_both({reinterpret_cast<const std::uint8_t*>(digits.data()), digits.size()}, 0xe3069283);
  check_both(std::vector<std::uint8_t>(32, 0x00), 0x8a9136aa);
  check_both(std::vector<std::uint8_t>(32, 0xff), 0x62a8ab43);
  check_both(up, 0x46dd794e);
  check_both(down, 0x113fdb5c);
}

void check_definition(Bytes noise) {
  for (std::size_t size = 0; size <= 600; ++size) {
    const Bytes data = noise.subspan(size % 16, size);
    check_both(data, bit_by_bit(data));
  }
}

// Around the lengths at which the lanes of the instruction's loops begin and end.
void check_lanes(Bytes noise) {
  for (const std::size_t blocks : {3 * 128, 3 * 1024, 6 * 1024, 3 * 1024 + 3 * 128, 15'000}) {
    for (std::size_t size = blocks - 20; size < blocks + 20; ++size) {
      for (std::size_t start = 0; start < 16; ++start) {
        const Bytes data = noise.subspan(start, size);
        CHECK(crc32c(data) == crc32c_by_table(data));
      }
    }
  }
}

}  // namespace

int main() {
  std::vector<std::uint8_t> noise(20'000);
  std::mt19937 random(7);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
  check_published();
  check_definition(noise);
  check_lanes(noise);
  if (!groovefast::has_crc32c_instruction()) {
    std::puts("crc32c: this CPU has no such instruction; only the table was tested");
  }
}
