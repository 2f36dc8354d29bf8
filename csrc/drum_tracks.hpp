// Sub-sequence -> tracks of drum tokens: the sum of 2^class of the classes hit on a step.
#pragma once

#include <cstdint>
#include <span>

#include "quantizer.hpp"
#include "sub_sequences.hpp"
#include "token_tracks.hpp"

namespace groovefast {

inline constexpr Token kSilence = 0;

// Adds the drum tracks of a sub-sequence with a grid, which `number` tells, to `tracks`.
void add_drum_tracks(std::span<const StepNote> notes, std::uint32_t number,
                     const PitchClasses& classes, const TrackOptions& options, TokenTracks& tracks);

}  // namespace groovefast
