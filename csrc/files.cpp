#include "files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>

namespace groovefast {
namespace {

constexpr std::size_t kFirstReadBytes = 1 << 18;

enum class Kind { kOther, kMidi, kArchive };

Kind kind_of(std::string_view name) {
  constexpr std::array<std::string_view, 4> kMidiEndings = {".mid", ".midi", ".smf", ".kar"};
  const auto ends_with = [&](std::string_view ending) {
    return name.size() >= ending.size() &&
           std::equal(
               ending.begin(), ending.end(), name.end() - static_cast<long>(ending.size()),
               [](char wanted, char c) { return wanted == (c | ('A' <= c && c <= 'Z') * 32); });
  };
  // macOS puts a "._NAME" that is no MIDI beside a file on foreign disks and in archives.
  if (name.substr(name.rfind('/') + 1).starts_with("._")) return Kind::kOther;
  if (std::any_of(kMidiEndings.begin(), kMidiEndings.end(), ends_with)) return Kind::kMidi;
  return ends_with(".zip") ? Kind::kArchive : Kind::kOther;
}

// Whether a folder is one that users do not see, or that macOS adds of its own.
bool is_hidden(std::string_view folder) {
  return folder == "__MACOSX" || (folder.starts_with('.') && folder != "." && folder != "..");
}

// Whether a member of an archive is in such a folder.
bool lies_hidden(std::string_view member) {
  for (std::size_t slash; (slash = member.find('/')) != member.npos;) {
    const std::string_view folder = member.substr(0, slash);
    if (is_hidden(folder)) return true;
    member.remove_prefix(slash + 1);
  }
  return false;
}

// A path without links, ending in a slash; empty where there is nothing.
std::string real_path(const std::string& path) {
  std::error_code error;
  std::string real = std::filesystem::canonical(path, error).string();
  if (!error && !real.ends_with('/')) real += '/';
  return real;
}

class OpenFolder {
 public:
  explicit OpenFolder(const std::string& path) : directory_(::opendir(path.c_str())) {}
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;
  ~OpenFolder() {
    if (directory_) ::closedir(directory_);
  }

  explicit operator bool() const { return directory_ != nullptr; }
  int descriptor() const { return ::dirfd(directory_); }

  // The next entry, or null at the end and on failure, which errno tells apart.
  const dirent* next() {
    errno = 0;
    return ::readdir(directory_);
  }

  // Whether an entry is a folder, or a link to one.
  bool is_folder(const dirent& entry) const {
    if (!may_be_link(entry)) return entry.d_type == DT_DIR;
    struct stat status;
    return ::fstatat(descriptor(), entry.d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
  }

  static bool may_be_link(const dirent& entry) {
    return entry.d_type == DT_LNK || entry.d_type == DT_UNKNOWN;
  }

 private:
  DIR* directory_;
};

// What is wrong with a file that was not opened: for a socket the system's error says little.
int why_not_opened(const std::string& path, int error) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) ? kNotRegular : error;
}

int why_not_to_read(int file) {
  struct stat status;
  if (::fstat(file, &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return kNotRegular;
  return static_cast<std::uint64_t>(status.st_size) > kMaxFileBytes ? EFBIG : 0;
}

}  // namespace

// A folder being walked, and those it lies in.
struct FileList::Folder {
  std::string path;  // ending in a slash
  std::size_t base;  // length of the input's own path at the start of it
  const Folder* parent = nullptr;
  dev_t device = 0;
  ino_t inode = 0;

  bool lies_in_itself() const {
    for (const Folder* above = parent; above; above = above->parent) {
      if (above->device == device && above->inode == inode) return true;
    }
    return false;
  }
};

void FileList::leave_out(const std::string& folder) {
  struct stat status;
  if (::stat(folder.c_str(), &status) != 0) return;  // nothing is there yet
  left_out_ = {real_path(folder), status.st_dev, status.st_ino};
}

bool FileList::is_left_out(const std::string& path) const {
  return left_out_.applies() && real_path(path).starts_with(left_out_.path);
}

bool FileList::is_left_out(dev_t device, ino_t inode) const {
  return left_out_.applies() && left_out_.device == device && left_out_.inode == inode;
}

void FileList::add(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) throw FileError(errno, path);
  left_out_.is_meant = false;
  left_out_.is_meant = is_left_out(path);
  if (S_ISDIR(status.st_mode)) {
    bases_.push_back(path.ends_with('/') ? path : path + '/');
    Folder folder{bases_.back(), bases_.back().size()};
    walk(folder);
    return;
  }
  const std::size_t name = path.rfind('/') + 1;  // 0 where there is no slash
  bases_.push_back(path.substr(0, name));
  if (kind_of(path) == Kind::kArchive) {
    add_archive(path.substr(name), "");
  } else {
    add_file(path.substr(name));
  }
}

void FileList::walk(Folder& folder) {
  std::vector<std::string> below;  // walked when this folder is closed again: depth costs no files
  {
    OpenFolder open(folder.path);
    struct stat status;
    if (!open || ::fstat(open.descriptor(), &status) != 0) {
      unreadable_.emplace_back(errno, folder.path);
      return;
    }
    folder.device = status.st_dev;
    folder.inode = status.st_ino;
    if (folder.lies_in_itself() || is_left_out(folder.device, folder.inode)) return;
    const std::string prefix = folder.path.substr(folder.base);
    while (const dirent* entry = open.next()) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      const bool is_folder = open.is_folder(*entry);
      const Kind kind = kind_of(name);
      if (is_folder ? is_hidden(name) : kind == Kind::kOther) continue;
      const std::string path = folder.path + entry->d_name;
      if (OpenFolder::may_be_link(*entry) && is_left_out(path)) continue;
      if (is_folder) {
        below.push_back(path + '/');
      } else if (kind == Kind::kMidi) {
        add_file(prefix + entry->d_name);  // what is no regular file is named when it is read
      } else {
        add_archive(prefix + entry->d_name, prefix + entry->d_name + '/');
      }
    }
    if (errno) unreadable_.emplace_back(errno, folder.path);
  }
  for (std::string& path : below) {
    Folder next{std::move(path), folder.base, &folder};
    walk(next);
  }
}

void FileList::add_file(std::string_view name) {
  const auto size = static_cast<std::uint32_t>(name.size());
  files_.push_back({names_.size(), size, last_input(), kNoArchive, 0});
  names_ += name;
}

void FileList::add_archive(const std::string& name, std::string member_prefix) {
  archives_.push_back({bases_.back() + name, std::move(member_prefix), last_input()});
}

bool FileList::add_member(std::uint32_t archive, std::uint32_t member, std::string_view name) {
  if (lies_hidden(name)) return false;
  if (kind_of(name) != Kind::kMidi) return kind_of(name) == Kind::kArchive;
  add_file(archives_[archive].member_prefix + std::string(name));
  files_.back().input = archives_[archive].input;
  files_.back().archive = archive;
  files_.back().member = member;
  return false;
}

void FileList::add_inner_archive(std::uint32_t outer, std::string_view name) {
  std::string prefix = archives_[outer].member_prefix + std::string(name) + '/';
  archives_.push_back({"", std::move(prefix), archives_[outer].input});
}

void FileList::add_named(std::string_view folder, std::string_view name, bool is_callers) {
  if (bases_.empty() || bases_.back() != folder) bases_.emplace_back(folder);
  add_file(name);
  if (is_callers) files_.back().archive = kCaller;
}

void FileList::sort() {
  std::sort(files_.begin(), files_.end(), [this](const File& a, const File& b) {
    if (a.input != b.input) return a.input < b.input;
    const int order = name_of(a).compare(name_of(b));
    if (order != 0) return order < 0;
    // Within archives a name may come twice.
    return std::pair(a.archive, a.member) < std::pair(b.archive, b.member);
  });
}

std::string FileList::path(std::size_t index) const {
  return std::string(bases_[files_[index].input]).append(name(index));
}

int read_file(const std::string& path, Buffer<std::uint8_t>& bytes) {
  bytes.clear();
  // Not to wait for a pipe, nor to take on a terminal.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return why_not_opened(path, errno);
  int error = why_not_to_read(file);
  std::size_t size = 0;
  for (bool at_end = false; !at_end && !error;) {
    bytes.resize(std::max(2 * size, kFirstReadBytes));
    const std::size_t room = bytes.size() - size;
    const ssize_t got = ::read(file, bytes.begin() + size, room);
    if (got < 0) {
      if (errno != EINTR) error = errno;
      continue;
    }
    size += static_cast<std::size_t>(got);
    at_end = static_cast<std::size_t>(got) < room;
    if (size > kMaxFileBytes) error = EFBIG;
  }
  bytes.resize(size);
  ::close(file);
  return error;
}

}  // namespace groovefast
