// Hashing several messages at once, one in each lane of a vector register.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bootc {

/// Hashes `lanes` messages of `bytes` each, a multiple of the hash's block. Digests go where the pointers say.
using LaneHash = void (*)(const uint8_t* const* messages, size_t bytes, uint8_t* const* digests);

/// A way to hash `lanes` messages; with fewer the rest is idle, which pays from `least` on.
struct LaneStep {
  size_t lanes;
  size_t least;
  LaneHash run;
};

extern const uint64_t kSha512K[80];
extern const uint64_t kSha512Initial[8];

// nullptr where the compiler does not know the instructions; whether the CPU has them is the caller's concern.
LaneHash Sha512Avx512x8();
LaneHash Sha512Avx512x4();
LaneHash Sha512Avx2x4();
LaneHash Sha256ShaNiX2();

}  // namespace bootc
