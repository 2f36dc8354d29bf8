#include "score_windows.hpp"

namespace groovefast {

void ScoreWindows::find(const Score& score, const GridOptions& grid, const WindowOptions& windows) {
  score_ = &score;
  grid_options_ = grid;
  window_options_ = windows;
  size_ = num_songs_ = 0;
  steps_ = windows.steps;
  for (std::size_t index = 0; index < score.songs.size(); ++index) {
    find_in_song(index);
    if (windows_.empty()) continue;
    size_ += windows_.size();
    ++num_songs_;
    if (windows.steps == 0) steps_ = grid_->num_steps;
  }
}

void ScoreWindows::write(float* rows, std::uint8_t* velocities, std::int64_t* start_steps,
                         double* qpms) {
  const std::size_t songs = score_->songs.size();
  const auto steps = static_cast<std::size_t>(steps_);
  for (std::size_t index = 0; index < songs; ++index) {
    // The memory holds the last song found. Files of several are seldom.
    if (songs > 1) find_in_song(index);
    for (const Window& window : windows_) {
      fill_window(*grid_, window, rows, velocities);
      rows += steps * kStepDepth;
      velocities += steps * kDrums;
      *start_steps++ = window.start_step;
      *qpms++ = window.qpm;
    }
  }
}

void ScoreWindows::find_in_song(std::size_t index) {
  const Song song = score_->song(index);
  grid_ = &quantizer_.quantize(song, grid_options_);
  list_windows(song, *grid_, grid_options_.steps_per_quarter, window_options_, windows_);
}

}  // namespace groovefast
