#include "block-hasher.h"

#include <algorithm>

#include "cpu.h"
#include "failure.h"

namespace bootc {

namespace {

// From what number on idle lanes pay was measured: a pass of four half registers takes as long as OpenSSL for one block.
std::vector<LaneStep> StepsOf(int algorithm, const std::string& engine) {
  if (algorithm == 1) return engine == "sha-ni" ? std::vector<LaneStep>{{2, 2, Sha256ShaNiX2()}} : std::vector<LaneStep>{};
  if (engine == "avx512") return {{8, 5, Sha512Avx512x8()}, {4, 1, Sha512Avx512x4()}};
  if (engine == "avx2") return {{4, 2, Sha512Avx2x4()}};
  return {};
}

std::string Checked(int algorithm, const std::string& engine) {
  std::vector<std::string> known = BlockHasher::Engines(algorithm);
  if (engine.empty()) return known.front();
  if (std::find(known.begin(), known.end(), engine) == known.end()) {
    FailCode("ERR_INVALID_ARG_VALUE", "no engine '" + engine + "' here");
  }
  return engine;
}

}  // namespace

std::vector<std::string> BlockHasher::Engines(int algorithm) {
  std::vector<std::string> engines;
  if (algorithm == 2 && CpuFeatures().avx512) engines.push_back("avx512");
  if (algorithm == 2 && CpuFeatures().avx2) engines.push_back("avx2");
  if (algorithm == 1 && CpuFeatures().sha) engines.push_back(Sha256::Name());
  engines.push_back("openssl");
  return engines;
}

BlockHasher::BlockHasher(int algorithm, const std::string& engine)
    : steps_(StepsOf(algorithm, Checked(algorithm, engine))),
      single_(algorithm, engine == "openssl" ? Sha256::Engine::openssl : Sha256::Engine::best) {}

void BlockHasher::Run(const uint8_t* const* messages, size_t count, size_t bytes, uint8_t* digests) {
  const size_t size = digest_size();
  for (const LaneStep& step : steps_) {
    while (count >= step.least) {
      const uint8_t* in[16];
      uint8_t* out[16];
      uint8_t unused[64];
      const size_t used = std::min(count, step.lanes);
      for (size_t lane = 0; lane < step.lanes; lane++) {
        in[lane] = messages[std::min(lane, used - 1)];
        out[lane] = lane < used ? digests + lane * size : unused;
      }
      step.run(in, bytes, out);
      messages += used;
      digests += used * size;
      count -= used;
    }
  }
  for (; count > 0; count--, messages++, digests += size) {
    single_.Update(*messages, bytes);
    single_.Final(digests);
  }
}

}  // namespace bootc
