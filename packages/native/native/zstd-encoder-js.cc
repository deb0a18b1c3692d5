// NativeZstdEncoder of src/api.ts.
#include "zstd-encoder-js.h"

#include <zstd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "args.h"

namespace bootc {
namespace {

class ZstdEncoderJs : public Napi::ObjectWrap<ZstdEncoderJs> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "NativeZstdEncoder",
                       {
                           InstanceMethod<&ZstdEncoderJs::Call<&ZstdEncoderJs::Push>>("push"),
                           InstanceMethod<&ZstdEncoderJs::Call<&ZstdEncoderJs::End>>("end"),
                       });
  }

  explicit ZstdEncoderJs(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ZstdEncoderJs>(info) {
    Guard(info, [&] {
      int64_t level = IntArg(info[0], "level");
      if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel()) {
        FailCode("ERR_OUT_OF_RANGE", "level must be from " + std::to_string(ZSTD_minCLevel()) + " to " +
                                         std::to_string(ZSTD_maxCLevel()));
      }
      if (!(context_ = ZSTD_createCCtx())) throw std::bad_alloc();
      ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, static_cast<int>(level));
      return info.Env().Undefined();
    });
  }

  ~ZstdEncoderJs() override { ZSTD_freeCCtx(context_); }

  template <Napi::Value (ZstdEncoderJs::*Method)(const Napi::CallbackInfo&)>
  Napi::Value Call(const Napi::CallbackInfo& info) {
    return Guard(info, [&] { return (this->*Method)(info); });
  }

 private:
  Napi::Value Push(const Napi::CallbackInfo& info) {
    Bytes chunk = BytesArg(info[0], "chunk");
    // No call without input: the first call fixes the frame's header, and the end alone says that there is nothing.
    return Run(info.Env(), chunk.size == 0 ? nullptr : chunk.data, chunk.size, ZSTD_e_continue);
  }

  Napi::Value End(const Napi::CallbackInfo& info) {
    Napi::Value rest = Run(info.Env(), nullptr, 0, ZSTD_e_end);
    ZSTD_freeCCtx(context_);
    context_ = nullptr;
    return rest;
  }

  Napi::Value Run(Napi::Env env, const uint8_t* data, size_t size, ZSTD_EndDirective directive) {
    if (!context_) FailCode("ERR_INVALID_STATE", "the encoder has ended");
    if (!data && directive == ZSTD_e_continue) return Napi::Buffer<uint8_t>::New(env, 0);
    room_.resize(std::max(room_.size(), ZSTD_CStreamOutSize()));
    ZSTD_inBuffer in{data, size, 0};
    ZSTD_outBuffer out{room_.data(), room_.size(), 0};
    for (;;) {
      size_t left = ZSTD_compressStream2(context_, &out, &in, directive);
      if (ZSTD_isError(left)) FailCode("ERR_INVALID_STATE", ZSTD_getErrorName(left));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) break;
      if (out.pos == out.size) {
        room_.resize(room_.size() * 2);
        out.dst = room_.data();
        out.size = room_.size();
      }
    }
    return Napi::Buffer<uint8_t>::Copy(env, room_.data(), out.pos);
  }

  ZSTD_CCtx* context_ = nullptr;
  std::vector<uint8_t> room_;
};

}  // namespace

Napi::Function ZstdEncoderClass(Napi::Env env) { return ZstdEncoderJs::Define(env); }

}  // namespace bootc
