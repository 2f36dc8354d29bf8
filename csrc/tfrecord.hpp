// TFRecord files: framing, and shards that appear under their name only when complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "buffer.hpp"
#include "files.hpp"

namespace groovefast {

// A frame is: length u64 LE, masked CRC-32C of these 8 bytes, the record, masked CRC-32C of it.
inline constexpr std::size_t kFrameHead = 12, kFrameFoot = 4;

// Adds a frame for a record of `size` bytes and returns where the record is to be written.
inline std::uint8_t* begin_record(Buffer<std::uint8_t>& frames, std::size_t size) {
  const std::size_t start = frames.size();
  frames.resize(start + kFrameHead + size + kFrameFoot);
  return frames.begin() + start + kFrameHead;
}

// Completes the frame around the record written there.
void end_record(std::uint8_t* record, std::size_t size);

// The temporary file a shard is written to; what a killed run leaves of it can be told by its name.
std::string temporary_path(const std::string& path);

// Writes one shard. Destroyed before publish() it leaves nothing behind.
class ShardWriter {
 public:
  // Throws FileError, as do write() and publish().
  explicit ShardWriter(std::string path);
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;
  ~ShardWriter();

  void write(std::span<const std::uint8_t> frames);

  // Once this returns the shard has its name, whatever becomes of the process. The disk gets it
  // when the system sees fit: waiting for that would take as long as all else, and what a power cut
  // takes is found by the sizes and checksums in the manifest.
  void publish();

  // Of all that was written so far.
  std::uint64_t size() const { return size_; }
  std::uint32_t crc() const { return crc_; }

 private:
  void reserve(std::uint64_t size);

  std::string path_, temporary_;
  int file_;
  std::uint64_t size_ = 0, reserved_ = 0;
  std::uint32_t crc_ = 0;
};

// What a walk over a shard found.
struct ShardCheck {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;       // up to the end of the last good record
  std::uint32_t crc = 0;         // CRC-32C of these bytes
  const char* damage = nullptr;  // what is wrong there; null if the file ends there
};

// Reads a shard and checks every checksum. Throws FileError if it cannot be read.
ShardCheck check_shard(const std::string& path);

}  // namespace groovefast
