#include "tfrecord.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "crc32c.hpp"

namespace groovefast {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kFirstReserve = 1 << 20, kMaxReserve = 1 << 24;
constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::uint64_t kMaxRecord = std::uint64_t{1} << 31;

void store_masked_crc(std::uint8_t* to, std::span<const std::uint8_t> data) {
  const std::uint32_t crc = mask_crc(crc32c(data));
  std::memcpy(to, &crc, sizeof crc);
}

bool holds_masked_crc(const std::uint8_t* from, std::span<const std::uint8_t> data) {
  std::uint32_t crc;
  std::memcpy(&crc, from, sizeof crc);
  return crc == mask_crc(crc32c(data));
}

// A file read front to back, with a view of the bytes not yet consumed.
class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw FileError(errno, path);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { ::close(file_); }

  // The next `size` bytes, or what the file still has.
  std::span<const std::uint8_t> peek(std::size_t size) {
    while (bytes_.size() - first_ < size && fill(size)) {
    }
    return {bytes_.begin() + first_, std::min(size, bytes_.size() - first_)};
  }
  void consume(std::size_t size) { first_ += size; }

 private:
  bool fill(std::size_t wanted) {
    const std::size_t kept = bytes_.size() - first_;
    if (kept) std::memmove(bytes_.begin(), bytes_.begin() + first_, kept);
    first_ = 0;
    // A length that its checksum vouches for may still be longer than the file: grow as it comes.
    bytes_.resize(kept + std::min(std::max(wanted - kept, kReadBytes), 8 * kReadBytes));
    ssize_t got;
    do {
      got = ::read(file_, bytes_.begin() + kept, bytes_.size() - kept);
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw FileError(errno, path_);
    bytes_.resize(kept + static_cast<std::size_t>(got));
    return got > 0;
  }

  std::string path_;
  int file_;
  Buffer<std::uint8_t> bytes_;
  std::size_t first_ = 0;
};

}  // namespace

void end_record(std::uint8_t* record, std::size_t size) {
  const std::uint64_t length = size;
  std::uint8_t* const frame = record - kFrameHead;
  std::memcpy(frame, &length, kLengthBytes);
  store_masked_crc(frame + kLengthBytes, {frame, kLengthBytes});
  store_masked_crc(record + size, {record, size});
}

std::string temporary_path(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;  // 0 where there is no slash
  return path.substr(0, name) + '.' + path.substr(name) + ".tmp";
}

ShardWriter::ShardWriter(std::string path)
    : path_(std::move(path)),
      temporary_(temporary_path(path_)),
      file_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (file_ < 0) throw FileError(errno, temporary_);
}

ShardWriter::~ShardWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void ShardWriter::write(std::span<const std::uint8_t> frames) {
  reserve(size_ + frames.size());
  crc_ = crc32c(frames, crc_);
  while (!frames.empty()) {
    const ssize_t written = ::write(file_, frames.data(), frames.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw FileError(errno, path_);
    frames = frames.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
}

// Blocks claimed ahead in large pieces spare the file system its bookkeeping at each write, which
// otherwise takes longer than the copying. A disk that cannot or will not is told by write().
void ShardWriter::reserve(std::uint64_t size) {
#if defined(__linux__)
  if (size < kFirstReserve || size <= reserved_) return;
  const std::uint64_t more = std::clamp(size, kFirstReserve, kMaxReserve);
  const auto start = static_cast<off_t>(size_), length = static_cast<off_t>(size - size_ + more);
  reserved_ =
      ::fallocate(file_, FALLOC_FL_KEEP_SIZE, start, length) == 0 ? size + more : UINT64_MAX;
#else
  (void)size;
#endif
}

void ShardWriter::publish() {
  if (reserved_ && ::ftruncate(file_, static_cast<off_t>(size_)) != 0)
    throw FileError(errno, path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw FileError(errno, path_);
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0) throw FileError(errno, path_);
}

ShardCheck check_shard(const std::string& path) {
  Reader reader(path);
  ShardCheck check;
  for (;;) {
    const auto head = reader.peek(kFrameHead);
    if (head.empty()) return check;
    std::uint64_t length = 0;
    if (head.size() == kFrameHead) std::memcpy(&length, head.data(), kLengthBytes);
    if (head.size() < kFrameHead) {
      check.damage = "ends within the length of a record";
    } else if (!holds_masked_crc(head.data() + kLengthBytes, head.first(kLengthBytes))) {
      check.damage = "wrong checksum of a record's length";
    } else if (length > kMaxRecord) {
      check.damage = "a record of over 2 GiB";
    }
    if (check.damage) return check;
    const std::size_t size = kFrameHead + static_cast<std::size_t>(length) + kFrameFoot;
    const auto frame = reader.peek(size);
    if (frame.size() < size) {
      check.damage = "ends within a record";
    } else if (!holds_masked_crc(frame.data() + size - kFrameFoot,
                                 frame.subspan(kFrameHead, static_cast<std::size_t>(length)))) {
      check.damage = "wrong checksum of a record";
    }
    if (check.damage) return check;
    check.crc = crc32c(frame, check.crc);
    reader.consume(size);
    check.bytes += size;
    ++check.records;
  }
}

}  // namespace groovefast
