#include "few_windows.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

#include <vector>

namespace groovefast {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kSums = 12;  // at once, so that none waits for the one before

#define GROOVEFAST_FEW_WINDOWS __attribute__((target("avx2,fma,f16c")))

GROOVEFAST_FEW_WINDOWS float sum_of(__m256 lanes) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

GROOVEFAST_FEW_WINDOWS __m256 eight_of(const std::uint16_t* weights) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights)));
}

GROOVEFAST_FEW_WINDOWS __m256 eight_of(const float* weights) { return _mm256_loadu_ps(weights); }

GROOVEFAST_FEW_WINDOWS float one_of(std::uint16_t weight) { return _cvtsh_ss(weight); }

GROOVEFAST_FEW_WINDOWS float one_of(float weight) { return weight; }

// Some rows with some windows. `x` is that of one window after the other.
template <std::size_t kRows, std::size_t kWindows, typename Weight>
GROOVEFAST_FEW_WINDOWS void rows_times(const FewWindows<Weight>& product, const Weight* kernel,
                                       const float* x, float* out) {
  constexpr std::size_t kTogether = kRows * kWindows;
  const std::size_t columns = product.columns, stride = product.stride;
  __m256 sums[kTogether];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  std::size_t k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    for (std::size_t row = 0; row < kRows; ++row) {
      const __m256 weights = eight_of(kernel + row * stride + k);
      for (std::size_t window = 0; window < kWindows; ++window) {
        const __m256 inputs = _mm256_loadu_ps(x + window * columns + k);
        __m256& sum = sums[row * kWindows + window];
        sum = _mm256_fmadd_ps(weights, inputs, sum);
      }
    }
  }
  // A loop of its own, so that it is unrolled: otherwise the sums above would lie in memory.
  float totals[kTogether];
  for (std::size_t number = 0; number < kTogether; ++number) totals[number] = sum_of(sums[number]);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t window = 0; window < kWindows; ++window) {
      float total = totals[row * kWindows + window];
      for (std::size_t last = k; last < columns; ++last) {
        total += one_of(kernel[row * stride + last]) * x[window * columns + last];
      }
      out[row * product.windows + window] = total;
    }
  }
}

// All rows with some windows.
template <std::size_t kWindows, typename Weight>
GROOVEFAST_FEW_WINDOWS void all_rows_times(const FewWindows<Weight>& product, const float* x,
                                           float* out) {
  constexpr std::size_t kRows = kSums / kWindows;
  const Weight* kernel = product.kernel;
  std::size_t left = product.rows;
  for (; left >= kRows; left -= kRows) {
    rows_times<kRows, kWindows>(product, kernel, x, out);
    kernel += kRows * product.stride;
    out += kRows * product.windows;
  }
  for (; left > 0; --left) {
    rows_times<1, kWindows>(product, kernel, x, out);
    kernel += product.stride;
    out += product.windows;
  }
}

GROOVEFAST_FEW_WINDOWS bool all_to_halves(std::span<const float> values, std::uint16_t* halves) {
  std::size_t k = 0;
  for (; k + kLanes <= values.size(); k += kLanes) {
    const __m256 eight = _mm256_loadu_ps(&values[k]);
    const __m128i narrowed = _mm256_cvtps_ph(eight, _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(halves + k), narrowed);
    const __m256 again = _mm256_cvtph_ps(narrowed);
    if (_mm256_movemask_ps(_mm256_cmp_ps(again, eight, _CMP_NEQ_UQ)) != 0) return false;
  }
  for (; k < values.size(); ++k) {
    halves[k] = _cvtss_sh(values[k], _MM_FROUND_TO_NEAREST_INT);
    if (_cvtsh_ss(halves[k]) != values[k]) return false;
  }
  return true;
}

}  // namespace

bool few_windows_are_quick() {
  static const bool are_quick = [] {  // asked once: where machines are virtual the answer is slow
    unsigned int a = 0, b = 0, c = 0, d = 0;
    const bool has_f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
    return has_f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  }();
  return are_quick;
}

bool to_halves(std::span<const float> values, std::uint16_t* halves) {
  return all_to_halves(values, halves);
}

template <typename Weight>
void multiply(const FewWindows<Weight>& product) {
  const std::size_t columns = product.columns, windows = product.windows;
  std::vector<float> turned(columns * windows);
  for (std::size_t window = 0; window < windows; ++window) {
    for (std::size_t k = 0; k < columns; ++k) {
      turned[window * columns + k] = product.x[k * windows + window];
    }
  }
  const float* x = turned.data();
  float* out = product.out;
  std::size_t left = windows;
  for (; left >= 4; left -= 4, x += 4 * columns, out += 4) all_rows_times<4>(product, x, out);
  if (left == 3) all_rows_times<3>(product, x, out);
  if (left == 2) all_rows_times<2>(product, x, out);
  if (left == 1) all_rows_times<1>(product, x, out);
}

}  // namespace groovefast

#else

namespace groovefast {

bool few_windows_are_quick() { return false; }
bool to_halves(std::span<const float>, std::uint16_t*) { return false; }
template <typename Weight>
void multiply(const FewWindows<Weight>&) {}

}  // namespace groovefast

#endif

template void groovefast::multiply(const FewWindows<std::uint16_t>&);
template void groovefast::multiply(const FewWindows<float>&);
