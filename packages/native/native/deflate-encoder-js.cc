// NativeDeflateEncoder of src/api.ts.
#include "deflate-encoder-js.h"

#include <memory>
#include <vector>

#include "args.h"
#include "deflate.h"

namespace bootc {
namespace {

class DeflateEncoderJs : public Napi::ObjectWrap<DeflateEncoderJs> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "NativeDeflateEncoder",
                       {
                           InstanceMethod<&DeflateEncoderJs::Call<&DeflateEncoderJs::Push>>("push"),
                           InstanceMethod<&DeflateEncoderJs::Call<&DeflateEncoderJs::End>>("end"),
                       });
  }

  explicit DeflateEncoderJs(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DeflateEncoderJs>(info) {
    Guard(info, [&] {
      int64_t level = IntArg(info[0], "level");
      if (level != 1 && level != 6) FailCode("ERR_OUT_OF_RANGE", "level must be 1 or 6");
      deflater_ = std::make_unique<Deflater>(static_cast<int>(level));
      return info.Env().Undefined();
    });
  }

  template <Napi::Value (DeflateEncoderJs::*Method)(const Napi::CallbackInfo&)>
  Napi::Value Call(const Napi::CallbackInfo& info) {
    return Guard(info, [&] {
      if (!deflater_) FailCode("ERR_INVALID_STATE", "the encoder has ended");
      return (this->*Method)(info);
    });
  }

 private:
  Napi::Value Push(const Napi::CallbackInfo& info) {
    Bytes chunk = BytesArg(info[0], "chunk");
    out_.clear();
    deflater_->Push(chunk.data, chunk.size, out_);
    return Napi::Buffer<uint8_t>::Copy(info.Env(), out_.data(), out_.size());
  }

  Napi::Value End(const Napi::CallbackInfo& info) {
    out_.clear();
    deflater_->Finish(out_);
    deflater_.reset();
    return Napi::Buffer<uint8_t>::Copy(info.Env(), out_.data(), out_.size());
  }

  std::unique_ptr<Deflater> deflater_;
  std::vector<uint8_t> out_;
};

}  // namespace

Napi::Function DeflateEncoderClass(Napi::Env env) { return DeflateEncoderJs::Define(env); }

}  // namespace bootc
