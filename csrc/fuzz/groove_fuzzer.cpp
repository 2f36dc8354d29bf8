// Fuzz target: bytes -> score -> grid -> windows and records -> back, with what must hold at each;
// and bytes -> score -> placed notes; or bytes -> score -> windows of tokens.
//
// The first byte of an input chooses the options, the rest is the file.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "crc32c.hpp"
#include "example.hpp"
#include "example_reader.hpp"
#include "placement.hpp"
#include "quantizer.hpp"
#include "score_tokens.hpp"
#include "smf.hpp"
#include "tfrecord.hpp"

namespace groovefast::fuzz {
namespace {

// Executions a second count: long records are not read back, and long songs not placed.
constexpr std::int64_t kStepsRead = 1024;
constexpr int kWindowSteps = 32, kHopSteps = 16;

struct Options {
  ParseOptions parse;
  GridOptions grid;
  bool whole_song, compare_with_fresh, tokens;

  explicit Options(std::uint8_t bits)
      : whole_song(bits & 4), compare_with_fresh(bits & 8), tokens(bits & 64) {
    if (bits & 1) parse.channels = 0xffff;
    if (bits & 16) parse.track = 2;
    if (bits & 32) parse.track_names = {"Drums"};
    parse.magenta_compat = grid.magenta_compat = bits & 2;
    parse.meters_of_no_beats = tokens;
    for (std::size_t pitch = 0; pitch < kPitches; ++pitch) {
      grid.pitch_class[pitch] = static_cast<std::uint8_t>(pitch % 10 == 9 ? kUnmapped : pitch % 10);
    }
  }
};

void check_score(const Score& score, std::size_t file_size) {
  if (score.damage) require(score.damage->offset <= file_size && score.damage->what()[0]);
  require(score.damage || !score.songs.empty());
  SongBounds last{};
  for (const SongBounds& song : score.songs) {
    require(song.first_note == last.last_note && song.first_note <= song.last_note);
    require(song.first_tempo == last.last_tempo && song.first_tempo < song.last_tempo);
    require(song.first_time_signature == last.last_time_signature);
    last = song;
  }
  require(last.last_note == score.notes.size() && last.last_tempo == score.tempos.size());
  require(last.last_time_signature == score.time_signatures.size());
}

void check_song(const Song& song, bool magenta_compat) {
  require(song.tempos[0].tick == 0 && song.tempos[0].time == 0);
  for (std::size_t i = 1; i < song.tempos.size(); ++i) {
    const std::int64_t ticks = song.tempos[i].tick - song.tempos[i - 1].tick;
    require(ticks > 0 || (ticks == 0 && magenta_compat));
    require(song.tempos[i].time > song.tempos[i - 1].time || ticks == 0);
    require(song.tempos[i].qpm != song.tempos[i - 1].qpm);
  }
  for (std::size_t i = 1; i < song.time_signatures.size(); ++i) {
    require(song.time_signatures[i].tick >= song.time_signatures[i - 1].tick);
  }
  for (const Note& note : song.notes) {
    require(note.tick >= 0 && note.end_tick > note.tick);
    require(note.time >= 0 && note.end_time > note.time && std::isfinite(note.end_time));
    require(note.velocity >= 1 && note.velocity < 128 && note.pitch < kPitches);
    require(note.channel < kChannels && note.program < 128);
  }
}

void check_grid(const Song& song, const Grid& grid) {
  std::size_t notes = grid.mapped;
  for (const std::uint32_t count : grid.unmapped) notes += count;
  require(notes == song.notes.size() || grid.rejected != Rejected::kNo);
  if (grid.rejected != Rejected::kNo) return;
  std::int64_t last_cell = -1;
  for (const Hit& hit : grid.hits) {
    const std::int64_t cell = hit.step * kDrums + hit.drum;
    require(hit.drum < kDrums && cell > last_cell);
    require(std::abs(hit.offset) <= 1.0f && hit.velocity >= 1 && hit.note < grid.mapped);
    last_cell = cell;
  }
  std::int64_t last_end = 0;
  for (const Stretch& stretch : grid.stretches) {
    require(stretch.first_step >= last_end && stretch.num_steps > 0);
    last_end = stretch.first_step + stretch.num_steps;
  }
  require(last_end <= grid.num_steps && grid.num_steps > grid.hits.back().step);
}

template <class Value>
Value value_of(const Feature& feature) {
  require(feature.value.size() == sizeof(Value));
  Value value;
  std::memcpy(&value, feature.value.data(), sizeof value);
  return value;
}

std::int64_t int_of(const Feature& feature) {
  require(feature.kind == 3);
  Message list(feature.value);
  const auto value = static_cast<std::int64_t>(list.varint());
  require(list.empty());
  return value;
}

// What a frame holds, once its checksums are right and it takes up all of `frames`.
Bytes open_frame(Bytes frames) {
  require(frames.size() >= kFrameHead + kFrameFoot);
  std::uint64_t size;
  std::uint32_t size_crc, crc;
  std::memcpy(&size, frames.data(), sizeof size);
  std::memcpy(&size_crc, frames.data() + sizeof size, sizeof size_crc);
  require(size == frames.size() - kFrameHead - kFrameFoot);
  const Bytes record = frames.subspan(kFrameHead, size);
  std::memcpy(&crc, record.data() + size, sizeof crc);
  require(size_crc == mask_crc(crc32c_by_table(frames.first(sizeof size))));
  require(crc == mask_crc(crc32c_by_table(record)));
  return record;
}

std::vector<std::int64_t> ints_of(const Feature& feature) {
  require(feature.kind == 3);
  std::vector<std::int64_t> values;
  for (Message list(feature.value); !list.empty();) {
    values.push_back(static_cast<std::int64_t>(list.varint()));
  }
  return values;
}

// The later tempos stand in two lists, of which a record of one tempo has neither.
void check_tempos(const std::map<std::string, Feature>& features, const Performance& performance) {
  require(value_of<float>(features.at("qpm")) == static_cast<float>(performance.tempos[0].qpm));
  const bool changes = performance.tempos.size() > 1;
  require(features.contains("tempo_change_steps") == changes);
  require(features.contains("tempo_change_qpms") == changes);
  if (!changes) return;
  const auto steps = ints_of(features.at("tempo_change_steps"));
  require(steps.size() == performance.tempos.size() - 1);
  require(features.at("tempo_change_qpms").value.size() == steps.size() * sizeof(float));
  std::int64_t last = 0;
  for (const std::int64_t step : steps) {
    require(step > last && step < performance.steps);
    last = step;
  }
}

void check_record(Bytes record, const Performance& performance) {
  const auto features = read_example(record);
  const auto cells = static_cast<std::size_t>(performance.steps) * kDrums;
  require(int_of(features.at("steps")) == performance.steps);
  require(int_of(features.at("start_step")) == performance.start_step);
  require(int_of(features.at("steps_per_quarter")) == performance.steps_per_quarter);
  require(value_of<float>(features.at("quarters_per_bar")) *
              static_cast<float>(performance.steps_per_quarter) ==
          static_cast<float>(performance.steps_per_bar));
  check_tempos(features, performance);
  const Bytes hits = features.at("hits").value, velocities = features.at("velocities").value,
              offsets = features.at("offsets").value;
  require(hits.size() == cells && velocities.size() == cells &&
          offsets.size() == cells * sizeof(float));
  std::size_t next = 0;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    float offset;
    std::memcpy(&offset, &offsets[cell * sizeof offset], sizeof offset);
    if (hits[cell]) {
      const Hit& hit = performance.hits[next++];
      const auto step = static_cast<std::size_t>(hit.step - performance.start_step);
      require(hits[cell] == 1 && cell == step * kDrums + hit.drum);
      require(velocities[cell] == hit.velocity && offset == hit.offset);
    } else {
      require(velocities[cell] == 0 && offset == 0);
    }
  }
  require(next == performance.hits.size());
}

// The hits of a grid from a step on, up to another.
std::span<const Hit> hits_between(const Grid& grid, std::int64_t first, std::int64_t last) {
  const auto at = [&](std::int64_t step) {
    std::size_t index = 0;
    while (index < grid.hits.size() && grid.hits[index].step < step) ++index;
    return index;
  };
  return grid.hits.subspan(at(first), at(last));
}

void check_performances(const Song& song, const Grid& grid, const Options& options) {
  static ExampleWriter writer;
  static Buffer<StepTempo> tempos;
  static Buffer<std::uint8_t> frames;
  if (grid.rejected != Rejected::kNo) return;
  require(!grid.stretches.empty());
  for (const Stretch& stretch : grid.stretches) {
    require(stretch.num_steps % stretch.steps_per_bar == 0);
    list_tempos(song, stretch, options.grid.steps_per_quarter, tempos);
    require(!tempos.empty() && tempos[0].step == 0);
    if (stretch.num_steps > kStepsRead) continue;
    const std::int64_t end = stretch.first_step + stretch.num_steps;
    const Performance performance{.hits = hits_between(grid, stretch.first_step, end),
                                  .start_step = stretch.first_step,
                                  .steps = stretch.num_steps,
                                  .steps_per_quarter = options.grid.steps_per_quarter,
                                  .steps_per_bar = stretch.steps_per_bar,
                                  .tempos = {tempos.begin(), tempos.size()},
                                  .features = {}};
    frames.clear();
    writer.append(performance, frames);
    check_record(open_frame(frames), performance);
  }
}

void check_windows(const Song& song, const Grid& grid, const Options& options) {
  static Buffer<Window> windows;
  const WindowOptions wanted{4, options.whole_song ? 0 : kWindowSteps, kHopSteps};
  const Rejected why = list_windows(song, grid, options.grid.steps_per_quarter, wanted, windows);
  require(windows.empty() == (why != Rejected::kNo));
  if (windows.empty()) return;
  const std::int64_t steps = options.whole_song ? grid.num_steps : kWindowSteps;
  for (const Window& window : windows) {
    require(window.start_step >= 0 && window.start_step + steps <= grid.num_steps);
    require(window.first_hit <= window.last_hit && window.last_hit <= grid.hits.size());
    require(window.qpm > 0 && std::isfinite(window.qpm));
  }
  if (steps > kStepsRead) return;
  const Window& window = windows[0];
  const auto cells = static_cast<std::size_t>(steps) * kDrums;
  std::vector<float> rows(cells * 3);
  std::vector<std::uint8_t> velocities(cells);
  fill_window(grid, window, rows.data(), velocities.data());
  const auto played = std::count_if(velocities.begin(), velocities.end(),
                                    [](std::uint8_t velocity) { return velocity > 0; });
  require(static_cast<std::size_t>(played) == window.last_hit - window.first_hit);
}

// What playing is told has to agree with itself, and with the grid that training is given.
void check_placement(const Score& score, const GridOptions& options) {
  static Placement placement;
  static Quantizer quantizer;
  std::int64_t num_rows = 0;
  std::size_t num_notes = 0;
  for (std::size_t i = 0; i < score.songs.size(); ++i) {
    const Grid& grid = quantizer.quantize(score.song(i), options);
    if (grid.hits.empty()) continue;
    if (grid.num_steps == 0 || (num_rows += grid.num_steps) > kStepsRead) return;
    num_notes += grid.mapped;
  }
  const Rejected rejected = placement.place(score, options);
  if (rejected == Rejected::kSmpte) return;
  require((rejected == Rejected::kNo) == (num_notes > 0));
  require(placement.notes.size() == num_notes);
  require(placement.rows.size() == static_cast<std::size_t>(num_rows));
  require(placement.played.size() == placement.rows.size() * kStepDepth);
  for (const PlacedNote& placed : placement.notes) {
    const PlacedNote& leader = placement.notes[placed.leader];
    const Note &note = score.notes[placed.note], &leading = score.notes[leader.note];
    require(leader.row == placed.row && leader.drum == placed.drum);
    require(leading.velocity >= note.velocity);
    const GridRow& row = placement.rows[static_cast<std::size_t>(placed.row)];
    require(row.first_tick <= note.tick && note.tick <= row.last_tick);
    const auto cell = static_cast<std::size_t>(placed.row) * kStepDepth + placed.drum;
    require(placement.played[cell] == 1);
  }
  std::int64_t steps = 0;
  for (const GridBar& bar : placement.bars) {
    require(bar.num_steps > 0 && bar.first_tick < bar.end_tick);
    steps += bar.num_steps;
  }
  require(steps == num_rows);
}

TokenOptions token_options(const Options& options, TokenKind kind) {
  TokenOptions tokens;
  tokens.kind = kind;
  for (std::size_t pitch = 0; pitch < kPitches; ++pitch) {
    tokens.drums[pitch] = static_cast<std::uint8_t>(pitch % 10 == 9 ? kUnmapped : pitch % 10);
  }
  for (std::size_t program = 0; program < 100; ++program) tokens.programs.set(program);
  const bool is_trio = kind == TokenKind::kTrio;
  tokens.slice_bars = options.whole_song ? 1 : 2;
  tokens.gap_bars = is_trio || options.whole_song ? 1 : 0;
  tokens.max_bars = 8;
  tokens.skip_polyphony = options.parse.magenta_compat;
  tokens.transpose = options.whole_song ? -3 : 0;
  return tokens;
}

void check_sub_sequences(const ScoreTokens& found, std::size_t num_notes) {
  const auto& list = found.sub_sequences.list;
  require(found.sub_sequences.notes.size() <= num_notes);
  for (std::size_t i = 1; i < list.size(); ++i) {
    require(list[i].start > list[i - 1].start && list[i].first_note == list[i - 1].last_note);
  }
  require(list.empty() || list[0].first_note == 0);
  require(list.empty() || list.back().last_note == found.sub_sequences.notes.size());
}

void check_tracks(const ScoreTokens& found, const TokenOptions& options) {
  std::size_t last = 0;
  for (const TokenTrack& track : found.tracks.list) {
    const std::size_t steps = (track.last - track.first) / tokens_per_step(options.kind);
    require(track.first == last && track.start_step >= 0 && track.start_step % kStepsPerBar == 0);
    require(steps > 0 && steps % kStepsPerBar == 0);
    require(steps <= static_cast<std::size_t>(options.max_bars * kStepsPerBar));
    require(track.sub_sequence < found.sub_sequences.list.size());
    last = track.last;
  }
  require(last == found.tracks.tokens.size());
}

// Windows come by place, and those of drums and melodies differ in each sub-sequence.
void check_token_windows(const ScoreTokens& found, const TokenOptions& options) {
  const bool is_trio = options.kind == TokenKind::kTrio;
  const auto size =
      static_cast<std::size_t>(options.slice_bars * kStepsPerBar) * (is_trio ? kTrioParts : 1);
  const auto& list = found.windows.list;
  require(found.windows.tokens.size() >= list.size() * size);
  const Token most = options.kind == TokenKind::kMelody ? 90 : 512;
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const Token token = found.windows.tokens[i * size + k];
      require(token >= 0 && token < (is_trio && k % kTrioParts < 2 ? 90 : most));
    }
    if (i == 0 || list[i].sub_sequence != list[i - 1].sub_sequence) continue;
    require(list[i].start_step >= list[i - 1].start_step);
    const Token* const own = found.windows.tokens.begin() + i * size;
    require(is_trio || !std::equal(own, own + size, own - size));
  }
}

void check_tokens(const Score& score, const Options& options) {
  static ScoreTokens found;
  const Played played{score.notes, score.tempos, score.time_signatures};
  for (const TokenKind kind : {TokenKind::kDrums, TokenKind::kMelody, TokenKind::kTrio}) {
    const TokenOptions wanted = token_options(options, kind);
    const NoTokens why = found.find_windows(played, wanted);
    require(found.windows.list.empty() == (why != NoTokens::kNo) || why == NoTokens::kTooMany);
    check_sub_sequences(found, score.notes.size());
    check_tracks(found, wanted);
    check_token_windows(found, wanted);
  }
}

// A parser that has read other files must read this one as a new one does.
void check_same(const Score& reused, const Score& fresh) {
  require(reused.damage.has_value() == fresh.damage.has_value());
  require(reused.notes.size() == fresh.notes.size());
  require(reused.tempos.size() == fresh.tempos.size());
  for (std::size_t i = 0; i < fresh.notes.size(); ++i) {
    const Note &a = reused.notes[i], &b = fresh.notes[i];
    require(a.tick == b.tick && a.end_tick == b.end_tick && a.time == b.time);
    require(a.end_time == b.end_time && a.track == b.track && a.pitch == b.pitch);
    require(a.velocity == b.velocity && a.channel == b.channel && a.program == b.program);
  }
}

void run(Bytes input) {
  static Parser parser;
  static Quantizer quantizer;
  const Options options(input[0]);
  // A copy of just that size lets AddressSanitizer see the first byte read too far.
  const std::vector<std::uint8_t> file(input.begin() + 1, input.end());
  const Score& score = parser.parse(file, options.parse);
  check_score(score, file.size());
  if (options.tokens) {
    check_tokens(score, options);
    return;
  }
  if (options.compare_with_fresh) {
    Parser fresh;
    check_same(score, fresh.parse(file, options.parse));
  }
  for (std::size_t i = 0; i < score.songs.size(); ++i) {
    const Song song = score.song(i);
    check_song(song, options.parse.magenta_compat);
    const Grid& grid = quantizer.quantize(song, options.grid);
    check_grid(song, grid);
    check_performances(song, grid, options);
    check_windows(song, grid, options);
  }
  if (!options.grid.magenta_compat) check_placement(score, options.grid);
}

}  // namespace
}  // namespace groovefast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) groovefast::fuzz::run({data, size});
  return 0;
}
