// Which instructions of this CPU the hashes may use.
#pragma once

namespace bootc {

struct Cpu {
  bool avx2 = false;
  bool avx512 = false;  // F, BW and VL
  bool sha = false;     // SHA-NI of x86-64, or the SHA-2 extension of ARMv8
};

/// Looked up once. BOOTC_SDK_CPU takes away: `avx2` leaves out AVX-512, `baseline` everything of the above.
const Cpu& CpuFeatures();

}  // namespace bootc
