#include <zstd.h>
#include <zstd_errors.h>

#include <new>
#include <string>

#include "codec.h"
#include "failure.h"

namespace bootc {
namespace {

constexpr int kWindowLogMax = 27;

class ZstdCodec : public Codec {
 public:
  ZstdCodec() : context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~ZstdCodec() override { ZSTD_freeDCtx(context_); }

  void Decode(const uint8_t* data, size_t size, Sink& sink) override {
    ZSTD_inBuffer in{data, size, 0};
    while (size > 0) {
      ZSTD_outBuffer out{nullptr, 0, 0};
      out.dst = sink.Space(&out.size);
      size_t status = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(status)) Fail(status);
      sink.Produced(out.pos);
      expected_ = status;
      // At a frame's end another call without input would open the next frame and look like a truncation.
      if (in.pos == in.size && (status == 0 || out.pos < out.size)) break;
    }
  }

  void Finish() override {
    if (expected_ != 0) FailCode("TRUNCATED", "zstd data ends inside a frame");
  }

 private:
  [[noreturn]] static void Fail(size_t status) {
    switch (ZSTD_getErrorCode(status)) {
      case ZSTD_error_memory_allocation:
        throw std::bad_alloc();
      case ZSTD_error_frameParameter_windowTooLarge:
        FailCode("LIMIT", "zstd window is larger than 128 MiB");
      default:
        FailCode("CORRUPT", std::string("zstd data is corrupt: ") + ZSTD_getErrorName(status));
    }
  }

  ZSTD_DCtx* context_;
  size_t expected_ = 1;  // 0 exactly at the end of a frame; empty input is truncated input
};

}  // namespace

std::unique_ptr<Codec> MakeZstdCodec() { return std::make_unique<ZstdCodec>(); }

}  // namespace bootc
