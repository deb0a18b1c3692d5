#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "deflate-blocks.h"

namespace bootc {

/// Raw deflate with the bytes that zlib 1.2/1.3 as published gives at levels 1 and 6, whatever the processor, and
/// however the input comes. Node's own zlib is Chromium's, which finds other matches.
class Deflater {
 public:
  /// @param level 1 or 6
  explicit Deflater(int level);
  /// Compressed bytes are added to `out`.
  void Push(const uint8_t* data, size_t size, std::vector<uint8_t>& out);
  void Finish(std::vector<uint8_t>& out);

 private:
  static constexpr uint32_t kWindow = 32768;
  static constexpr uint32_t kMask = kWindow - 1;
  static constexpr uint32_t kMinMatch = 3;
  static constexpr uint32_t kMaxMatch = 258;
  /// So many bytes ahead that no decision depends on what comes later.
  static constexpr uint32_t kMinAhead = kMaxMatch + kMinMatch + 1;
  static constexpr uint32_t kMaxDistance = kWindow - kMinAhead;
  /// A match of three bytes from farther away costs more than three literals.
  static constexpr uint32_t kTooFar = 4096;

  struct Effort {
    /// With a match of `good` at hand a quarter of `chain` is looked at; none with one of `lazy`. `nice` is enough.
    uint32_t good, lazy, nice, chain;
  };

  void Run(bool finish);
  bool Fast();
  bool Slow();
  void Fill();
  uint32_t Insert(uint32_t at);
  uint32_t LongestMatch(uint32_t candidate);
  void EndBlock(bool last);

  const Effort effort_;
  const bool lazy_;
  const uint8_t* input_ = nullptr;
  size_t left_ = 0;
  std::vector<uint8_t>* out_ = nullptr;
  /// Two windows, and room for reading words behind them.
  std::unique_ptr<uint8_t[]> window_;
  /// Newest position of a hash, and the one before each position; 0 is none.
  std::unique_ptr<uint16_t[]> head_;
  std::unique_ptr<uint16_t[]> previous_;
  uint32_t at_ = 0;
  uint32_t ahead_ = 0;
  /// May be before the window.
  int64_t block_start_ = 0;
  uint32_t match_length_ = kMinMatch - 1;
  uint32_t match_start_ = 0;
  uint32_t previous_length_ = kMinMatch - 1;
  bool pending_literal_ = false;
  DeflateBlocks blocks_;
};

}  // namespace bootc
