// Folders -> a sorted list of the MIDI files in them, and their bytes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "buffer.hpp"

namespace groovefast {

// What the system refused to do with a file.
struct FileError : std::system_error {
  FileError(int error_number, std::string path)
      : std::system_error(error_number, std::generic_category(), path), path(std::move(path)) {}
  std::string path;
};

// Names are kept one behind the other in one string, so that a million cost some tens of MB.
class FileList {
 public:
  static constexpr std::uint32_t kNoArchive = 0xffffffff;
  // In place of an archive, of files that the caller reads.
  static constexpr std::uint32_t kCaller = 0xfffffffe;

  // From inputs added later, leaves out what lies in `folder`, by whatever links one comes there;
  // but an input that lies there itself is meant.
  void leave_out(const std::string& folder);

  // Adds a file, or every .mid, .midi, .smf and .kar file below a folder, however deep, but not in
  // hidden folders. Symbolic links are followed, but not back into a folder they lie in. Each .zip
  // is one of the archives from then on. Throws FileError if there is nothing at `path`.
  void add(const std::string& path);

  // Adds a member of an archive if it is MIDI, and in no hidden folder. Its name goes on from the
  // archive's. Returns whether it is an archive, for add_inner_archive().
  bool add_member(std::uint32_t archive, std::uint32_t member, std::string_view name);

  // Adds an archive that is a member of another; its number is that of archives so far.
  void add_inner_archive(std::uint32_t outer, std::string_view name);

  // Adds a file by its name in `folder`, which is empty or ends in a slash, and does not look for
  // it there; it may be one that only the caller can read. Those of one folder that are added one
  // after the other are one input.
  void add_named(std::string_view folder, std::string_view name, bool is_callers);

  // Orders by input as given, then by name, byte by byte.
  void sort();

  std::size_t size() const { return files_.size(); }
  // Path relative to the input, in bytes as the system gave them.
  std::string_view name(std::size_t index) const { return name_of(files_[index]); }
  std::string path(std::size_t index) const;
  // Of a file inside an archive; kNoArchive for one of its own, kCaller for one of the caller's.
  std::uint32_t archive(std::size_t index) const { return files_[index].archive; }
  std::uint32_t member(std::size_t index) const { return files_[index].member; }

  std::size_t num_archives() const { return archives_.size(); }
  // Of an archive that is in no other.
  const std::string& archive_path(std::size_t archive) const { return archives_[archive].path; }

  // Folders that could not be listed.
  const std::vector<FileError>& unreadable() const { return unreadable_; }

 private:
  struct File {
    std::uint64_t name;  // where it starts in names_
    std::uint32_t name_size, input, archive, member;
  };
  struct Archive {
    std::string path;
    std::string member_prefix;
    std::uint32_t input;
  };
  struct Folder;
  struct LeftOut {
    std::string path;  // real, ending in a slash; empty for none
    dev_t device = 0;
    ino_t inode = 0;
    bool is_meant = false;  // by the last input, which lies there
    bool applies() const { return !path.empty() && !is_meant; }
  };

  std::uint32_t last_input() const { return static_cast<std::uint32_t>(bases_.size() - 1); }
  std::string_view name_of(const File& file) const {
    return std::string_view(names_).substr(file.name, file.name_size);
  }
  // Whether something lies in the folder that is left out, or is it.
  bool is_left_out(const std::string& path) const;
  bool is_left_out(dev_t device, ino_t inode) const;
  void walk(Folder& folder);
  void add_file(std::string_view name);
  void add_archive(const std::string& name, std::string member_prefix);

  std::string names_;
  std::vector<File> files_;
  std::vector<std::string> bases_;  // by input: the folder its names start from, with a slash
  std::vector<Archive> archives_;
  std::vector<FileError> unreadable_;
  LeftOut left_out_;
};

// Larger files are refused: no performance comes near, and memory stays bounded.
inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 26;

// What read_file() returns for a pipe, a device and the like, none of which it waits for.
inline constexpr int kNotRegular = -1;

// Reads a whole file. Returns 0, kNotRegular, or the system's error number, EFBIG for a file over
// kMaxFileBytes.
int read_file(const std::string& path, Buffer<std::uint8_t>& bytes);

}  // namespace groovefast
