#include "digest.h"

#include <cstring>
#include <new>

namespace bootc {

Digest::Digest(int algorithm, Sha256::Engine engine) : algorithm_(algorithm), sha256_(engine) {
  if (algorithm_ == 1) return;
  evp_ = EVP_MD_CTX_new();
  if (!evp_ || !EVP_DigestInit_ex(evp_, EVP_sha512(), nullptr)) throw std::bad_alloc();
}

Digest::~Digest() {
  if (evp_) EVP_MD_CTX_free(evp_);
}

void Digest::Update(const void* data, size_t size) {
  if (evp_) {
    EVP_DigestUpdate(evp_, data, size);
  } else {
    sha256_.Update(data, size);
  }
}

void Digest::Final(uint8_t* out) {
  if (evp_) {
    EVP_DigestFinal_ex(evp_, out, nullptr);
    EVP_DigestInit_ex(evp_, EVP_sha512(), nullptr);
  } else {
    std::memcpy(out, sha256_.Final().data(), 32);
    sha256_.Reset();
  }
}

}  // namespace bootc
