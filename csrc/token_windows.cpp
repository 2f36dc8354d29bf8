#include "token_windows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace groovefast {
namespace {

std::uint64_t hash_of(std::span<const Token> tokens) {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (std::size_t i = 0; i < tokens.size(); i += 4) {
    std::uint64_t word = 0;
    std::memcpy(&word, &tokens[i], std::min<std::size_t>(4, tokens.size() - i) * sizeof(Token));
    hash = std::rotl(hash ^ word, 29) * 0xff51afd7ed558ccd;
  }
  return hash ^ (hash >> 32);
}

}  // namespace

void TokenWindows::clear(std::size_t tokens_per_window) {
  tokens_per_window_ = tokens_per_window;
  list.clear();
  tokens.clear();
}

void TokenWindows::begin_sub_sequence(std::size_t most) {
  first_ = list.size();
  hashes_.clear();
  slots_.resize(std::bit_ceil(2 * most + 1));
  std::fill(slots_.begin(), slots_.end(), 0u);
}

std::span<Token> TokenWindows::draft() {
  tokens.resize((list.size() + 1) * tokens_per_window_);
  return {tokens_of(list.size()), tokens_per_window_};
}

void TokenWindows::keep(const TokenWindow& window) { list.push_back(window); }

void TokenWindows::keep_if_new(const TokenWindow& window) {
  const std::span<const Token> own(tokens_of(list.size()), tokens_per_window_);
  const std::uint64_t hash = hash_of(own);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const std::size_t known = slots_[slot] - 1;
    if (hashes_[known] != hash) continue;
    if (std::equal(own.begin(), own.end(), tokens_of(first_ + known))) return;
  }
  hashes_.push_back(hash);
  slots_[slot] = static_cast<std::uint32_t>(hashes_.size());
  keep(window);
}

}  // namespace groovefast
