// Weights in 16 bits, as they are stored: for a few windows a product is as fast as its weights
// come from memory, and these are half as many bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace groovefast {

// Whether this processor reads them as fast as they come.
bool halves_are_quick();

// Writes numbers in 16 bits; false if that would change any. Only where they are quick.
bool to_halves(std::span<const float> values, std::uint16_t* halves);

// A kernel in 16 bits, row by row, and what it meets of some windows, which lie side by side:
// columns * windows numbers; of the product there are rows * windows.
struct HalvesProduct {
  std::size_t rows;
  std::size_t columns;
  std::size_t windows;
  const std::uint16_t* kernel;
  const float* x;
  float* out;
};

// Writes the product. Only where they are quick; of more than kMostWindows BLAS is as fast.
constexpr std::size_t kMostWindows = 12;
void multiply(const HalvesProduct& product);

}  // namespace groovefast
