#include "lstm.hpp"

#include <bit>
#include <cstdint>

// The widest vectors that the processor at hand has. Sanitizers start too late for it.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__) && (defined(__GNUC__) && !defined(__clang__))
#define GROOVEFAST_WIDEST \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GROOVEFAST_WIDEST
#endif
#define GROOVEFAST_INLINE [[gnu::always_inline]] inline  // so that it is compiled for those, too

namespace groovefast {
namespace {

constexpr float kLargest = 40;  // beyond it exp(x) + 1 is exp(x), and within it no power overflows
constexpr float kLog2E = 0x1.715476p+0f;
constexpr float kLn2High = 0x1.62e4p-1f;  // so short that its multiples are exact
constexpr float kLn2Low = 0x1.7f7d1cp-20f;
constexpr float kRounding = 0x1.8p+23f;  // added to a number, its last bits are that to the nearest
constexpr std::uint32_t kExponent = 23;
constexpr std::uint32_t kExponentOf1 = 127u << kExponent;

// exp(x) - 1, exact to some 2 units in the last place, for small x too. exp(x) is 2^n exp(r), with
// r at most ln(2) / 2, of which seven terms of the series suffice.
GROOVEFAST_INLINE float expm1_of(float x) {
  x = x < -kLargest ? -kLargest : x;
  x = x > kLargest ? kLargest : x;
  const float rounded = x * kLog2E + kRounding;
  const float n = rounded - kRounding;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float series = 1.0f / 5040;
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  series = series * r * r + r;
  const auto power =
      std::bit_cast<float>((std::bit_cast<std::uint32_t>(rounded) << kExponent) + kExponentOf1);
  return power * series + (power - 1);
}

GROOVEFAST_INLINE float sigmoid(float x) {
  const float e = expm1_of(x);
  return (e + 1) / (e + 2);
}

// The product of both, with a single division.
GROOVEFAST_INLINE float sigmoid_times_tanh(float x, float y) {
  const float e = expm1_of(x), e2 = expm1_of(2 * y);
  return (e + 1) * e2 / ((e + 2) * (e2 + 2));
}

// The gates of what lies side by side: of the windows of a unit, or of all units.
struct Row {
  const float* gates;
  const float* known;
};

// `kApart` is how far what is known of one and the next lies apart.
template <std::ptrdiff_t kApart>
GROOVEFAST_INLINE void advance_row(std::size_t length, Row i, Row j, Row f, Row o,
                                   float* __restrict c, float* __restrict h) {
  for (std::size_t k = 0; k < length; ++k) {
    const auto at = static_cast<std::ptrdiff_t>(k) * kApart;
    const float kept = c[k] * sigmoid(f.gates[k] + f.known[at]);
    c[k] = kept + sigmoid_times_tanh(i.gates[k] + i.known[at], j.gates[k] + j.known[at]);
    h[k] = sigmoid_times_tanh(o.gates[k] + o.known[at], c[k]);
  }
}

template <std::ptrdiff_t kApart>
GROOVEFAST_INLINE void advance_units(const LstmStep& step, std::size_t units, std::size_t windows) {
  const auto of_gate = [&](std::size_t gate, std::size_t unit) {
    const std::size_t row = gate * units + unit;
    return Row{
        step.gates + row * windows,
        step.known + static_cast<std::ptrdiff_t>(row * (step.units / units)) * step.gate_stride};
  };
  for (std::size_t unit = 0; unit < units; ++unit) {
    advance_row<kApart>(windows, of_gate(0, unit), of_gate(1, unit), of_gate(2, unit),
                        of_gate(3, unit), step.c + unit * windows, step.h + unit * windows);
  }
}

}  // namespace

GROOVEFAST_WIDEST void advance(const LstmStep& step) {
  const auto windows = static_cast<std::ptrdiff_t>(step.windows);
  const bool in_one_piece = step.gate_stride == (windows == 1 ? 1 : windows * step.window_stride);
  if (in_one_piece && (windows == 1 || step.window_stride == 1)) {
    advance_units<1>(step, 1, step.units * step.windows);
  } else if (step.window_stride == 0) {
    advance_units<0>(step, step.units, step.windows);
  } else {
    advance_units<1>(step, step.units, step.windows);
  }
}

}  // namespace groovefast
