// What numpy has to know of a struct to take it as it is: told by the compiler, and written
// nowhere.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "placement.hpp"
#include "smf.hpp"

namespace groovefast {

struct Field {
  const char* name;
  char kind;  // numpy's: signed or unsigned integer, float, or truth value
  std::size_t size, offset;
};

struct Layout {
  std::span<const Field> fields;
  std::size_t size;
};

template <class T>
constexpr char kind_of() {
  static_assert(std::is_arithmetic_v<T>);
  if (std::is_same_v<T, bool>) return 'b';
  if (std::is_floating_point_v<T>) return 'f';
  return std::is_signed_v<T> ? 'i' : 'u';
}

#define FIELD(Struct, member) \
  {#member, kind_of<decltype(Struct::member)>(), sizeof(Struct::member), offsetof(Struct, member)}

inline constexpr Field kNoteFields[] = {
    FIELD(Note, tick),  FIELD(Note, end_tick), FIELD(Note, time),    FIELD(Note, end_time),
    FIELD(Note, pitch), FIELD(Note, velocity), FIELD(Note, channel), FIELD(Note, program),
    FIELD(Note, track), FIELD(Note, unended)};
inline constexpr Field kTempoFields[] = {FIELD(Tempo, tick), FIELD(Tempo, time), FIELD(Tempo, qpm),
                                         FIELD(Tempo, track)};
inline constexpr Field kTimeSignatureFields[] = {
    FIELD(TimeSignature, tick), FIELD(TimeSignature, time), FIELD(TimeSignature, numerator),
    FIELD(TimeSignature, denominator), FIELD(TimeSignature, track)};
inline constexpr Field kPlacedNoteFields[] = {FIELD(PlacedNote, note), FIELD(PlacedNote, leader),
                                              FIELD(PlacedNote, row), FIELD(PlacedNote, drum)};
inline constexpr Field kGridRowFields[] = {FIELD(GridRow, tick), FIELD(GridRow, first_tick),
                                           FIELD(GridRow, last_tick)};
inline constexpr Field kGridBarFields[] = {FIELD(GridBar, first_tick), FIELD(GridBar, end_tick),
                                           FIELD(GridBar, num_steps),  FIELD(GridBar, song),
                                           FIELD(GridBar, number),     FIELD(GridBar, numerator),
                                           FIELD(GridBar, denominator)};

#undef FIELD

inline constexpr Layout kNoteLayout{kNoteFields, sizeof(Note)};
inline constexpr Layout kTempoLayout{kTempoFields, sizeof(Tempo)};
inline constexpr Layout kTimeSignatureLayout{kTimeSignatureFields, sizeof(TimeSignature)};
inline constexpr Layout kPlacedNoteLayout{kPlacedNoteFields, sizeof(PlacedNote)};
inline constexpr Layout kGridRowLayout{kGridRowFields, sizeof(GridRow)};
inline constexpr Layout kGridBarLayout{kGridBarFields, sizeof(GridBar)};

}  // namespace groovefast
