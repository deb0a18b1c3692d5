#include "cpu.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace bootc {

namespace {

Cpu Detect() {
  Cpu cpu;
#if defined(__x86_64__)
  // These look at what the system saves on a context switch, too.
  __builtin_cpu_init();
  cpu.avx2 = __builtin_cpu_supports("avx2");
  cpu.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  unsigned a, b, c, d;
  cpu.sha = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") &&
            __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
#elif defined(__aarch64__)
  cpu.sha = (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
#endif
  const char* limit = std::getenv("BOOTC_SDK_CPU");
  if (limit && !std::strcmp(limit, "avx2")) cpu.avx512 = false;
  if (limit && !std::strcmp(limit, "baseline")) cpu = Cpu{};
  return cpu;
}

}  // namespace

const Cpu& CpuFeatures() {
  static const Cpu cpu = Detect();
  return cpu;
}

}  // namespace bootc
