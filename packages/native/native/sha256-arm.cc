// SHA-256 blocks with the ARMv8 cryptography extension (Arm ARM: SHA256H, SHA256H2, SHA256SU0, SHA256SU1).
#include "cpu.h"
#include "sha256.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace bootc {
namespace {

__attribute__((target("+crypto"))) void Blocks(uint32_t state[8], const uint8_t* data, size_t blocks) {
  uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
  for (; blocks > 0; blocks--, data += 64) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t w[4];
    for (int i = 0; i < 4; i++) w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {  // four rounds each
      const uint32x4_t k = vaddq_u32(w[r & 3], vld1q_u32(kSha256K + 4 * r));
      if (r < 12) w[r & 3] = vsha256su0q_u32(w[r & 3], w[(r + 1) & 3]);
      const uint32x4_t before = abcd;
      abcd = vsha256hq_u32(abcd, efgh, k);
      efgh = vsha256h2q_u32(efgh, before, k);
      if (r < 12) w[r & 3] = vsha256su1q_u32(w[r & 3], w[(r + 2) & 3], w[(r + 3) & 3]);
    }
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(state, abcd);
  vst1q_u32(state + 4, efgh);
}

}  // namespace

Sha256Blocks Sha256Armv8() { return CpuFeatures().sha ? Blocks : nullptr; }

}  // namespace bootc
#else
namespace bootc {
Sha256Blocks Sha256Armv8() { return nullptr; }
}  // namespace bootc
#endif
