#include "sha256.h"

#include <cstring>
#include <new>

namespace bootc {

alignas(64) const uint32_t kSha256K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

const uint32_t kSha256Initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

namespace {
Sha256Blocks BestBlocks() {
  static const Sha256Blocks best = Sha256ShaNi() ? Sha256ShaNi() : Sha256Armv8();
  return best;
}
}  // namespace

const char* Sha256::Name() {
  if (!BestBlocks()) return "openssl";
  return Sha256ShaNi() ? "sha-ni" : "armv8";
}

Sha256::Sha256(Engine engine) : blocks_(engine == Engine::best ? BestBlocks() : nullptr) {
  if (!blocks_ && !(evp_ = EVP_MD_CTX_new())) throw std::bad_alloc();
  Reset();
}

Sha256::~Sha256() {
  if (evp_) EVP_MD_CTX_free(evp_);
}

void Sha256::Reset() {
  total_ = 0;
  std::memcpy(state_, kSha256Initial, sizeof state_);
  if (evp_ && !EVP_DigestInit_ex(evp_, EVP_sha256(), nullptr)) throw std::bad_alloc();
}

void Sha256::Update(const void* bytes, size_t size) {
  if (size == 0) return;
  if (evp_) {
    EVP_DigestUpdate(evp_, bytes, size);
    return;
  }
  auto* data = static_cast<const uint8_t*>(bytes);
  size_t used = total_ & 63;
  total_ += size;
  if (used) {
    size_t take = 64 - used < size ? 64 - used : size;
    std::memcpy(tail_ + used, data, take);
    if (used + take < 64) return;
    blocks_(state_, tail_, 1);
    data += take;
    size -= take;
  }
  if (size >= 64) blocks_(state_, data, size >> 6);
  std::memcpy(tail_, data + (size & ~size_t{63}), size & 63);
}

void Sha256::UpdateTwo(Sha256& a, const uint8_t* data_a, Sha256& b, const uint8_t* data_b, size_t size) {
  static const Sha256BlocksOfTwo both = Sha256ShaNiOfTwo();
  const size_t start_a = (64 - (a.total_ & 63)) & 63, start_b = (64 - (b.total_ & 63)) & 63;
  const size_t start = start_a > start_b ? start_a : start_b;
  if (!both || a.evp_ || b.evp_ || size < start + 64) {
    a.Update(data_a, size);
    b.Update(data_b, size);
    return;
  }
  a.Update(data_a, start_a);
  b.Update(data_b, start_b);
  const size_t blocks = (size - start) >> 6, bytes = blocks << 6;
  both(a.state_, data_a + start_a, b.state_, data_b + start_b, blocks);
  a.total_ += bytes;
  b.total_ += bytes;
  a.Update(data_a + start_a + bytes, size - start_a - bytes);
  b.Update(data_b + start_b + bytes, size - start_b - bytes);
}

Sha256Digest Sha256::Final() {
  Sha256Digest out;
  if (evp_) {
    EVP_DigestFinal_ex(evp_, out.data(), nullptr);
    return out;
  }
  uint64_t bits = total_ << 3;
  size_t used = total_ & 63;
  tail_[used++] = 0x80;
  if (used > 56) {
    std::memset(tail_ + used, 0, 64 - used);
    blocks_(state_, tail_, 1);
    used = 0;
  }
  std::memset(tail_ + used, 0, 56 - used);
  for (int i = 0; i < 8; i++) tail_[56 + i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  blocks_(state_, tail_, 1);
  for (int i = 0; i < 32; i++) out[i] = static_cast<uint8_t>(state_[i >> 2] >> (24 - 8 * (i & 3)));
  return out;
}

std::string Hex(const uint8_t* data, size_t size) {
  static const char digits[] = "0123456789abcdef";
  std::string out(size * 2, '0');
  for (size_t i = 0; i < size; i++) {
    out[2 * i] = digits[data[i] >> 4];
    out[2 * i + 1] = digits[data[i] & 15];
  }
  return out;
}

}  // namespace bootc
