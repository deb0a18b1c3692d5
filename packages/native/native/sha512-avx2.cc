// SHA-512 in four lanes with AVX2.
#include "lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LANES_TARGET __attribute__((target("avx2"), always_inline)) inline
#include "sha512-lanes.h"
#include "sha512-load-avx2.h"

namespace bootc {
namespace {

struct Avx2 {
  using type = __m256i;
  static constexpr int lanes = 4;

  LANES_TARGET static type Set1(uint64_t x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }
  LANES_TARGET static type Add(type a, type b) { return _mm256_add_epi64(a, b); }
  LANES_TARGET static type Xor(type a, type b) { return _mm256_xor_si256(a, b); }
  template <int n>
  LANES_TARGET static type Rotate(type a) {
    return Xor(_mm256_srli_epi64(a, n), _mm256_slli_epi64(a, 64 - n));
  }
  template <int n>
  LANES_TARGET static type Shift(type a) {
    return _mm256_srli_epi64(a, n);
  }
  LANES_TARGET static type Xor3(type a, type b, type c) { return Xor(Xor(a, b), c); }
  LANES_TARGET static type Choose(type a, type b, type c) { return Xor(_mm256_and_si256(Xor(b, c), a), c); }
  LANES_TARGET static type Majority(type a, type b, type c) {
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(_mm256_or_si256(a, b), c));
  }
  LANES_TARGET static void Store(uint64_t* to, type a) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), a); }
  LANES_TARGET static void Load16(const uint8_t* const* messages, size_t at, type w[16]) {
    for (int i = 0; i < 16; i += 4) LoadAvx2(messages, at + 8 * static_cast<size_t>(i), w + i);
  }
};

__attribute__((target("avx2"))) void Run4(const uint8_t* const* messages, size_t bytes, uint8_t* const* digests) {
  Sha512Lanes<Avx2>(messages, bytes, digests);
}

}  // namespace

LaneHash Sha512Avx2x4() { return Run4; }

}  // namespace bootc
#else
namespace bootc {
LaneHash Sha512Avx2x4() { return nullptr; }
}  // namespace bootc
#endif
