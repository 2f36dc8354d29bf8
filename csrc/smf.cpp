#include "smf.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

namespace groovefast {
namespace {

constexpr std::size_t kChunkHeader = 8;     // four letters and a length
constexpr std::size_t kLongestPrefix = 16;  // of an event, that is all but a payload; 10 at most
constexpr unsigned kMaxDenominatorPower = 31;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

// The first status of each kind of channel message; the low half is the channel.
constexpr unsigned kNoteOn = 0x90, kNotesEnd = 0xa0, kProgramChange = 0xc0, kChannelPressure = 0xd0,
                   kPitchBend = 0xe0, kSystem = 0xf0;
constexpr unsigned kNoStatus = 0x100;  // above all others
// System messages.
constexpr unsigned kSysex = 0xf0, kTimeCode = 0xf1, kSongPosition = 0xf2, kSongSelect = 0xf3,
                   kSysexContinued = 0xf7, kMeta = 0xff;
// Meta events.
constexpr unsigned kTrackName = 0x03, kEndOfTrack = 0x2f, kSetTempo = 0x51, kTimeSignature = 0x58;

constexpr double kStepSeconds = 0.125;  // a 16th note at the default tempo

std::uint32_t big_endian_32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
         at[3];
}
std::uint32_t big_endian_24(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2];
}
unsigned big_endian_16(const std::uint8_t* at) { return unsigned{at[0]} << 8 | at[1]; }
std::uint32_t little_endian_32(const std::uint8_t* at) {
  return std::uint32_t{at[3]} << 24 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[1]} << 8 |
         at[0];
}

bool is_chunk(const std::uint8_t* at, const char (&id)[5]) { return std::memcmp(at, id, 4) == 0; }

[[noreturn, gnu::cold]] void fail(const std::string& reason, std::size_t offset) {
  throw MidiError(reason, offset);
}

char lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// A name without the blanks and zeros that some programs put round it.
std::string_view trimmed(std::string_view name) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\0'; };
  while (!name.empty() && is_blank(name.front())) name.remove_prefix(1);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  return name;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Events of several tracks come one track after the other; those of one tick keep that order.
template <class Event>
void sort_by_tick(Event* first, Event* last) {
  const auto earlier = [](const Event& a, const Event& b) { return a.tick < b.tick; };
  if (!std::is_sorted(first, last, earlier)) std::stable_sort(first, last, earlier);
}

// The first of the tempos that begins after a tick, or their end.
const Tempo* tempo_after(std::span<const Tempo> tempos, std::int64_t tick) {
  return std::upper_bound(
      tempos.data(), tempos.data() + tempos.size(), tick,
      [](std::int64_t wanted, const Tempo& tempo) { return wanted < tempo.tick; });
}

}  // namespace

double Song::seconds_at(std::int64_t tick) const {
  return std::prev(tempo_after(tempos, tick))->seconds_at(tick);
}

Song Score::song(std::size_t index) const {
  const SongBounds& bounds = songs[index];
  return {ticks_per_quarter, seconds_per_tick, notes.subspan(bounds.first_note, bounds.last_note),
          tempos.subspan(bounds.first_tempo, bounds.last_tempo),
          time_signatures.subspan(bounds.first_time_signature, bounds.last_time_signature)};
}

// The bytes of a track's events, for a reader that goes through them with a pointer `at`. While
// more(at) holds, the longest prefix of an event can be read without a look at the end: near the
// end of the file, more() moves `at` on to a padded copy of the rest.
class Parser::Events {
 public:
  // With `cut_off` the track would go on behind `last`, but the file does not.
  Events(std::span<const std::uint8_t> data, std::size_t first, std::size_t last, bool cut_off)
      : begin_(data.data() + first),
        end_(data.data() + last),
        safe_end_(end_),
        origin_(data.data()),
        cut_off_(cut_off) {
    if (data.size() - last < kLongestPrefix) {
      safe_end_ = last - first < kLongestPrefix ? begin_ : end_ - kLongestPrefix;
    }
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  const std::uint8_t* begin() const { return begin_; }
  const std::uint8_t* end() const { return end_; }

  bool more(const std::uint8_t*& at) {
    if (at < safe_end_) [[likely]]
      return true;
    if (at == end_) return false;
    at = move_to_padded_copy(at);
    return true;
  }

  // To be called once an event's prefix is read.
  void check_end(const std::uint8_t* at) const {
    if (at > end_) [[unlikely]]
      fail_at_end();
  }
  // The same for a channel message, whose `length` data bytes end at `at`.
  void check_message(const std::uint8_t* at, std::size_t length) const {
    check_end(at);
    const std::uint8_t* const data = at - length;
    if ((data[0] | at[-1]) & 0x80) [[unlikely]] {
      fail_at("status byte within a message", data + (data[0] < 0x80));
    }
  }
  std::span<const std::uint8_t> take(const std::uint8_t*& at, std::size_t length) const {
    check_end(at);
    if (length > static_cast<std::size_t>(end_ - at)) fail_at_end();
    at += length;
    return {at - length, length};
  }

  // A number of one to four bytes, seven bits in each.
  std::uint32_t take_number(const std::uint8_t*& at) const {
    std::uint32_t value = *at++;
    if (value < 0x80) [[likely]]
      return value;
    value &= 0x7f;
    for (int count = 1; count < 4; ++count) {
      const std::uint8_t byte = *at++;
      value = value << 7 | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    fail_at("number of more than four bytes", at - 4);
  }

  [[noreturn, gnu::cold]] void fail_at(const std::string& reason, const std::uint8_t* where) const {
    fail(reason, offset(std::min(where, end_)));
  }

  std::size_t offset(const std::uint8_t* where) const {
    return copied_from_ + static_cast<std::size_t>(where - origin_);
  }

 private:
  [[noreturn, gnu::cold]] void fail_at_end() const {
    fail(cut_off_ ? "the file ends within an event" : "the track ends within an event",
         offset(end_));
  }
  const std::uint8_t* move_to_padded_copy(const std::uint8_t* at) {
    const auto rest = static_cast<std::size_t>(end_ - at);
    std::memcpy(padded_, at, rest);
    std::memset(padded_ + rest, 0, kLongestPrefix);
    copied_from_ += static_cast<std::size_t>(at - origin_);
    origin_ = padded_;
    safe_end_ = end_ = padded_ + rest;
    return padded_;
  }

  const std::uint8_t *begin_, *end_;
  const std::uint8_t* safe_end_;  // more() holds before it
  const std::uint8_t* origin_;    // where offsets count from, and what is there
  std::size_t copied_from_ = 0;
  bool cut_off_;
  std::uint8_t padded_[2 * kLongestPrefix];
};

const Score& Parser::parse(std::span<const std::uint8_t> data, const ParseOptions& options) {
  data_ = data;
  options_ = options;
  score_.notes.clear();
  score_.tempos.clear();
  score_.time_signatures.clear();
  score_.songs.clear();
  score_.track_names.clear();
  score_.end_tick = 0;
  score_.damage.reset();
  try {
    read_file();
  } catch (const MidiError& error) {
    score_.damage = error;
  }
  if (!score_.songs.empty()) end_song();
  return score_;
}

void Parser::read_file() {
  const std::size_t header = read_riff_wrapper();
  std::size_t offset = read_header(header);
  const unsigned announced = big_endian_16(&data_[header + 10]);
  begin_song();
  for (track_ = 0; data_.size() - offset >= kChunkHeader;) {
    const bool is_track = is_chunk(&data_[offset], "MTrk");
    const std::size_t length = big_endian_32(&data_[offset + 4]);
    const std::size_t first = offset + kChunkHeader;
    const bool cut_off = length > data_.size() - first;
    const std::size_t last = cut_off ? data_.size() : first + length;
    if (is_track) {
      read_track(first, last, cut_off);
      ++track_;
    }
    if (cut_off && (is_track || track_ < announced)) {
      fail("chunk of " + std::to_string(length) + " bytes cut off by the end of the file",
           data_.size());
    }
    offset = last;
  }
  if (offset < data_.size() && track_ < announced) {
    fail("the file ends within the header of a chunk", data_.size());
  }
}

// Where the MIDI file begins in the data: 0 unless it is wrapped as RMID.
std::size_t Parser::read_riff_wrapper() {
  constexpr std::size_t kRiffHeader = 12;
  if (data_.size() < kRiffHeader || !is_chunk(data_.data(), "RIFF")) return 0;
  if (!is_chunk(&data_[8], "RMID")) fail("a RIFF file, but not of MIDI", 8);
  std::size_t offset = kRiffHeader;
  while (data_.size() - offset >= kChunkHeader) {
    const std::size_t first = offset + kChunkHeader;
    const std::size_t length =
        std::min<std::size_t>(little_endian_32(&data_[offset + 4]), data_.size() - first);
    if (is_chunk(&data_[offset], "data")) {
      data_ = data_.first(first + length);
      return first;
    }
    offset = std::min(first + length + length % 2, data_.size());
  }
  fail("a RIFF file without a data chunk", data_.size());
}

// Returns where the first chunk after the header begins.
std::size_t Parser::read_header(std::size_t offset) {
  constexpr std::size_t kHeaderLength = 6;
  const std::size_t size = data_.size() - offset;
  if (size == 0) fail("an empty file", offset);
  if (size < 4 || !is_chunk(&data_[offset], "MThd")) fail("no MIDI file: no MThd header", offset);
  if (size < kChunkHeader + kHeaderLength) fail("the file ends within its header", data_.size());
  const std::size_t length = big_endian_32(&data_[offset + 4]);
  if (length < kHeaderLength) fail("header of less than 6 bytes", offset + 4);
  if (length > size - kChunkHeader) fail("header longer than the file", offset + 4);
  const unsigned format = big_endian_16(&data_[offset + 8]);
  if (format > 2) fail("unknown format " + std::to_string(format), offset + 8);
  score_.format = static_cast<int>(format);
  read_division(offset + 12);
  return offset + kChunkHeader + length;
}

void Parser::read_division(std::size_t offset) {
  const unsigned division = big_endian_16(&data_[offset]);
  if (division == 0) fail("0 ticks per quarter note", offset);
  score_.ticks_per_quarter = 0;
  score_.seconds_per_tick = 0;
  if (division < 0x8000) {
    score_.ticks_per_quarter = static_cast<int>(division);
    return;
  }
  const unsigned frames_per_second = 0x100 - (division >> 8);
  const unsigned ticks_per_frame = division & 0xff;
  double frame_rate = frames_per_second;
  if (frames_per_second == 29) {
    frame_rate = 30000.0 / 1001.0;
  } else if (frames_per_second != 24 && frames_per_second != 25 && frames_per_second != 30) {
    fail("SMPTE division of " + std::to_string(frames_per_second) + " frames a second", offset);
  }
  if (ticks_per_frame == 0) fail("0 ticks per SMPTE frame", offset + 1);
  score_.seconds_per_tick = 1.0 / (frame_rate * ticks_per_frame);
}

void Parser::read_track(std::size_t first, std::size_t last, bool cut_off) {
  if (one_song_per_track() && track_ > 0) {
    end_song();
    begin_song();
  }
  if (++epoch_ == 0) {
    open_.fill({});
    epoch_ = 1;
  }
  chained_.clear();
  programs_.fill(0);
  program_changed_ = false;
  channels_heard_ = options_.channels;  // unless the reading comes to an end
  first_note_ = score_.notes.size();
  score_.track_names.push_back({0, 0});
  Events events(data_, first, last, cut_off);
  try {
    read_events(events);
  } catch (const MidiError&) {
    end_track();
    throw;
  }
  end_track();
}

void Parser::end_track() {
  if (!is_wanted_track()) {
    score_.notes.resize(first_note_);
    return;
  }
  if (!options_.magenta_compat) play_unended();
  if (program_changed_ || std::popcount(channels_heard_) > 1) group_by_instrument();
}

bool Parser::is_wanted_track() const {
  if (options_.track > 0) return track_ + 1 == options_.track;
  if (options_.track_names.empty()) return true;
  const TrackName& place = score_.track_names.back();
  if (place.size == 0) return false;
  const char* const begin = reinterpret_cast<const char*>(data_.data() + place.offset);
  const std::string_view name = trimmed({begin, place.size});
  return std::any_of(options_.track_names.begin(), options_.track_names.end(),
                     [&](const std::string& wanted) { return same_name(name, trimmed(wanted)); });
}

// A drum sounds without a note-off: notes that are open at the end of their track last a step.
void Parser::play_unended() {
  unended_.clear();
  for (unsigned channel = 0; channel < kChannels; ++channel) {
    if (!(channels_heard_ >> channel & 1)) continue;
    for (unsigned pitch = 0; pitch < kPitches; ++pitch) {
      OpenNote& open = open_[channel * kPitches + pitch];
      if (open.epoch != epoch_) continue;
      Note note{.tick = open.tick,
                .end_tick = open.tick + step_ticks(),
                .time = 0,
                .end_time = 0,
                .track = track_,
                .pitch = static_cast<std::uint8_t>(pitch),
                .velocity = open.velocity,
                .channel = static_cast<std::uint8_t>(channel),
                .program = programs_[channel],
                .unended = true};
      unended_.push_back(note);
      for (std::uint32_t next = open.next; next != kNone; next = chained_[next].next) {
        note.tick = chained_[next].tick;
        note.end_tick = note.tick + step_ticks();
        note.velocity = chained_[next].velocity;
        unended_.push_back(note);
      }
      open.epoch = 0;
    }
  }
  sort_by_tick(unended_.begin(), unended_.end());
  for (const Note& note : unended_) score_.notes.push_back(note);
}

// A 16th note: how long a hit is whose length is not told.
std::int64_t Parser::step_ticks() const {
  if (score_.ticks_per_quarter > 0) return std::max(score_.ticks_per_quarter / 4, 1);
  return std::max(static_cast<std::int64_t>(kStepSeconds / score_.seconds_per_tick + 0.5),
                  std::int64_t{1});
}

// What comes most often is tried first: notes and controllers, which have two data bytes.
void Parser::read_events(Events& events) {
  const std::uint32_t epoch = epoch_, track = track_;
  const unsigned wanted = options_.channels;
  unsigned running_status = kNoStatus, channels_heard = 0;
  std::int64_t tick = 0;
  for (const std::uint8_t* at = events.begin(); events.more(at);) {
    tick += events.take_number(at);
    unsigned status = running_status;
    if (*at >= 0x80) status = *at++;
    if (status < kSystem) running_status = status;
    if (status >= kProgramChange) [[unlikely]] {
      at = read_rarer_event(events, at, status, tick);
      continue;
    }
    const std::uint8_t pitch = at[0], velocity = at[1];
    at += 2;
    events.check_message(at, 2);
    const unsigned channel = status & 0xf;
    if (status >= kNotesEnd) continue;
    if (!(wanted >> channel & 1)) continue;

    channels_heard |= 1u << channel;
    const bool begins = status >= kNoteOn && velocity > 0;
    OpenNote& open = open_[channel * kPitches + pitch];
    if (open.epoch != epoch) {
      if (begins) open = {tick, epoch, kNone, kNone, velocity};
      continue;
    }
    if (begins) {
      begin_chained(open, tick, velocity);
      continue;
    }
    Note& note = score_.notes.spare();
    note = {.tick = open.tick,
            .end_tick = tick,
            .time = 0,
            .end_time = 0,
            .track = track,
            .pitch = pitch,
            .velocity = open.velocity,
            .channel = static_cast<std::uint8_t>(channel),
            .program = programs_[channel],
            .unended = false};
    if (open.next != kNone) {
      end_chained(open, note);
      continue;
    }
    open.epoch = 0;
    if (open.tick == tick) [[unlikely]] {
      note.end_tick += step_ticks();
      note.unended = true;
    }
    score_.notes.commit(open.tick < tick || !options_.magenta_compat);
  }
  channels_heard_ = channels_heard;
  score_.end_tick = std::max(score_.end_tick, tick);
}

// A note begins while one of its pitch is open.
void Parser::begin_chained(OpenNote& open, std::int64_t tick, std::uint8_t velocity) {
  const auto index = static_cast<std::uint32_t>(chained_.size());
  chained_.push_back({tick, kNone, velocity});
  (open.next == kNone ? open.next : chained_[open.last].next) = index;
  open.last = index;
}

// An event ends those of several open notes that began before it. `note` is as the first of them.
void Parser::end_chained(OpenNote& open, Note note) {
  bool ended_any = false;
  while (note.tick < note.end_tick) {
    score_.notes.push_back(note);
    ended_any = true;
    if (open.next == kNone) {
      open.epoch = 0;
      return;
    }
    const ChainedNote& following = chained_[open.next];
    note.tick = open.tick = following.tick;
    note.velocity = open.velocity = following.velocity;
    open.next = following.next;
  }
  // What is left began at this very tick: it goes on if the event has ended others.
  if (ended_any) return;
  open.epoch = 0;
  if (options_.magenta_compat) return;
  note.end_tick += step_ticks();
  note.unended = true;
  score_.notes.push_back(note);
  for (std::uint32_t next = open.next; next != kNone; next = chained_[next].next) {
    note.velocity = chained_[next].velocity;
    score_.notes.push_back(note);
  }
}

// The events that are neither notes nor controllers. Returns where they end.
const std::uint8_t* Parser::read_rarer_event(const Events& events, const std::uint8_t* at,
                                             unsigned status, std::int64_t tick) {
  if (status == kNoStatus) {
    events.check_end(at + 1);
    events.fail_at("data byte where a status byte belongs", at);
  }
  if (status == kMeta) return read_meta_event(events, at, tick);
  if (status >= kSystem) {
    std::size_t length = 0;  // of those without data, or undefined
    if (status == kSysex || status == kSysexContinued) length = events.take_number(at);
    if (status == kSongPosition) length = 2;
    if (status == kTimeCode || status == kSongSelect) length = 1;
    events.take(at, length);
    return at;
  }
  const std::size_t length = status < kPitchBend ? 1 : 2;
  const std::uint8_t* const data = at;
  at += length;
  events.check_message(at, length);
  if (status < kChannelPressure) {
    program_changed_ |= score_.notes.size() > first_note_;
    programs_[status & 0xf] = data[0];
  }
  return at;
}

const std::uint8_t* Parser::read_meta_event(const Events& events, const std::uint8_t* at,
                                            std::int64_t tick) {
  const unsigned type = *at++;
  const std::uint32_t length = events.take_number(at);
  const std::span<const std::uint8_t> payload = events.take(at, length);
  switch (type) {
    case kEndOfTrack:
      return events.end();
    case kTrackName:
      name_track(events, payload);
      break;
    case kSetTempo:
      add_tempo(events, payload, tick);
      break;
    case kTimeSignature:
      add_time_signature(events, payload, tick);
      break;
    default:
      break;
  }
  return at;
}

// The first name counts.
void Parser::name_track(const Events& events, std::span<const std::uint8_t> payload) {
  TrackName& name = score_.track_names.back();
  if (name.size == 0) name = {events.offset(payload.data()), payload.size()};
}

void Parser::add_tempo(const Events& events, std::span<const std::uint8_t> payload,
                       std::int64_t tick) {
  if (payload.size() < 3) events.fail_at("tempo of less than 3 bytes", payload.data());
  const std::uint32_t microseconds = big_endian_24(payload.data());
  if (microseconds == 0) events.fail_at("tempo of 0 microseconds a quarter note", payload.data());
  if (!counts_in_this_track()) return;
  tempo_events_.push_back({tick, microseconds, track_});
}

void Parser::add_time_signature(const Events& events, std::span<const std::uint8_t> payload,
                                std::int64_t tick) {
  if (payload.size() < 2) events.fail_at("time signature of less than 2 bytes", payload.data());
  const unsigned numerator = payload[0], power = payload[1];
  if (numerator == 0 && !options_.meters_of_no_beats) {
    events.fail_at("time signature of 0 beats", payload.data());
  }
  if (power > kMaxDenominatorPower) {
    events.fail_at("time signature over 2^" + std::to_string(power), payload.data() + 1);
  }
  if (!counts_in_this_track()) return;
  score_.time_signatures.push_back({tick, 0, numerator, 1u << power, track_});
}

// Sorts the track's notes by instrument (channel and program), instruments by their first note.
void Parser::group_by_instrument() {
  constexpr std::uint16_t kUnseen = 0xffff;
  std::array<std::uint16_t, kChannels * kPitches> rank_of;
  rank_of.fill(kUnseen);
  std::array<std::size_t, kChannels * kPitches + 1> starts{};
  const auto instrument = [](const Note& note) -> std::size_t {
    return note.channel * std::size_t{kPitches} + note.program;
  };
  Note* const notes = score_.notes.begin() + first_note_;
  const std::size_t count = score_.notes.size() - first_note_;
  std::uint16_t ranks = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t& rank = rank_of[instrument(notes[i])];
    if (rank == kUnseen) rank = ranks++;
    ++starts[rank + 1];
  }
  if (ranks < 2) return;
  for (std::size_t rank = 1; rank < ranks; ++rank) starts[rank] += starts[rank - 1];
  ungrouped_.resize(count);
  std::copy_n(notes, count, ungrouped_.begin());
  for (const Note& note : ungrouped_) notes[starts[rank_of[instrument(note)]]++] = note;
}

void Parser::begin_song() {
  tempo_events_.clear();
  SongBounds song{};
  song.first_note = score_.notes.size();
  song.first_tempo = score_.tempos.size();
  song.first_time_signature = score_.time_signatures.size();
  score_.songs.push_back(song);
}

void Parser::end_song() {
  SongBounds& song = score_.songs.back();
  lay_out_tempos(song);
  song.last_note = score_.notes.size();
  song.last_tempo = score_.tempos.size();
  song.last_time_signature = score_.time_signatures.size();
  sort_by_tick(score_.time_signatures.begin() + song.first_time_signature,
               score_.time_signatures.end());
  place_in_time(song);
}

// Makes the tempo map of the song that ends here. The order of operations is Magenta's.
void Parser::lay_out_tempos(const SongBounds& song) {
  const auto tempo_of = [this](double tick_scale, std::int64_t tick, double time,
                               std::uint32_t track) {
    return Tempo{tick, time, tick_scale, 60.0 / (tick_scale * score_.ticks_per_quarter), track};
  };
  // In format 2 each track is a song.
  const auto track = static_cast<std::uint32_t>(score_.songs.size() - 1);
  if (score_.ticks_per_quarter == 0) {
    score_.tempos.push_back({0, 0, score_.seconds_per_tick, kDefaultQpm, track});
    return;
  }
  score_.tempos.push_back(tempo_of(60.0 / (kDefaultQpm * score_.ticks_per_quarter), 0, 0, track));
  sort_by_tick(tempo_events_.begin(), tempo_events_.end());
  for (const TempoEvent& event : tempo_events_) {
    const double bpm = 6e7 / event.microseconds_per_quarter;
    const double tick_scale = 60.0 / (bpm * score_.ticks_per_quarter);
    const Tempo last = score_.tempos.back();
    const double time = last.seconds_at(event.tick);
    // To Magenta only the tempo of tick 0 gives way to another there: of later ones all are told.
    const bool gives_way = event.tick == last.tick && (event.tick == 0 || !options_.magenta_compat);
    if (gives_way) score_.tempos.pop_back();
    const bool repeated =
        score_.tempos.size() > song.first_tempo && score_.tempos.back().tick_scale == tick_scale;
    if (!repeated) score_.tempos.push_back(tempo_of(tick_scale, event.tick, time, event.track));
  }
}

// Seconds from ticks, through the tempo map.
void Parser::place_in_time(const SongBounds& song) {
  const std::span<const Tempo> tempos = score_.tempos.subspan(song.first_tempo, song.last_tempo);
  Tempo tempo = tempos.front();
  std::int64_t until = tempos.size() > 1 ? tempos[1].tick : kForever;
  const auto seconds = [&](std::int64_t tick) {
    if (tick < tempo.tick || tick >= until) [[unlikely]] {
      const Tempo* const next = tempo_after(tempos, tick);
      tempo = *std::prev(next);
      until = next == tempos.data() + tempos.size() ? kForever : next->tick;
    }
    return tempo.seconds_at(tick);
  };
  for (std::size_t i = song.first_note; i < song.last_note; ++i) {
    Note& note = score_.notes[i];
    note.time = seconds(note.tick);
    note.end_time = seconds(note.end_tick);
  }
  for (std::size_t i = song.first_time_signature; i < song.last_time_signature; ++i) {
    TimeSignature& signature = score_.time_signatures[i];
    signature.time = seconds(signature.tick);
  }
}

}  // namespace groovefast
