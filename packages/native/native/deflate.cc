// Finding matches. The order in which candidates are looked at, and when that ends, decide about the bytes.
#include "deflate.h"

#include <algorithm>
#include <cstring>

namespace bootc {
namespace {

constexpr uint32_t kHashSize = 32768;

uint32_t HashOf(const uint8_t* bytes) {
  return ((bytes[0] << 10) ^ (bytes[1] << 5) ^ bytes[2]) & (kHashSize - 1);
}

/// Equal bytes at the start of both, at most `most`; a word behind that may be read.
uint32_t EqualBytes(const uint8_t* a, const uint8_t* b, uint32_t most) {
  uint32_t count = 0;
  while (count < most) {
    uint64_t x, y;
    memcpy(&x, a + count, 8);
    memcpy(&y, b + count, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (x != y) return std::min<uint32_t>(most, count + (__builtin_ctzll(x ^ y) >> 3));
#else
    if (x != y) return std::min<uint32_t>(most, count + (__builtin_clzll(x ^ y) >> 3));
#endif
    count += 8;
  }
  return most;
}

}  // namespace

Deflater::Deflater(int level)
    : effort_(level == 1 ? Effort{4, 4, 8, 4} : Effort{8, 16, 128, 128}),
      lazy_(level != 1),
      window_(new uint8_t[2 * kWindow + kMinAhead + 8]()),
      head_(new uint16_t[kHashSize]()),
      previous_(new uint16_t[kWindow]()) {}

void Deflater::Push(const uint8_t* data, size_t size, std::vector<uint8_t>& out) {
  input_ = data;
  left_ = size;
  out_ = &out;
  while (left_ > 0) Run(false);
}

void Deflater::Finish(std::vector<uint8_t>& out) {
  left_ = 0;
  out_ = &out;
  Run(true);
  if (pending_literal_) blocks_.Literal(window_[at_ - 1]);
  pending_literal_ = false;
  EndBlock(true);
}

/// Until more input is needed.
void Deflater::Run(bool finish) {
  for (;;) {
    if (ahead_ < kMinAhead) {
      Fill();
      if (ahead_ < kMinAhead && !finish) return;
      if (ahead_ == 0) return;
    }
    bool full = lazy_ ? Slow() : Fast();
    if (full) EndBlock(false);
  }
}

/// One step: a match is taken at once. @returns whether the block is full
bool Deflater::Fast() {
  uint32_t candidate = ahead_ >= kMinMatch ? Insert(at_) : 0;
  uint32_t length = 0;
  if (candidate != 0 && at_ - candidate <= kMaxDistance) length = LongestMatch(candidate);
  if (length < kMinMatch) {
    ahead_--;
    return blocks_.Literal(window_[at_++]);
  }
  bool full = blocks_.Match(at_ - match_start_, length);
  ahead_ -= length;
  // What lies in long matches is not found again.
  if (length <= effort_.lazy && ahead_ >= kMinMatch) {
    for (uint32_t i = 1; i < length; i++) Insert(at_ + i);
  }
  at_ += length;
  return full;
}

/// One step: a match is taken when none that begins a byte later is longer. @returns whether the block is full
bool Deflater::Slow() {
  uint32_t candidate = ahead_ >= kMinMatch ? Insert(at_) : 0;
  previous_length_ = match_length_;
  uint32_t previous_match = match_start_;
  match_length_ = kMinMatch - 1;
  if (candidate != 0 && previous_length_ < effort_.lazy && at_ - candidate <= kMaxDistance) {
    match_length_ = LongestMatch(candidate);
    if (match_length_ == kMinMatch && at_ - match_start_ > kTooFar) match_length_ = kMinMatch - 1;
  }
  if (previous_length_ >= kMinMatch && match_length_ <= previous_length_) {
    uint32_t last = at_ + ahead_ - kMinMatch;
    bool full = blocks_.Match(at_ - 1 - previous_match, previous_length_);
    uint32_t end = at_ - 1 + previous_length_;
    ahead_ -= previous_length_ - 1;
    for (at_++; at_ < end; at_++) {
      if (at_ <= last) Insert(at_);
    }
    pending_literal_ = false;
    match_length_ = kMinMatch - 1;
    return full;
  }
  bool full = pending_literal_ && blocks_.Literal(window_[at_ - 1]);
  // The byte that waits belongs to the next block.
  if (full) EndBlock(false);
  pending_literal_ = true;
  at_++;
  ahead_--;
  return false;
}

/// @returns the position before it with the same hash
uint32_t Deflater::Insert(uint32_t at) {
  uint16_t& newest = head_[HashOf(&window_[at])];
  uint32_t before = newest;
  previous_[at & kMask] = newest;
  newest = static_cast<uint16_t>(at);
  return before;
}

uint32_t Deflater::LongestMatch(uint32_t candidate) {
  const uint8_t* scan = &window_[at_];
  const uint32_t limit = at_ > kMaxDistance ? at_ - kMaxDistance : 0;
  const uint32_t enough = std::min(effort_.nice, ahead_);
  uint32_t chain = previous_length_ >= effort_.good ? effort_.chain >> 2 : effort_.chain;
  uint32_t best = previous_length_;
  uint16_t ending;
  memcpy(&ending, scan + best - 1, 2);
  do {
    const uint8_t* other = &window_[candidate];
    uint16_t its;
    memcpy(&its, other + best - 1, 2);
    if (its == ending) {
      uint32_t length = EqualBytes(scan, other, kMaxMatch);
      if (length > best) {
        match_start_ = candidate;
        best = length;
        if (length >= enough) break;
        memcpy(&ending, scan + best - 1, 2);
      }
    }
    candidate = previous_[candidate & kMask];
  } while (candidate > limit && --chain != 0);
  return std::min(best, ahead_);
}

void Deflater::Fill() {
  if (at_ >= kWindow + kMaxDistance) {
    memmove(&window_[0], &window_[kWindow], kWindow);
    at_ -= kWindow;
    match_start_ -= kWindow;
    block_start_ -= kWindow;
    auto slide = [](uint16_t* positions, uint32_t count) {
      for (uint32_t i = 0; i < count; i++) {
        positions[i] = positions[i] >= kWindow ? positions[i] - kWindow : 0;
      }
    };
    slide(head_.get(), kHashSize);
    slide(previous_.get(), kWindow);
  }
  size_t room = 2 * kWindow - at_ - ahead_;
  size_t count = std::min(room, left_);
  if (count > 0) memcpy(&window_[at_ + ahead_], input_, count);
  input_ += count;
  left_ -= count;
  ahead_ += count;
}

void Deflater::EndBlock(bool last) {
  const uint8_t* stored = block_start_ >= 0 ? &window_[block_start_] : nullptr;
  blocks_.End(stored, static_cast<size_t>(at_ - block_start_), last, *out_);
  block_start_ = at_;
}

}  // namespace bootc
