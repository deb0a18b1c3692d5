// fs-verity digests with 4096-byte blocks and no salt (Linux Documentation/filesystems/fsverity.rst, version 1).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "block-hasher.h"

namespace bootc {

constexpr size_t kVerityBlock = 4096;

/// Of one file, computed while it is written.
class VerityHasher {
 public:
  explicit VerityHasher(int algorithm, const std::string& engine = {}) : algorithm_(algorithm), hasher_(algorithm, engine) {}
  void Update(const uint8_t* data, size_t size);
  /// Hex. The hasher is used up.
  std::string Final();

 private:
  /// A level of the Merkle tree: bytes not hashed yet (level 0: of data, else hashes), at most `kWidth` blocks.
  struct Level {
    std::unique_ptr<uint8_t[]> pending;
    size_t used = 0;
    uint64_t blocks = 0;  // hashed
  };
  void Add(size_t level, const uint8_t* data, size_t size);
  void Hash(size_t level, const uint8_t* const* blocks, size_t count);

  int algorithm_;
  BlockHasher hasher_;
  uint64_t total_ = 0;
  std::vector<Level> levels_;
};

/// Of many files in memory at once: blocks of different files share the lanes, which small files alone cannot fill.
class VerityBatch {
 public:
  struct File {
    const uint8_t* data;
    size_t size;
  };
  explicit VerityBatch(int algorithm, const std::string& engine = {}) : algorithm_(algorithm), hasher_(algorithm, engine) {}
  int algorithm() const { return algorithm_; }
  /// Hex, in the order of the files.
  std::vector<std::string> Run(const std::vector<File>& files);

 private:
  /// What one level holds of a file: content, above that hashes.
  struct Part {
    size_t file;
    const uint8_t* data;
    size_t size;
  };
  void HashLevel();
  std::vector<std::string> Descriptors(const std::vector<File>& files);

  int algorithm_;
  BlockHasher hasher_;
  // Memory is kept from one call to the next.
  std::vector<Part> parts_;
  std::vector<const uint8_t*> blocks_;
  std::vector<uint8_t> padded_, level_, above_, roots_;
};

/// One hash level from the one below: hashes of its blocks, the last one padded with zeros.
std::vector<uint8_t> VerityLevelAbove(BlockHasher& hasher, const std::vector<uint8_t>& level);

/// The digest itself: a hash over the descriptor. `root` is not looked at when the file is empty.
std::string VerityDescriptorDigest(BlockHasher& hasher, int algorithm, uint64_t file_size, const uint8_t* root);

}  // namespace bootc
