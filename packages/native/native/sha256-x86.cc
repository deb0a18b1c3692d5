// SHA-256 blocks with the SHA extensions of x86-64 (Intel SDM vol. 2: SHA256RNDS2, SHA256MSG1, SHA256MSG2).
#include "cpu.h"
#include "lanes.h"
#include "sha256.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#define SHA_TARGET __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

namespace bootc {
namespace {

/// The instructions want the state as {A,B,E,F} and {C,D,G,H}.
struct State {
  __m128i abef, cdgh;
};

SHA_TARGET State Load(const uint32_t words[8]) {
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words)), 0xB1);
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words + 4)), 0x1B);
  return {_mm_alignr_epi8(low, high, 8), _mm_blend_epi16(high, low, 0xF0)};
}

SHA_TARGET void Store(const State& state, uint32_t words[8]) {
  __m128i low = _mm_shuffle_epi32(state.abef, 0x1B);
  __m128i high = _mm_shuffle_epi32(state.cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_blend_epi16(low, high, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_alignr_epi8(high, low, 8));
}

/// One block of each of `n` messages. A round waits four cycles for the one before it, and another message's can
/// run meanwhile.
template <int n>
SHA_TARGET void Block(State state[n], const uint8_t* const data[n]) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);  // big-endian words
  State before[n];
  __m128i w[n][4];
  for (int m = 0; m < n; m++) {
    before[m] = state[m];
    for (int i = 0; i < 4; i++) {
      w[m][i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data[m] + 16 * i)), swap);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) {  // four rounds each
#pragma GCC unroll 4
    for (int m = 0; m < n; m++) {
      State& s = state[m];
      __m128i k = _mm_add_epi32(w[m][r & 3], _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256K + 4 * r)));
      s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, k);
      if (r >= 3 && r < 15) {
        __m128i& next = w[m][(r + 1) & 3];
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[m][r & 3], w[m][(r - 1) & 3], 4));
        next = _mm_sha256msg2_epu32(next, w[m][r & 3]);
      }
      s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(k, 0x0E));
      if (r >= 1 && r < 13) w[m][(r - 1) & 3] = _mm_sha256msg1_epu32(w[m][(r - 1) & 3], w[m][r & 3]);
    }
  }
  for (int m = 0; m < n; m++) {
    state[m].abef = _mm_add_epi32(state[m].abef, before[m].abef);
    state[m].cdgh = _mm_add_epi32(state[m].cdgh, before[m].cdgh);
  }
}

__attribute__((target("sha,sse4.1,ssse3"))) void Blocks(uint32_t words[8], const uint8_t* data, size_t blocks) {
  State state = Load(words);
  for (; blocks > 0; blocks--, data += 64) Block<1>(&state, &data);
  Store(state, words);
}

__attribute__((target("sha,sse4.1,ssse3"))) void BlocksOfTwo(uint32_t a[8], const uint8_t* data_a, uint32_t b[8],
                                                             const uint8_t* data_b, size_t blocks) {
  State state[2] = {Load(a), Load(b)};
  const uint8_t* at[2] = {data_a, data_b};
  for (; blocks > 0; blocks--, at[0] += 64, at[1] += 64) Block<2>(state, at);
  Store(state[0], a);
  Store(state[1], b);
}

template <int n>
__attribute__((target("sha,sse4.1,ssse3"))) void Messages(const uint8_t* const* messages, size_t bytes,
                                                          uint8_t* const* digests) {
  State state[n];
  const uint8_t* at[n];
  for (int m = 0; m < n; m++) {
    state[m] = Load(kSha256Initial);
    at[m] = messages[m];
  }
  for (size_t done = 0; done < bytes; done += 64) {
    Block<n>(state, at);
    for (int m = 0; m < n; m++) at[m] += 64;
  }
  uint8_t padding[64] = {0x80};
  const uint64_t bits = __builtin_bswap64(uint64_t{bytes} * 8);
  std::memcpy(padding + 56, &bits, 8);
  for (int m = 0; m < n; m++) at[m] = padding;
  Block<n>(state, at);
  for (int m = 0; m < n; m++) {
    uint32_t words[8];
    Store(state[m], words);
    for (uint32_t& word : words) word = __builtin_bswap32(word);
    std::memcpy(digests[m], words, sizeof words);
  }
}

}  // namespace

Sha256Blocks Sha256ShaNi() { return CpuFeatures().sha ? Blocks : nullptr; }
Sha256BlocksOfTwo Sha256ShaNiOfTwo() { return CpuFeatures().sha ? BlocksOfTwo : nullptr; }
LaneHash Sha256ShaNiX2() { return Messages<2>; }

}  // namespace bootc
#else
namespace bootc {
Sha256Blocks Sha256ShaNi() { return nullptr; }
Sha256BlocksOfTwo Sha256ShaNiOfTwo() { return nullptr; }
LaneHash Sha256ShaNiX2() { return nullptr; }
}  // namespace bootc
#endif
