#include "verity.h"

#include <algorithm>
#include <cstring>

namespace bootc {

namespace {

constexpr size_t kPending = kVerityBlock * BlockHasher::kWidth;
constexpr size_t kRun = 64;  // blocks hashed in one go
constexpr size_t kDescriptor = 256;

/// struct fsverity_descriptor. An empty file has no tree: its root stays zero.
void FillDescriptor(uint8_t* descriptor, int algorithm, uint64_t file_size, const uint8_t* root, size_t root_size) {
  std::memset(descriptor, 0, kDescriptor);
  descriptor[0] = 1;  // version
  descriptor[1] = static_cast<uint8_t>(algorithm);
  descriptor[2] = 12;  // log2 of the block size
  for (int i = 0; i < 8; i++) descriptor[8 + i] = static_cast<uint8_t>(file_size >> (8 * i));
  if (file_size > 0) std::memcpy(descriptor + 16, root, root_size);
}

size_t BlocksOf(size_t size) { return (size + kVerityBlock - 1) / kVerityBlock; }

}  // namespace

void VerityHasher::Update(const uint8_t* data, size_t size) {
  total_ += size;
  Add(0, data, size);
}

void VerityHasher::Add(size_t index, const uint8_t* data, size_t size) {
  if (size == 0) return;
  if (levels_.size() <= index) levels_.resize(index + 1);
  if (!levels_[index].pending) levels_[index].pending.reset(new uint8_t[kPending]);
  uint8_t* pending = levels_[index].pending.get();
  size_t used = levels_[index].used;
  if (used + size >= kPending) {
    // The block that was begun is completed. Then what is pending and whole blocks of `data` are hashed, in
    // multiples of the width.
    const size_t fill = (kVerityBlock - used % kVerityBlock) % kVerityBlock;
    std::memcpy(pending + used, data, fill);
    const size_t held = (used + fill) / kVerityBlock;
    size_t direct = (size - fill) / kVerityBlock;
    direct -= (held + direct) % BlockHasher::kWidth;
    const uint8_t* blocks[kRun];
    size_t count = 0;
    for (; count < held; count++) blocks[count] = pending + count * kVerityBlock;
    for (data += fill, size -= fill; count > 0 || direct > 0; count = 0) {
      for (; count < kRun && direct > 0; direct--, size -= kVerityBlock, data += kVerityBlock) blocks[count++] = data;
      Hash(index, blocks, count);
    }
    used = 0;
  }
  std::memcpy(pending + used, data, size);
  levels_[index].used = used + size;
}

void VerityHasher::Hash(size_t index, const uint8_t* const* blocks, size_t count) {
  uint8_t hashes[kRun * 64];
  hasher_.Run(blocks, count, kVerityBlock, hashes);
  levels_[index].blocks += count;
  Add(index + 1, hashes, count * hasher_.digest_size());
}

std::string VerityHasher::Final() {
  if (total_ == 0) return VerityDescriptorDigest(hasher_, algorithm_, 0, nullptr);
  // Pad and hash what is left of every level until one consists of a single block: the hash above it is the root.
  for (size_t index = 0;; index++) {
    if (levels_[index].used > 0) {
      uint8_t* pending = levels_[index].pending.get();
      const size_t count = BlocksOf(levels_[index].used);
      std::memset(pending + levels_[index].used, 0, count * kVerityBlock - levels_[index].used);
      levels_[index].used = 0;
      const uint8_t* blocks[BlockHasher::kWidth];
      for (size_t i = 0; i < count; i++) blocks[i] = pending + i * kVerityBlock;
      Hash(index, blocks, count);
    }
    if (levels_[index].blocks == 1) {
      return VerityDescriptorDigest(hasher_, algorithm_, total_, levels_[index + 1].pending.get());
    }
  }
}

std::vector<std::string> VerityBatch::Run(const std::vector<File>& files) {
  const size_t digest = hasher_.digest_size();
  roots_.resize(files.size() * digest);
  parts_.clear();
  for (size_t i = 0; i < files.size(); i++) {
    if (files[i].size > 0) parts_.push_back(Part{i, files[i].data, files[i].size});
  }
  while (!parts_.empty()) {
    HashLevel();
    // What is more than one hash is the data of the next level.
    const uint8_t* hashes = above_.data();
    size_t left = 0;
    for (const Part& part : parts_) {
      const size_t size = BlocksOf(part.size) * digest;
      if (size == digest) {
        std::memcpy(roots_.data() + part.file * digest, hashes, digest);
      } else {
        parts_[left++] = Part{part.file, hashes, size};
      }
      hashes += size;
    }
    parts_.resize(left);
    above_.swap(level_);
  }
  return Descriptors(files);
}

/// Hashes of all blocks of all parts, one after the other, into `above_`.
void VerityBatch::HashLevel() {
  size_t blocks = 0, cut = 0;
  for (const Part& part : parts_) {
    blocks += BlocksOf(part.size);
    cut += part.size % kVerityBlock != 0;
  }
  padded_.resize(cut * kVerityBlock);
  blocks_.clear();
  blocks_.reserve(blocks);
  uint8_t* pad = padded_.data();
  for (const Part& part : parts_) {
    const size_t whole = part.size - part.size % kVerityBlock;
    for (size_t at = 0; at < whole; at += kVerityBlock) blocks_.push_back(part.data + at);
    if (whole == part.size) continue;
    std::memcpy(pad, part.data + whole, part.size - whole);
    std::memset(pad + (part.size - whole), 0, kVerityBlock - (part.size - whole));
    blocks_.push_back(pad);
    pad += kVerityBlock;
  }
  above_.resize(blocks * hasher_.digest_size());
  hasher_.Run(blocks_.data(), blocks, kVerityBlock, above_.data());
}

std::vector<std::string> VerityBatch::Descriptors(const std::vector<File>& files) {
  const size_t digest = hasher_.digest_size();
  padded_.resize(files.size() * kDescriptor);
  blocks_.clear();
  for (size_t i = 0; i < files.size(); i++) {
    uint8_t* descriptor = padded_.data() + i * kDescriptor;
    FillDescriptor(descriptor, algorithm_, files[i].size, roots_.data() + i * digest, digest);
    blocks_.push_back(descriptor);
  }
  above_.resize(files.size() * digest);
  hasher_.Run(blocks_.data(), files.size(), kDescriptor, above_.data());
  std::vector<std::string> out;
  out.reserve(files.size());
  for (size_t i = 0; i < files.size(); i++) out.push_back(Hex(above_.data() + i * digest, digest));
  return out;
}

std::vector<uint8_t> VerityLevelAbove(BlockHasher& hasher, const std::vector<uint8_t>& level) {
  const size_t count = BlocksOf(level.size());
  std::vector<uint8_t> last(kVerityBlock, 0), above(count * hasher.digest_size());
  std::vector<const uint8_t*> blocks(count);
  for (size_t i = 0; i < count; i++) blocks[i] = level.data() + i * kVerityBlock;
  if (const size_t cut = level.size() % kVerityBlock) {
    std::memcpy(last.data(), level.data() + (level.size() - cut), cut);
    blocks.back() = last.data();
  }
  hasher.Run(blocks.data(), count, kVerityBlock, above.data());
  return above;
}

std::string VerityDescriptorDigest(BlockHasher& hasher, int algorithm, uint64_t file_size, const uint8_t* root) {
  uint8_t descriptor[kDescriptor], out[64];
  const uint8_t* message = descriptor;
  FillDescriptor(descriptor, algorithm, file_size, root, hasher.digest_size());
  hasher.Run(&message, 1, kDescriptor, out);
  return Hex(out, hasher.digest_size());
}

}  // namespace bootc
