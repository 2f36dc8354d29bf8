#include "trios.hpp"

#include <algorithm>
#include <optional>

#include "drum_tracks.hpp"
#include "melodies.hpp"

namespace groovefast {
namespace {

constexpr std::uint32_t kMostInstruments = 128;  // Magenta skips those after them
constexpr int kBassPrograms = 32, kOtherPrograms = 40;

std::optional<TrioPart> part_of(const StepNote& note) {
  if (note.is_drum) return TrioPart::kDrums;
  if (note.program < kBassPrograms) return TrioPart::kMelody;
  if (note.program < kOtherPrograms) return TrioPart::kBass;
  return std::nullopt;
}

std::int64_t bars_up_to(std::int64_t step) { return (step + kStepsPerBar - 1) / kStepsPerBar; }

// Returns whether any of the notes is one of the drums.
bool encode_drums(std::span<const StepNote> notes, const PitchClasses& classes,
                  std::span<Token> own) {
  bool any = false;
  for (const StepNote& note : notes) {
    const std::uint8_t drum = classes[note.pitch];
    if (drum == kUnmapped) continue;
    any = true;
    const auto step = static_cast<std::size_t>(note.step);
    if (step < own.size()) own[step] = static_cast<Token>(own[step] | 1 << drum);
  }
  return any;
}

}  // namespace

bool has_trio(std::span<const StepNote> notes) {
  std::array<bool, kTrioParts> heard{};
  for (const StepNote& note : notes) {
    if (const auto part = part_of(note)) heard[static_cast<std::size_t>(*part)] = true;
  }
  return std::all_of(heard.begin(), heard.end(), [](bool each) { return each; });
}

bool Trios::find(std::span<const StepNote> notes, const TrioOptions& options, std::size_t most) {
  runs.clear();
  num_windows_ = 0;
  tokens.clear();
  covered_.clear();
  for (auto& each : instruments_) each.clear();
  bars_ = 0;
  for (const StepNote& note : notes) bars_ = std::max(bars_, bars_up_to(note.end_step));
  bars_ = std::min(bars_, options.max_bars);

  order_by_instrument(notes, ordered_);
  const StepNote* const end = ordered_.end();
  for (const StepNote* next = ordered_.begin(); next != end;) {
    if (next->instrument >= kMostInstruments) break;
    const StepNote* const others = std::find_if(
        next, end, [next](const StepNote& note) { return note.instrument != next->instrument; });
    add_instrument({next, others}, options);
    next = others;
  }
  for (const Instrument& melody : instruments_[0]) {
    for (const Instrument& bass : instruments_[1]) {
      for (const Instrument& drums : instruments_[2]) {
        find_together({melody, bass, drums}, options.gap_bars);
        add_runs({melody, bass, drums}, options.slice_bars);
        if (num_windows_ > most) return false;
      }
    }
  }
  return true;
}

void Trios::add_instrument(std::span<const StepNote> notes, const TrioOptions& options) {
  const std::optional<TrioPart> part = part_of(notes[0]);
  if (!part) return;
  const Instrument instrument{tokens.size(), covered_.size()};
  tokens.resize(tokens.size() + static_cast<std::size_t>(bars_ * kStepsPerBar));
  std::fill(tokens.begin() + instrument.first_token, tokens.end(), Token{0});
  const std::span<Token> own(tokens.begin() + instrument.first_token, tokens.end());
  const bool gives_any = *part == TrioPart::kDrums ? encode_drums(notes, options.drums, own)
                                                   : encode_melody(notes, own);
  if (!gives_any) {
    tokens.resize(instrument.first_token);
    return;
  }
  cover(notes, options.gap_bars);
  instruments_[static_cast<std::size_t>(*part)].push_back(instrument);
}

// A melody without gaps. What sounds at its end is ended in the bar after it, if there is one.
bool Trios::encode_melody(std::span<const StepNote> notes, std::span<Token> own) {
  const auto first = std::find_if(notes.begin(), notes.end(), has_token);
  if (first == notes.end()) return false;
  const std::int64_t start = first->step - first->step % kStepsPerBar;
  const std::int64_t room = static_cast<std::int64_t>(own.size()) - start;
  if (room <= 0) return true;
  melody_.clear();
  MelodyEvents events(melody_, room);
  for (auto note = first; note != notes.end(); ++note) {
    const std::int64_t step = note->step - start;
    if (!has_token(*note) || (!events.empty() && step == events.last_on())) continue;
    events.add(note->pitch, step, note->end_step - start);
  }
  const std::int64_t steps = events.end();
  if (steps == events.last_off() && steps < room) melody_.push_back(kNoteOff);
  std::copy(melody_.begin(), melody_.end(), own.begin() + start);
  return true;
}

// All its notes count here, those of no token too.
void Trios::cover(std::span<const StepNote> notes, std::int64_t gap_bars) {
  const std::size_t first = covered_.size();
  covered_.resize(first + static_cast<std::size_t>(bars_));
  std::uint8_t* const bars = covered_.begin() + first;
  std::fill(bars, covered_.end(), std::uint8_t{0});
  for (const StepNote& note : notes) {
    const std::int64_t from = std::max<std::int64_t>(note.step / kStepsPerBar - gap_bars, 0);
    const std::int64_t to = std::min(bars_up_to(note.end_step) + gap_bars, bars_);
    if (from < to) std::fill(bars + from, bars + to, std::uint8_t{1});
  }
}

void Trios::find_together(const std::array<Instrument, kTrioParts>& trio, std::int64_t gap_bars) {
  const auto bars = static_cast<std::size_t>(bars_);
  const auto covers = [&](std::size_t bar) {
    return [this, bar](const Instrument& each) { return covered_[each.first_bar + bar] != 0; };
  };
  together_.resize(bars);
  for (std::size_t bar = 0; bar < bars; ++bar) {
    together_[bar] = std::all_of(trio.begin(), trio.end(), covers(bar));
  }
  // At either end it is enough that one of them is there.
  const std::size_t edge = std::min(static_cast<std::size_t>(gap_bars), bars);
  for (const std::size_t from : {std::size_t{0}, bars - edge}) {
    bool any = false;
    for (std::size_t bar = from; bar < from + edge; ++bar) {
      any |= std::any_of(trio.begin(), trio.end(), covers(bar));
    }
    std::fill_n(together_.begin() + from, edge, static_cast<std::uint8_t>(any));
  }
}

void Trios::add_runs(const std::array<Instrument, kTrioParts>& trio, std::int64_t slice_bars) {
  for (std::int64_t first = 0, bar = 0; bar <= bars_; ++bar) {
    if (bar < bars_ && together_[static_cast<std::size_t>(bar)]) continue;
    if (bar - first >= slice_bars) {
      TrioRun run{
          .start_step = first * kStepsPerBar, .steps = (bar - first) * kStepsPerBar, .first = {}};
      for (std::size_t part = 0; part < kTrioParts; ++part) {
        run.first[part] = trio[part].first_token + static_cast<std::size_t>(run.start_step);
      }
      runs.push_back(run);
      num_windows_ += static_cast<std::size_t>(bar - first - slice_bars + 1);
    }
    first = bar + 1;
  }
}

}  // namespace groovefast
