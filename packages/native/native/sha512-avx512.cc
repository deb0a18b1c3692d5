// SHA-512 with AVX-512: eight lanes, or four in half registers for what is left over.
#include "lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LANES_TARGET __attribute__((target("avx512f,avx512bw,avx512vl"), always_inline)) inline
#include "sha512-lanes.h"
#include "sha512-load-avx2.h"

namespace bootc {
namespace {

// Third operands of VPTERNLOG: a truth table over (a, b, c).
constexpr int kXor3 = 0x96, kChoose = 0xCA, kMajority = 0xE8;

struct Avx512 {
  using type = __m512i;
  static constexpr int lanes = 8;

  LANES_TARGET static type Set1(uint64_t x) { return _mm512_set1_epi64(static_cast<long long>(x)); }
  LANES_TARGET static type Add(type a, type b) { return _mm512_add_epi64(a, b); }
  template <int n>
  LANES_TARGET static type Rotate(type a) {
    return _mm512_ror_epi64(a, n);
  }
  template <int n>
  LANES_TARGET static type Shift(type a) {
    return _mm512_srli_epi64(a, n);
  }
  LANES_TARGET static type Xor3(type a, type b, type c) { return _mm512_ternarylogic_epi64(a, b, c, kXor3); }
  LANES_TARGET static type Choose(type a, type b, type c) { return _mm512_ternarylogic_epi64(a, b, c, kChoose); }
  LANES_TARGET static type Majority(type a, type b, type c) { return _mm512_ternarylogic_epi64(a, b, c, kMajority); }
  LANES_TARGET static void Store(uint64_t* to, type a) { _mm512_store_si512(to, a); }

  LANES_TARGET static void Load16(const uint8_t* const* messages, size_t at, type w[16]) {
    Load8(messages, at, w);
    Load8(messages, at + 64, w + 8);
  }

  /// Eight words of eight messages, transposed.
  LANES_TARGET static void Load8(const uint8_t* const* messages, size_t at, type w[8]) {
    const type swap = _mm512_broadcast_i32x4(_mm_set_epi64x(0x08090a0b0c0d0e0fLL, 0x0001020304050607LL));
    type r[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = _mm512_loadu_si512(messages[i] + at);
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
    }
    // t[2k + odd] holds words odd, 2 + odd, 4 + odd, 6 + odd of messages 2k and 2k + 1, in 128-bit parts.
    for (int odd = 0; odd < 2; odd++) {
      const type a = _mm512_shuffle_i64x2(t[odd], t[2 + odd], 0x88), b = _mm512_shuffle_i64x2(t[odd], t[2 + odd], 0xDD);
      const type c = _mm512_shuffle_i64x2(t[4 + odd], t[6 + odd], 0x88), d = _mm512_shuffle_i64x2(t[4 + odd], t[6 + odd], 0xDD);
      w[odd] = _mm512_shuffle_epi8(_mm512_shuffle_i64x2(a, c, 0x88), swap);
      w[4 + odd] = _mm512_shuffle_epi8(_mm512_shuffle_i64x2(a, c, 0xDD), swap);
      w[2 + odd] = _mm512_shuffle_epi8(_mm512_shuffle_i64x2(b, d, 0x88), swap);
      w[6 + odd] = _mm512_shuffle_epi8(_mm512_shuffle_i64x2(b, d, 0xDD), swap);
    }
  }
};

struct Avx512Half {
  using type = __m256i;
  static constexpr int lanes = 4;

  LANES_TARGET static type Set1(uint64_t x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }
  LANES_TARGET static type Add(type a, type b) { return _mm256_add_epi64(a, b); }
  template <int n>
  LANES_TARGET static type Rotate(type a) {
    return _mm256_ror_epi64(a, n);
  }
  template <int n>
  LANES_TARGET static type Shift(type a) {
    return _mm256_srli_epi64(a, n);
  }
  LANES_TARGET static type Xor3(type a, type b, type c) { return _mm256_ternarylogic_epi64(a, b, c, kXor3); }
  LANES_TARGET static type Choose(type a, type b, type c) { return _mm256_ternarylogic_epi64(a, b, c, kChoose); }
  LANES_TARGET static type Majority(type a, type b, type c) { return _mm256_ternarylogic_epi64(a, b, c, kMajority); }
  LANES_TARGET static void Store(uint64_t* to, type a) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), a); }
  LANES_TARGET static void Load16(const uint8_t* const* messages, size_t at, type w[16]) {
    for (int i = 0; i < 16; i += 4) LoadAvx2(messages, at + 8 * static_cast<size_t>(i), w + i);
  }
};

__attribute__((target("avx512f,avx512bw,avx512vl"))) void Run8(const uint8_t* const* messages, size_t bytes,
                                                               uint8_t* const* digests) {
  Sha512Lanes<Avx512>(messages, bytes, digests);
}
__attribute__((target("avx512f,avx512bw,avx512vl"))) void Run4(const uint8_t* const* messages, size_t bytes,
                                                               uint8_t* const* digests) {
  Sha512Lanes<Avx512Half>(messages, bytes, digests);
}

}  // namespace

LaneHash Sha512Avx512x8() { return Run8; }
LaneHash Sha512Avx512x4() { return Run4; }

}  // namespace bootc
#else
namespace bootc {
LaneHash Sha512Avx512x8() { return nullptr; }
LaneHash Sha512Avx512x4() { return nullptr; }
}  // namespace bootc
#endif
