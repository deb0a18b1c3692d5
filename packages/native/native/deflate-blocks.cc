// Blocks of deflate: Huffman codes and bits. @see RFC 1951 section 3.2
#include "deflate-blocks.h"

#include <algorithm>
#include <utility>

namespace bootc {
namespace {

constexpr int kEnd = 256;
constexpr int kFirstLength = 257;
/// Of code lengths: the one before 3 to 6 times, zero 3 to 10 times, zero 11 to 138 times.
constexpr int kRepeat = 16, kZeros = 17, kManyZeros = 18;
constexpr uint8_t kLengthOrder[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

int ExtraOfLength(int symbol) {
  return symbol < 8 || symbol == 28 ? 0 : (symbol - 4) / 4;
}

int ExtraOfDistance(int symbol) {
  return symbol < 4 ? 0 : (symbol - 2) / 2;
}

int ExtraBits(int symbols, int symbol) {
  if (symbols == 30) return ExtraOfDistance(symbol);
  if (symbols == 19) return symbol == kRepeat ? 2 : symbol == kZeros ? 3 : symbol == kManyZeros ? 7 : 0;
  return symbol < kFirstLength ? 0 : ExtraOfLength(symbol - kFirstLength);
}

struct Tables {
  std::array<uint8_t, 256> length_symbols;   // by length less 3
  std::array<uint8_t, 29> length_starts;     // less 3
  std::array<uint8_t, 512> distance_symbols; // by distance less 1, from 256 on by that / 128
  std::array<uint16_t, 30> distance_starts;  // less 1

  Tables() {
    int length = 0;
    for (int symbol = 0; symbol < 28; symbol++) {
      length_starts[symbol] = static_cast<uint8_t>(length);
      for (int i = 0; i < 1 << ExtraOfLength(symbol); i++, length++) {
        if (length < 256) length_symbols[length] = static_cast<uint8_t>(symbol);
      }
    }
    // 258 has a symbol of its own.
    length_symbols[255] = 28;
    length_starts[28] = 255;
    int distance = 0;
    for (int symbol = 0; symbol < 30; symbol++) {
      distance_starts[symbol] = static_cast<uint16_t>(distance);
      for (int i = 0; i < 1 << ExtraOfDistance(symbol); i++, distance++) {
        if (distance < 256) distance_symbols[distance] = static_cast<uint8_t>(symbol);
        else distance_symbols[256 + (distance >> 7)] = static_cast<uint8_t>(symbol);
      }
    }
  }

  int DistanceSymbol(uint32_t less_one) const {
    return less_one < 256 ? distance_symbols[less_one] : distance_symbols[256 + (less_one >> 7)];
  }
};

const Tables& TablesOf() {
  static const Tables tables;
  return tables;
}

uint16_t Reversed(uint32_t code, int bits) {
  uint32_t result = 0;
  for (; bits > 0; bits--, code >>= 1) result = result << 1 | (code & 1);
  return static_cast<uint16_t>(result);
}

/// Canonical codes for the lengths, last bit first.
template <typename Bits, typename Codes>
void AssignCodes(const Bits& bits, Codes& codes, int symbols) {
  uint32_t count[16] = {}, next[16] = {};
  for (int n = 0; n < symbols; n++) count[bits[n]]++;
  count[0] = 0;
  for (int b = 1; b < 16; b++) next[b] = (next[b - 1] + count[b - 1]) << 1;
  for (int n = 0; n < symbols; n++) {
    if (bits[n] != 0) codes[n] = Reversed(next[bits[n]]++, bits[n]);
  }
}

}  // namespace

DeflateBlocks::DeflateBlocks() {
  literals_.symbols = kLiterals;
  distances_.symbols = kDistances;
  lengths_.symbols = kLengths;
  literals_.most_bits = distances_.most_bits = 15;
  lengths_.most_bits = 7;
  Reset();
}

bool DeflateBlocks::Match(uint32_t distance, uint32_t length) {
  const Tables& tables = TablesOf();
  literals_.counts[kFirstLength + tables.length_symbols[length - 3]]++;
  distances_.counts[tables.DistanceSymbol(distance - 1)]++;
  return Add(static_cast<uint16_t>(distance), static_cast<uint8_t>(length - 3));
}

void DeflateBlocks::Reset() {
  literals_.counts.fill(0);
  distances_.counts.fill(0);
  lengths_.counts.fill(0);
  literals_.counts[kEnd] = 1;
  count_ = 0;
}

namespace {
/// The fixed codes: their lengths, and codes of all that may be used.
template <typename Code>
const std::pair<Code, Code>& FixedCodes() {
  static const std::pair<Code, Code> fixed = [] {
    std::pair<Code, Code> made;
    std::array<uint8_t, 288> bits;
    std::array<uint16_t, 288> codes;
    for (int n = 0; n < 288; n++) bits[n] = n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8;
    AssignCodes(bits, codes, 288);
    std::copy_n(bits.begin(), made.first.bits.size(), made.first.bits.begin());
    std::copy_n(codes.begin(), made.first.codes.size(), made.first.codes.begin());
    for (int n = 0; n < 30; n++) {
      made.second.bits[n] = 5;
      made.second.codes[n] = Reversed(n, 5);
    }
    return made;
  }();
  return fixed;
}
}  // namespace

void DeflateBlocks::End(const uint8_t* bytes, size_t size, bool last, std::vector<uint8_t>& out) {
  out_ = &out;
  const auto& [fixed_literals, fixed_distances] = FixedCodes<Code>();
  Build(literals_);
  Build(distances_);
  const uint64_t fixed_bits = 3 + BodyBits(fixed_literals, fixed_distances);
  uint64_t own_bits = 3 + BodyBits(literals_, distances_);
  CountLengths(literals_);
  CountLengths(distances_);
  Build(lengths_);
  int orders = kLengths;
  while (orders > 4 && lengths_.bits[kLengthOrder[orders - 1]] == 0) orders--;
  own_bits += 14 + 3 * orders;
  for (int n = 0; n < kLengths; n++) {
    own_bits += static_cast<uint64_t>(lengths_.counts[n]) * (lengths_.bits[n] + ExtraBits(kLengths, n));
  }
  size_t own_bytes = (own_bits + 7) >> 3;
  size_t fixed_bytes = (fixed_bits + 7) >> 3;
  if (bytes && size + 4 <= std::min(own_bytes, fixed_bytes)) {
    WriteBits(last, 3);
    Align();
    const uint16_t length = static_cast<uint16_t>(size);
    for (uint16_t word : {length, static_cast<uint16_t>(~length)}) {
      out.push_back(word & 0xff);
      out.push_back(word >> 8);
    }
    out.insert(out.end(), bytes, bytes + size);
  } else if (fixed_bytes <= own_bytes) {
    WriteBits(1 << 1 | last, 3);
    WriteBody(fixed_literals, fixed_distances);
  } else {
    WriteBits(2 << 1 | last, 3);
    WriteBits(literals_.highest + 1 - 257, 5);
    WriteBits(distances_.highest, 5);
    WriteBits(orders - 4, 4);
    for (int n = 0; n < orders; n++) WriteBits(lengths_.bits[kLengthOrder[n]], 3);
    WriteLengths(literals_);
    WriteLengths(distances_);
    WriteBody(literals_, distances_);
  }
  Reset();
  if (last) Align();
}

/// Lengths and codes from counts.
void DeflateBlocks::Build(Code& code) {
  // Symbols, and nodes above them; the heap has the rarest first, of equal ones the flattest, and is 1-based.
  constexpr int kNodes = 2 * kLiterals + 1;
  int heap[kNodes], parents[kNodes];
  uint8_t depth[kNodes] = {};
  int size = 0, top = kNodes;
  uint16_t counts[kNodes];
  std::copy(code.counts.begin(), code.counts.end(), counts);
  code.highest = -1;
  code.bits.fill(0);
  for (int n = 0; n < code.symbols; n++) {
    if (counts[n] != 0) heap[++size] = code.highest = n;
  }
  // There are at least two codes, so that each has a bit; a symbol that nobody uses does not count as written.
  while (size < 2) {
    int n = heap[++size] = code.highest < 2 ? ++code.highest : 0;
    counts[n] = 1;
  }
  auto less = [&](int a, int b) {
    return counts[a] < counts[b] || (counts[a] == counts[b] && depth[a] <= depth[b]);
  };
  auto sink = [&](int at) {
    int node = heap[at];
    for (int child = at << 1; child <= size; child <<= 1) {
      if (child < size && less(heap[child + 1], heap[child])) child++;
      if (less(node, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = node;
  };
  for (int n = size / 2; n >= 1; n--) sink(n);
  int node = code.symbols;
  do {
    int a = heap[1];
    heap[1] = heap[size--];
    sink(1);
    int b = heap[1];
    heap[--top] = a;
    heap[--top] = b;
    counts[node] = counts[a] + counts[b];
    depth[node] = std::max(depth[a], depth[b]) + 1;
    parents[a] = parents[b] = node;
    heap[1] = node++;
    sink(1);
  } while (size >= 2);
  heap[--top] = heap[1];
  // From the root down, the lower end of `heap` being taken by now.
  uint8_t bits[kNodes];
  std::array<uint16_t, 16> per_bits{};
  int overflow = 0;
  bits[heap[top]] = 0;
  for (int i = top + 1; i < kNodes; i++) {
    int n = heap[i];
    int b = bits[parents[n]] + 1;
    if (b > code.most_bits) {
      b = code.most_bits;
      overflow++;
    }
    bits[n] = static_cast<uint8_t>(b);
    if (n > code.highest) continue;
    per_bits[b]++;
    code.bits[n] = static_cast<uint8_t>(b);
  }
  if (overflow > 0) LimitBits(code, heap, kNodes, per_bits, overflow);
  AssignCodes(code.bits, code.codes, code.highest + 1);
}

/// Make room for codes that came out too long: the rarest symbols get the longest ones.
void DeflateBlocks::LimitBits(Code& code, const int* order, int count, std::array<uint16_t, 16>& per_bits,
                              int overflow) {
  do {
    int bits = code.most_bits - 1;
    while (per_bits[bits] == 0) bits--;
    per_bits[bits]--;
    per_bits[bits + 1] += 2;
    per_bits[code.most_bits]--;
    overflow -= 2;
  } while (overflow > 0);
  for (int bits = code.most_bits; bits > 0; bits--) {
    for (int left = per_bits[bits]; left > 0;) {
      int n = order[--count];
      if (n > code.highest) continue;
      code.bits[n] = static_cast<uint8_t>(bits);
      left--;
    }
  }
}

/// The lengths of a code as symbols: `emit(symbol, times)`, `times` being what a repetition stands for.
template <typename Emit>
void DeflateBlocks::RunLengths(const Code& code, Emit emit) {
  int before = -1;
  for (int n = 0; n <= code.highest;) {
    const int bits = code.bits[n];
    // The first one after another length stands for itself.
    const int most = bits == 0 ? 138 : bits == before ? 6 : 7;
    const int least = bits == 0 || bits == before ? 3 : 4;
    int count = 1;
    while (count < most && n + count <= code.highest && code.bits[n + count] == bits) count++;
    n += count;
    if (count < least) {
      while (count-- > 0) emit(bits, 0);
    } else if (bits != 0) {
      if (bits != before) {
        emit(bits, 0);
        count--;
      }
      emit(kRepeat, count);
    } else {
      emit(count <= 10 ? kZeros : kManyZeros, count);
    }
    before = bits;
  }
}

void DeflateBlocks::CountLengths(const Code& code) {
  RunLengths(code, [&](int symbol, int) { lengths_.counts[symbol]++; });
}

void DeflateBlocks::WriteLengths(const Code& code) {
  RunLengths(code, [&](int symbol, int times) {
    WriteBits(lengths_.codes[symbol], lengths_.bits[symbol]);
    if (symbol >= kRepeat) WriteBits(times - (symbol == kManyZeros ? 11 : 3), ExtraBits(kLengths, symbol));
  });
}

uint64_t DeflateBlocks::BodyBits(const Code& literals, const Code& distances) const {
  uint64_t sum = 0;
  for (int n = 0; n <= literals_.highest; n++) {
    sum += static_cast<uint64_t>(literals_.counts[n]) * (literals.bits[n] + ExtraBits(kLiterals, n));
  }
  for (int n = 0; n <= distances_.highest; n++) {
    sum += static_cast<uint64_t>(distances_.counts[n]) * (distances.bits[n] + ExtraBits(kDistances, n));
  }
  return sum;
}

void DeflateBlocks::WriteBody(const Code& literals, const Code& distances) {
  const Tables& tables = TablesOf();
  for (size_t i = 0; i < count_; i++) {
    const auto [distance, value] = symbols_[i];
    if (distance == 0) {
      WriteBits(literals.codes[value], literals.bits[value]);
      continue;
    }
    int symbol = tables.length_symbols[value];
    int code = kFirstLength + symbol;
    WriteBits(literals.codes[code], literals.bits[code]);
    WriteBits(value - tables.length_starts[symbol], ExtraOfLength(symbol));
    symbol = tables.DistanceSymbol(distance - 1);
    WriteBits(distances.codes[symbol], distances.bits[symbol]);
    WriteBits(distance - 1 - tables.distance_starts[symbol], ExtraOfDistance(symbol));
  }
  WriteBits(literals.codes[kEnd], literals.bits[kEnd]);
}

void DeflateBlocks::WriteBits(uint32_t value, int count) {
  pending_ |= static_cast<uint64_t>(value) << pending_bits_;
  pending_bits_ += count;
  if (pending_bits_ < 32) return;
  const uint8_t bytes[] = {static_cast<uint8_t>(pending_), static_cast<uint8_t>(pending_ >> 8),
                           static_cast<uint8_t>(pending_ >> 16), static_cast<uint8_t>(pending_ >> 24)};
  out_->insert(out_->end(), bytes, bytes + 4);
  pending_ >>= 32;
  pending_bits_ -= 32;
}

void DeflateBlocks::Align() {
  for (; pending_bits_ > 0; pending_bits_ -= 8, pending_ >>= 8) out_->push_back(static_cast<uint8_t>(pending_));
  pending_ = 0;
  pending_bits_ = 0;
}

}  // namespace bootc
