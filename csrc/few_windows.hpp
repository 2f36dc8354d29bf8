// Products of a few windows. Of one they are as fast as the weights come from memory, and in 16
// bits, as they are stored, these are half as many bytes; of more, BLAS takes its time to make
// ready.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace groovefast {

// Whether this processor is quick at them, and reads weights in 16 bits as fast as they come.
bool few_windows_are_quick();

// Writes numbers in 16 bits; false if that would change any. Only where this is quick.
bool to_halves(std::span<const float> values, std::uint16_t* halves);

// A kernel, row by row, of numbers in 16 or 32 bits, and what it meets of some windows, which lie
// side by side: columns * windows numbers; of the product there are rows * windows.
template <typename Weight>
struct FewWindows {
  std::size_t rows;
  std::size_t columns;
  std::size_t stride;  // from one row to the next, where the kernel is a part of another
  std::size_t windows;
  const Weight* kernel;
  const float* x;
  float* out;
};

// Writes the product. Only where this is quick; of more than kMostWindows BLAS is as fast.
constexpr std::size_t kMostWindows = 12;
template <typename Weight>
void multiply(const FewWindows<Weight>& product);

}  // namespace groovefast
