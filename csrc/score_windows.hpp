// Score -> windows of all its songs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.hpp"
#include "quantizer.hpp"
#include "smf.hpp"

namespace groovefast {

class ScoreWindows {
 public:
  // Finds the windows of a score, which has to stay until they are written.
  void find(const Score& score, const GridOptions& grid, const WindowOptions& windows);

  std::size_t size() const { return size_; }
  std::int64_t steps() const { return steps_; }         // of a window; 0 if whole songs have none
  std::size_t num_songs() const { return num_songs_; }  // that have windows

  // Writes them one after the other, as fill_window does, and of each where in its song it starts,
  // and its tempo there. Rows and velocities come zeroed.
  void write(float* rows, std::uint8_t* velocities, std::int64_t* start_steps, double* qpms);

 private:
  void find_in_song(std::size_t index);

  const Score* score_ = nullptr;
  GridOptions grid_options_;
  WindowOptions window_options_;
  std::size_t size_ = 0, num_songs_ = 0;
  std::int64_t steps_ = 0;
  Quantizer quantizer_;
  const Grid* grid_ = nullptr;  // of the last song
  Buffer<Window> windows_;      // of it
};

}  // namespace groovefast
