// SHA-256 on the CPU's own instructions where it has them, else on the OpenSSL inside Node.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "evp-abi.h"

namespace bootc {

using Sha256Digest = std::array<uint8_t, 32>;
using Sha256Blocks = void (*)(uint32_t state[8], const uint8_t* data, size_t blocks);
/// As many blocks of either message.
using Sha256BlocksOfTwo = void (*)(uint32_t a[8], const uint8_t* data_a, uint32_t b[8], const uint8_t* data_b, size_t blocks);

extern const uint32_t kSha256K[64];
extern const uint32_t kSha256Initial[8];
/// The block function for this CPU, or nullptr.
Sha256Blocks Sha256ShaNi();
Sha256Blocks Sha256Armv8();
/// Two messages at once, where that is faster than one after the other; or nullptr.
Sha256BlocksOfTwo Sha256ShaNiOfTwo();

class Sha256 {
 public:
  enum class Engine { best, openssl };
  explicit Sha256(Engine engine = Engine::best);
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Reset();
  void Update(const void* data, size_t size);
  /// Bytes of two messages, `size` of each, side by side where the CPU gains by it.
  static void UpdateTwo(Sha256& a, const uint8_t* data_a, Sha256& b, const uint8_t* data_b, size_t size);
  /// Call Reset before another use.
  Sha256Digest Final();

  /// `sha-ni`, `armv8` or `openssl`.
  static const char* Name();

 private:
  Sha256Blocks blocks_;
  EVP_MD_CTX* evp_ = nullptr;
  uint32_t state_[8];
  uint64_t total_ = 0;
  uint8_t tail_[64];
};

std::string Hex(const uint8_t* data, size_t size);
inline std::string Hex(const Sha256Digest& digest) { return Hex(digest.data(), digest.size()); }

}  // namespace bootc
