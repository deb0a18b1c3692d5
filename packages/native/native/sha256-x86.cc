// SHA-256 blocks with the SHA extensions of x86-64 (Intel SDM vol. 2: SHA256RNDS2, SHA256MSG1, SHA256MSG2).
#include "sha256.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

namespace bootc {
namespace {

__attribute__((target("sha,sse4.1,ssse3"))) void Blocks(uint32_t state[8], const uint8_t* data, size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);  // big-endian words
  // The instructions want the state as {A,B,E,F} and {C,D,G,H}.
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state)), 0xB1);
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4)), 0x1B);
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);

  for (; blocks > 0; blocks--, data += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; i++) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + 16 * i)), swap);
    }
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {  // four rounds each
      __m128i k = _mm_add_epi32(w[r & 3], _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256K + 4 * r)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
      if (r >= 3 && r < 15) {
        __m128i& next = w[(r + 1) & 3];
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[r & 3], w[(r - 1) & 3], 4));
        next = _mm_sha256msg2_epu32(next, w[r & 3]);
      }
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0E));
      if (r >= 1 && r < 13) w[(r - 1) & 3] = _mm_sha256msg1_epu32(w[(r - 1) & 3], w[r & 3]);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  low = _mm_shuffle_epi32(abef, 0x1B);
  high = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(low, high, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(high, low, 8));
}

bool Supported() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

}  // namespace

Sha256Blocks Sha256ShaNi() {
  static const bool supported = Supported();
  return supported ? Blocks : nullptr;
}

}  // namespace bootc
#else
namespace bootc {
Sha256Blocks Sha256ShaNi() { return nullptr; }
}  // namespace bootc
#endif
