// The cell of an LSTM: what a step does between its products.
#pragma once

#include <cstddef>

namespace groovefast {

// One step of some windows, those of each unit side by side. The gates are those of all units in
// the order i, j, f, o, and get `known` added first; of that the windows lie `window_stride` apart,
// 1 or 0, and the gates `gate_stride`.
struct LstmStep {
  std::size_t units;
  std::size_t windows;
  const float* gates;
  const float* known;
  std::ptrdiff_t gate_stride;
  std::ptrdiff_t window_stride;
  float* c;
  float* h;
};

// Leaves the next c and h.
void advance(const LstmStep& step);

}  // namespace groovefast
