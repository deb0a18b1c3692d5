#include "verity.h"

#include <algorithm>
#include <cstring>

namespace bootc {

namespace {
constexpr size_t kBlock = 4096;
}

void VerityHasher::Update(const uint8_t* data, size_t size) {
  total_ += size;
  Add(0, data, size);
}

void VerityHasher::Add(size_t index, const uint8_t* data, size_t size) {
  if (levels_.size() <= index) levels_.resize(index + 1);
  while (size > 0) {
    // By index: Complete may add a level and move them all.
    std::vector<uint8_t>* block = &levels_[index].block;
    if (block->empty() && size >= kBlock) {
      Complete(index, data);
      data += kBlock;
      size -= kBlock;
      continue;
    }
    size_t part = std::min(size, kBlock - block->size());
    block->insert(block->end(), data, data + part);
    data += part;
    size -= part;
    if (block->size() == kBlock) {
      std::vector<uint8_t> full;
      full.swap(*block);
      Complete(index, full.data());
    }
  }
}

void VerityHasher::Complete(size_t index, const uint8_t* block) {
  uint8_t hash[64];
  digest_.Update(block, kBlock);
  digest_.Final(hash);
  levels_[index].blocks++;
  Add(index + 1, hash, digest_.size());
}

std::string VerityHasher::Final() {
  uint8_t root[64] = {0};
  if (total_ > 0) {
    // Pad and complete every level until one consists of a single block: the hash above it is the root.
    for (size_t level = 0;; level++) {
      if (!levels_[level].block.empty()) {
        std::vector<uint8_t> last;
        last.swap(levels_[level].block);
        last.resize(kBlock, 0);
        Complete(level, last.data());
      }
      if (levels_[level].blocks == 1) {
        std::memcpy(root, levels_[level + 1].block.data(), digest_.size());
        break;
      }
    }
  }
  uint8_t descriptor[256] = {0};
  descriptor[0] = 1;  // version
  descriptor[1] = static_cast<uint8_t>(algorithm_);
  descriptor[2] = 12;  // log2 of the block size
  for (int i = 0; i < 8; i++) descriptor[8 + i] = static_cast<uint8_t>(total_ >> (8 * i));
  std::memcpy(descriptor + 16, root, digest_.size());
  uint8_t out[64];
  digest_.Update(descriptor, sizeof descriptor);
  digest_.Final(out);
  return Hex(out, digest_.size());
}

}  // namespace bootc
