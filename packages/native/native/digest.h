// SHA-256 or SHA-512 behind one face, for fs-verity.
#pragma once
#include <string>

#include "sha256.h"

namespace bootc {

class Digest {
 public:
  /// @param algorithm as fs-verity numbers them: 1 = SHA-256, 2 = SHA-512
  explicit Digest(int algorithm, Sha256::Engine engine = Sha256::Engine::best);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  size_t size() const { return algorithm_ == 1 ? 32 : 64; }
  void Update(const void* data, size_t size);
  /// Writes `size()` bytes and starts over.
  void Final(uint8_t* out);

 private:
  int algorithm_;
  Sha256 sha256_;
  EVP_MD_CTX* evp_ = nullptr;
};

}  // namespace bootc
