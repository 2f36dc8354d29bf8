// CRC-32C (Castagnoli), the checksum of TFRecord files.
#pragma once

#include <cstdint>
#include <span>

namespace groovefast {

// With the CPU's instruction where it has one, else by table. `before` is the checksum of what lies
// before the data; the result is that of both.
std::uint32_t crc32c(std::span<const std::uint8_t> data, std::uint32_t before = 0);

std::uint32_t crc32c_by_table(std::span<const std::uint8_t> data, std::uint32_t before = 0);

bool has_crc32c_instruction();

// As TFRecord stores it, so that a checksum of data that holds checksums stays a good one.
constexpr std::uint32_t mask_crc(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

}  // namespace groovefast
