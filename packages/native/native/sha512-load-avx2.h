// Four words of four messages, transposed; shared by the files that define LANES_TARGET with AVX2 or more.
#pragma once
#include <immintrin.h>

#include "lanes.h"

namespace bootc {
namespace {

LANES_TARGET void LoadAvx2(const uint8_t* const* messages, size_t at, __m256i w[4]) {
  const __m256i swap = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x08090a0b0c0d0e0fLL, 0x0001020304050607LL));
  __m256i r[4];
  for (int i = 0; i < 4; i++) {
    r[i] = _mm256_shuffle_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(messages[i] + at)), swap);
  }
  const __m256i a = _mm256_unpacklo_epi64(r[0], r[1]), b = _mm256_unpackhi_epi64(r[0], r[1]);
  const __m256i c = _mm256_unpacklo_epi64(r[2], r[3]), d = _mm256_unpackhi_epi64(r[2], r[3]);
  w[0] = _mm256_permute2x128_si256(a, c, 0x20);
  w[1] = _mm256_permute2x128_si256(b, d, 0x20);
  w[2] = _mm256_permute2x128_si256(a, c, 0x31);
  w[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

}  // namespace
}  // namespace bootc
