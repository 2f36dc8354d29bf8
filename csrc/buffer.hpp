// A growable array that keeps its memory from one file to the next, unless it is uncommonly much.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace groovefast {

// Unlike std::vector it lends an uninitialised slot past its end, which a later commit() keeps
// or leaves: so that hot loops need not branch on whether there was anything to store.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void clear() {
    if (capacity() > kKeptBytes / sizeof(T)) [[unlikely]] {
      data_.reset();
      limit_ = nullptr;
    }
    end_ = begin();
  }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin()); }
  bool empty() const { return end_ == begin(); }
  T* begin() { return data_.get(); }
  T* end() { return end_; }
  const T* begin() const { return data_.get(); }
  const T* end() const { return end_; }
  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }
  T& back() { return end_[-1]; }
  const T& back() const { return end_[-1]; }
  void pop_back() { --end_; }

  void push_back(const T& value) {
    const T copy = value;  // it may be one of these, which are about to move
    spare() = copy;
    commit(true);
  }

  // The slot after the last element.
  T& spare() {
    if (end_ == limit_) [[unlikely]]
      reallocate(std::max(2 * size(), kFirstCapacity));
    return *end_;
  }
  void commit(bool keep) { end_ += keep; }

  // New elements are left uninitialised.
  void resize(std::size_t size) {
    if (size > capacity()) reallocate(std::max(2 * capacity(), size));
    end_ = begin() + size;
  }

  void assign(const Buffer& other) {
    resize(other.size());
    std::copy(other.begin(), other.end(), begin());
  }

  operator std::span<const T>() const { return {begin(), size()}; }
  std::span<const T> subspan(std::size_t first, std::size_t last) const {
    return {begin() + first, last - first};
  }

 private:
  static constexpr std::size_t kFirstCapacity = 16;
  static constexpr std::size_t kKeptBytes = std::size_t{1} << 25;

  std::size_t capacity() const { return static_cast<std::size_t>(limit_ - begin()); }

  void reallocate(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<T[]>(capacity);
    end_ = std::copy(begin(), end_, larger.get());
    data_ = std::move(larger);
    limit_ = begin() + capacity;
  }

  std::unique_ptr<T[]> data_;
  T* end_ = nullptr;
  T* limit_ = nullptr;  // of the memory
};

}  // namespace groovefast
