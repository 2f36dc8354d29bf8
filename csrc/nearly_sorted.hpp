// A stable sort for what comes nearly in order, as the notes of a file do.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace groovefast {

// Insertion is fastest where little moves. `items` that turn out to be in disorder are left to a
// merge sort, so that the time is never quadratic.
template <class T, class Precedes>
void sort_nearly_sorted(std::span<T> items, Precedes precedes) {
  // Moves an item may cost on average; a merge sort is cheaper above.
  constexpr std::size_t kMovesPerItem = 16;
  std::size_t moves_left = kMovesPerItem * items.size();
  for (std::size_t i = 1; i < items.size(); ++i) {
    if (!precedes(items[i], items[i - 1])) continue;
    const T item = items[i];
    std::size_t place = i;
    do {
      items[place] = items[place - 1];
      --place;
    } while (place > 0 && precedes(item, items[place - 1]));
    items[place] = item;
    if (i - place > moves_left) return std::stable_sort(items.begin(), items.end(), precedes);
    moves_left -= i - place;
  }
}

}  // namespace groovefast
