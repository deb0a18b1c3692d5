// SHA-512 (FIPS 180-4) of several messages at once. Included by one file for each instruction set, which defines
// LANES_TARGET: everything here must be compiled for it. `V` wraps a vector of 64-bit lanes:
//   type, lanes; Load16(messages, offset, w): words of 128 bytes of each message; Set1, Add, Rotate<n>, Shift<n>,
//   Xor3, Choose(e, f, g), Majority(a, b, c); Store(pointer, value)
#pragma once
#include <cstring>

#include "lanes.h"

namespace bootc {

template <class V, int r>
LANES_TARGET void Sha512Round(typename V::type s[8], typename V::type k_and_w) {
  // The state turns by one place each round instead of being moved.
  auto &d = s[(3 - r) & 7], &h = s[(7 - r) & 7];
  const auto a = s[(0 - r) & 7], b = s[(1 - r) & 7], c = s[(2 - r) & 7];
  const auto e = s[(4 - r) & 7], f = s[(5 - r) & 7], g = s[(6 - r) & 7];
  auto t = V::Add(V::Add(h, k_and_w),
                  V::Add(V::Choose(e, f, g),
                         V::Xor3(V::template Rotate<14>(e), V::template Rotate<18>(e), V::template Rotate<41>(e))));
  d = V::Add(d, t);
  h = V::Add(t, V::Add(V::Majority(a, b, c),
                       V::Xor3(V::template Rotate<28>(a), V::template Rotate<34>(a), V::template Rotate<39>(a))));
}

template <class V, int i>
LANES_TARGET typename V::type Sha512Schedule(typename V::type w[16]) {
  const auto w1 = w[(i + 1) & 15], w14 = w[(i + 14) & 15];
  const auto s0 = V::Xor3(V::template Rotate<1>(w1), V::template Rotate<8>(w1), V::template Shift<7>(w1));
  const auto s1 = V::Xor3(V::template Rotate<19>(w14), V::template Rotate<61>(w14), V::template Shift<6>(w14));
  w[i & 15] = V::Add(V::Add(w[i & 15], s0), V::Add(w[(i + 9) & 15], s1));
  return w[i & 15];
}

/// Sixteen rounds, the words of the next sixteen being made on the way.
template <class V, bool first, int i = 0>
LANES_TARGET void Sha512Rounds(typename V::type s[8], typename V::type w[16], const uint64_t* k) {
  if constexpr (i < 16) {
    typename V::type word;
    if constexpr (first) {
      word = w[i];
    } else {
      word = Sha512Schedule<V, i>(w);
    }
    Sha512Round<V, i>(s, V::Add(word, V::Set1(k[i])));
    Sha512Rounds<V, first, i + 1>(s, w, k);
  }
}

template <class V>
LANES_TARGET void Sha512Block(typename V::type s[8], typename V::type w[16]) {
  typename V::type before[8];
  for (int i = 0; i < 8; i++) before[i] = s[i];
  Sha512Rounds<V, true>(s, w, kSha512K);
  for (int i = 16; i < 80; i += 16) Sha512Rounds<V, false>(s, w, kSha512K + i);
  for (int i = 0; i < 8; i++) s[i] = V::Add(s[i], before[i]);
}

template <class V>
LANES_TARGET void Sha512Lanes(const uint8_t* const* messages, size_t bytes, uint8_t* const* digests) {
  typename V::type s[8], w[16];
  for (int i = 0; i < 8; i++) s[i] = V::Set1(kSha512Initial[i]);
  for (size_t at = 0; at < bytes; at += 128) {
    V::Load16(messages, at, w);
    Sha512Block<V>(s, w);
  }
  // The padding of whole blocks is a block of its own.
  w[0] = V::Set1(uint64_t{1} << 63);
  for (int i = 1; i < 15; i++) w[i] = V::Set1(0);
  w[15] = V::Set1(uint64_t{bytes} * 8);
  Sha512Block<V>(s, w);
  for (int i = 0; i < 8; i++) {
    alignas(64) uint64_t words[V::lanes];
    V::Store(words, s[i]);
    for (int lane = 0; lane < V::lanes; lane++) {
      uint64_t big = __builtin_bswap64(words[lane]);
      std::memcpy(digests[lane] + 8 * i, &big, 8);
    }
  }
}

}  // namespace bootc
