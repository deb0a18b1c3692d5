#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bootc {

/// Symbols of deflate (RFC 1951), collected and written in blocks as zlib does: of at most 16383 symbols, with the
/// smallest of stored, fixed and own codes, and codes that settle ties as zlib's do.
class DeflateBlocks {
 public:
  DeflateBlocks();
  /// @returns whether the block is full
  bool Literal(uint8_t byte) {
    literals_.counts[byte]++;
    return Add(0, byte);
  }
  /// @param distance from 1 to 32768; @param length from 3 to 258
  bool Match(uint32_t distance, uint32_t length);
  /// End the block. @param bytes what it stands for, where that is at hand
  void End(const uint8_t* bytes, size_t size, bool last, std::vector<uint8_t>& out);

 private:
  static constexpr int kLiterals = 286;
  static constexpr int kDistances = 30;
  static constexpr int kLengths = 19;
  static constexpr size_t kMostSymbols = 16383;

  struct Code {
    std::array<uint16_t, kLiterals> counts{};
    std::array<uint8_t, kLiterals> bits{};
    std::array<uint16_t, kLiterals> codes{};
    int symbols;
    int most_bits;
    /// Highest symbol in use.
    int highest = 0;
  };

  struct Symbol {
    /// 0: a literal.
    uint16_t distance;
    /// The literal, or the length less 3.
    uint8_t value;
  };

  bool Add(uint16_t distance, uint8_t value) {
    symbols_[count_++] = {distance, value};
    return count_ == kMostSymbols;
  }
  void Reset();
  void Build(Code& code);
  void LimitBits(Code& code, const int* order, int count, std::array<uint16_t, 16>& per_bits, int overflow);
  template <typename Emit>
  void RunLengths(const Code& code, Emit emit);
  void CountLengths(const Code& code);
  void WriteLengths(const Code& code);
  uint64_t BodyBits(const Code& literals, const Code& distances) const;
  void WriteBody(const Code& literals, const Code& distances);
  void WriteBits(uint32_t value, int count);
  void Align();

  Code literals_, distances_, lengths_;
  std::unique_ptr<Symbol[]> symbols_{new Symbol[kMostSymbols + 1]};
  size_t count_ = 0;
  uint64_t pending_ = 0;
  int pending_bits_ = 0;
  std::vector<uint8_t>* out_ = nullptr;
};

}  // namespace bootc
