#include "crc32c.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define GROOVEFAST_CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#if defined(__clang__)
#define GROOVEFAST_CRC_TARGET __attribute__((target("crc")))
#define GROOVEFAST_CRC_WORD __builtin_arm_crc32cd
#define GROOVEFAST_CRC_BYTE __builtin_arm_crc32cb
#else
#define GROOVEFAST_CRC_TARGET __attribute__((target("+crc")))
#define GROOVEFAST_CRC_WORD __builtin_aarch64_crc32cx
#define GROOVEFAST_CRC_BYTE __builtin_aarch64_crc32cb
#endif
#endif

static_assert(std::endian::native == std::endian::little, "records are written in memory order");

namespace groovefast {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // bit 31 stands for x^0
constexpr std::size_t kWord = 8;

std::uint64_t load_word(const std::uint8_t* data) {
  std::uint64_t word;
  std::memcpy(&word, data, kWord);
  return word;
}

constexpr std::uint32_t times_x(std::uint32_t a) { return (a >> 1) ^ (a & 1 ? kPolynomial : 0); }

using ByteTable = std::array<std::uint32_t, 256>;

// Entry b of table k: the checksum register after byte b and then k zero bytes.
constexpr auto kTables = [] {
  std::array<ByteTable, kWord> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = times_x(crc);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kWord; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}();

std::uint32_t step_byte(std::uint32_t crc, std::uint8_t byte) {
  return (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xff];
}

std::uint32_t step_word(std::uint32_t crc, std::uint64_t word) {
  word ^= crc;
  crc = 0;
  for (std::size_t byte = 0; byte < kWord; ++byte) {
    crc ^= kTables[kWord - 1 - byte][(word >> (8 * byte)) & 0xff];
  }
  return crc;
}

#if defined(GROOVEFAST_CRC_TARGET)

// The instruction takes three cycles, but a CPU can begin one in every cycle: so three neighbouring
// lanes are summed at once, and joined by moving a lane's sum past the bytes of the lanes after it.
class LaneShift {
 public:
  explicit constexpr LaneShift(std::size_t lane_bytes) {
    for (std::uint32_t bit = 0; bit < 32; ++bit) {
      // The register after a lane of zeros, for this bit alone: the sum is linear in its bits.
      std::uint32_t moved = 1u << bit;
      for (std::size_t byte = 0; byte < lane_bytes; ++byte) {
        moved = (moved >> 8) ^ kTables[0][moved & 0xff];
      }
      ByteTable& table = tables_[bit / 8];
      const std::size_t first = std::size_t{1} << (bit % 8);
      for (std::size_t low = 0; low < first; ++low) table[first + low] = table[low] ^ moved;
    }
  }

  std::uint32_t operator()(std::uint64_t crc) const {
    return tables_[0][crc & 0xff] ^ tables_[1][(crc >> 8) & 0xff] ^ tables_[2][(crc >> 16) & 0xff] ^
           tables_[3][(crc >> 24) & 0xff];
  }

 private:
  std::array<ByteTable, 4> tables_{};
};

constexpr std::size_t kLongLane = 1024, kShortLane = 128;
constexpr LaneShift kShiftLong{kLongLane}, kShiftShort{kShortLane};

#if defined(__x86_64__)
GROOVEFAST_CRC_TARGET inline std::uint64_t instruction(std::uint64_t crc, std::uint64_t word) {
  return _mm_crc32_u64(crc, word);
}
GROOVEFAST_CRC_TARGET inline std::uint64_t instruction(std::uint64_t crc, std::uint8_t byte) {
  return _mm_crc32_u8(static_cast<std::uint32_t>(crc), byte);
}
#else
GROOVEFAST_CRC_TARGET inline std::uint64_t instruction(std::uint64_t crc, std::uint64_t word) {
  return GROOVEFAST_CRC_WORD(static_cast<std::uint32_t>(crc), word);
}
GROOVEFAST_CRC_TARGET inline std::uint64_t instruction(std::uint64_t crc, std::uint8_t byte) {
  return GROOVEFAST_CRC_BYTE(static_cast<std::uint32_t>(crc), byte);
}
#endif

template <std::size_t kLane>
GROOVEFAST_CRC_TARGET std::uint64_t sum_lanes(std::uint64_t crc, const std::uint8_t*& data,
                                              const std::uint8_t* end, const LaneShift& shift) {
  for (; static_cast<std::size_t>(end - data) >= 3 * kLane; data += 3 * kLane) {
    std::uint64_t second = 0, third = 0;
    for (const std::uint8_t* word = data; word != data + kLane; word += kWord) {
      crc = instruction(crc, load_word(word));
      second = instruction(second, load_word(word + kLane));
      third = instruction(third, load_word(word + 2 * kLane));
    }
    crc = shift(shift(crc) ^ second) ^ third;
  }
  return crc;
}

GROOVEFAST_CRC_TARGET std::uint32_t crc32c_by_instruction(std::span<const std::uint8_t> bytes,
                                                          std::uint32_t before) {
  const std::uint8_t* data = bytes.data();
  const std::uint8_t* const end = data + bytes.size();
  std::uint64_t crc = ~before;
  crc = sum_lanes<kLongLane>(crc, data, end, kShiftLong);
  crc = sum_lanes<kShortLane>(crc, data, end, kShiftShort);
  for (; static_cast<std::size_t>(end - data) >= kWord; data += kWord) {
    crc = instruction(crc, load_word(data));
  }
  for (; data != end; ++data) crc = instruction(crc, *data);
  return ~static_cast<std::uint32_t>(crc);
}

#endif

}  // namespace

bool has_crc32c_instruction() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("sse4.2") != 0;
#elif defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  return true;
#else
  return false;
#endif
}

std::uint32_t crc32c_by_table(std::span<const std::uint8_t> bytes, std::uint32_t before) {
  const std::uint8_t* data = bytes.data();
  const std::uint8_t* const end = data + bytes.size();
  std::uint32_t crc = ~before;
  for (; static_cast<std::size_t>(end - data) >= kWord; data += kWord) {
    crc = step_word(crc, load_word(data));
  }
  for (; data != end; ++data) crc = step_byte(crc, *data);
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::uint8_t> data, std::uint32_t before) {
#if defined(GROOVEFAST_CRC_TARGET)
  static const bool by_instruction = has_crc32c_instruction();
  if (by_instruction) return crc32c_by_instruction(data, before);
#endif
  return crc32c_by_table(data, before);
}

}  // namespace groovefast
