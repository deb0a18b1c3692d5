// SHA-256 or SHA-512 of many blocks of one size, as many at once as the CPU can.
#pragma once
#include <string>
#include <vector>

#include "digest.h"
#include "lanes.h"

namespace bootc {

class BlockHasher {
 public:
  /// @param algorithm as fs-verity numbers them: 1 = SHA-256, 2 = SHA-512
  /// @param engine one of `Engines`; empty for the best. @throws Failure ERR_INVALID_ARG_VALUE
  explicit BlockHasher(int algorithm, const std::string& engine = {});

  /// What can run here, best first: `avx512`, `avx2`, `sha-ni`, `armv8`, `openssl`.
  static std::vector<std::string> Engines(int algorithm);

  size_t digest_size() const { return single_.size(); }
  /// Writes the digests of `count` messages one after the other. `bytes` is a multiple of 128.
  void Run(const uint8_t* const* messages, size_t count, size_t bytes, uint8_t* digests);

  /// Numbers of messages that leave no lane idle are multiples of this, for every engine.
  static constexpr size_t kWidth = 8;

 private:
  std::vector<LaneStep> steps_;  // widest first
  Digest single_;
};

}  // namespace bootc
