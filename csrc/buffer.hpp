// A growable array that keeps its memory from one file to the next.
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
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_.get(); }
  T* end() { return data_.get() + size_; }
  const T* begin() const { return data_.get(); }
  const T* end() const { return data_.get() + size_; }
  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  void pop_back() { --size_; }

  void push_back(const T& value) {
    spare() = value;
    commit(true);
  }

  // The slot after the last element.
  T& spare() {
    if (size_ == capacity_) [[unlikely]] reallocate(std::max(2 * capacity_, kFirstCapacity));
    return data_[size_];
  }
  void commit(bool keep) { size_ += keep; }

  // New elements are left uninitialised.
  void resize(std::size_t size) {
    if (size > capacity_) reallocate(std::max(2 * capacity_, size));
    size_ = size;
  }

  operator std::span<const T>() const { return {begin(), size_}; }
  std::span<const T> subspan(std::size_t first, std::size_t last) const {
    return {begin() + first, last - first};
  }

 private:
  static constexpr std::size_t kFirstCapacity = 16;

  void reallocate(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<T[]>(capacity);
    std::copy_n(data_.get(), size_, larger.get());
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace groovefast
