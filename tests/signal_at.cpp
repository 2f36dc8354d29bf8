// Loaded ahead of all libraries into a process that writes to a folder, it sends that process a
// signal at a given one of its changes there: when it is about to rename or to remove a file, or
// within a write, half of which is done. See signals.py.

#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

// Whether a change of this file is the one.
bool is_it(const char* path) {
  static const std::string folder = variable("SIGNAL_FOLDER");
  static const std::string name = variable("SIGNAL_NAME");
  static const int number = std::atoi(variable("SIGNAL_CHANGE").c_str());
  static std::atomic<int> changes = 0;
  return std::strncmp(path, folder.c_str(), folder.size()) == 0 &&
         std::strstr(path, name.c_str()) && ++changes == number;
}

void send() {
  static const int number = std::atoi(variable("SIGNAL_NUMBER").c_str());
  ::kill(::getpid(), number);
}

}  // namespace

extern "C" {

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  if (is_it(to)) send();
  return real(from, to);
}

int unlink(const char* path) {
  static const auto real = next<int (*)(const char*)>("unlink");
  if (is_it(path)) send();
  return real(path);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  if (!is_it(path)) return real(file, bytes, size);
  const ssize_t half = real(file, bytes, size / 2);
  send();
  return half;
}
}
