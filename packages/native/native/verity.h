// The fs-verity digest of a file, computed while it is written.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "digest.h"

namespace bootc {

/// fs-verity with 4096-byte blocks and no salt (Linux Documentation/filesystems/fsverity.rst, descriptor version 1).
class VerityHasher {
 public:
  explicit VerityHasher(int algorithm) : algorithm_(algorithm), digest_(algorithm) {}
  void Update(const uint8_t* data, size_t size);
  /// Hex. The hasher is used up.
  std::string Final();

 private:
  /// A level of the Merkle tree: a partly filled block of hashes (level 0: of data).
  struct Level {
    std::vector<uint8_t> block;
    uint64_t blocks = 0;  // completed blocks
  };
  void Add(size_t level, const uint8_t* data, size_t size);
  void Complete(size_t level, const uint8_t* block);

  int algorithm_;
  Digest digest_;
  uint64_t total_ = 0;
  std::vector<Level> levels_;
};

}  // namespace bootc
