// NativeDecoder of src/api.ts.
#include "decoder-js.h"

#include <deque>

#include "args.h"
#include "decoder.h"
#include "waiting-class.h"

namespace bootc {
namespace {

class DecoderJs : public WaitingClass<DecoderJs> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "NativeDecoder",
                       {
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::Push>>("push"),
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::End>>("end"),
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::ReadFile>>("readFile"),
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::Next>>("next"),
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::Release>>("release"),
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::GetResult>>("result"),
                           InstanceMethod<&DecoderJs::Call<&DecoderJs::Close>>("close"),
                       });
  }

  explicit DecoderJs(const Napi::CallbackInfo& info) : WaitingClass<DecoderJs>(info) {
    Napi::Env env = info.Env();
    DecoderSettings settings;
    if (info[0].IsObject()) {
      auto options = info[0].As<Napi::Object>();
      if (!options.Get("compression").IsUndefined()) settings.compression = ParseCompression(options.Get("compression"));
      settings.block_bytes = static_cast<size_t>(Limited(options, "blockBytes", 1 << 20, 4096, 64 << 20));
      settings.blocks = static_cast<size_t>(Limited(options, "blocks", 12, 2, 4096));
      settings.max_output_bytes = static_cast<uint64_t>(
          Limited(options, "maxOutputBytes", int64_t{64} << 30, 0, INT64_MAX));
    }
    try {
      notifier_ = Notifier::Create(env, "bootc:decoder", [this](Napi::Env e) { Settle(e); });
      decoder_ = std::make_unique<Decoder>(settings, notifier_);
    } catch (const std::bad_alloc&) {
      throw ToJs(env, Failure{ENOMEM, {}, {}, "mmap", {}});
    }
    held_.resize(settings.blocks);
    buffers_.resize(settings.blocks);
  }

  ~DecoderJs() override { Shutdown(); }

  template <Napi::Value (DecoderJs::*Method)(const Napi::CallbackInfo&)>
  Napi::Value Call(const Napi::CallbackInfo& info) {
    return Guard(info, [&] { return (this->*Method)(info); });
  }

 private:
  static Compression ParseCompression(const Napi::Value& value) {
    std::string name = value.ToString();
    if (name == "auto") return Compression::automatic;
    if (name == "gzip") return Compression::gzip;
    if (name == "zstd") return Compression::zstd;
    if (name == "none") return Compression::none;
    throw Napi::TypeError::New(value.Env(), "compression must be auto, gzip, zstd or none");
  }

  static int64_t Limited(const Napi::Object& options, const char* key, int64_t fallback, int64_t least, int64_t most) {
    int64_t value = OptionalInt(options, key).value_or(fallback);
    if (value >= least && value <= most) return value;
    throw Napi::RangeError::New(options.Env(), std::string(key) + " is out of range");
  }

  Napi::Value Push(const Napi::CallbackInfo& info) {
    Bytes bytes = BytesArg(info[0], "chunk");
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    if (!closed_) decoder_->Push(bytes.data, bytes.size);
    if (closed_ || decoder_->WantsInput()) {
      deferred.Resolve(info.Env().Undefined());
    } else {
      pushes_.push_back(deferred);
      Hold();
    }
    return deferred.Promise();
  }

  Napi::Value End(const Napi::CallbackInfo& info) {
    if (!closed_) decoder_->End();
    return info.Env().Undefined();
  }

  Napi::Value ReadFile(const Napi::CallbackInfo& info) {
    std::string path = PathArg(info[0], "path");
    int64_t offset = IntArg(info[1], "offsetBytes"), size = IntArg(info[2], "sizeBytes");
    if (offset < 0 || size < 0) throw Napi::RangeError::New(info.Env(), "offsetBytes and sizeBytes must not be negative");
    if (!closed_) decoder_->ReadFile(std::move(path), static_cast<uint64_t>(offset), static_cast<uint64_t>(size));
    return info.Env().Undefined();
  }

  Napi::Value Next(const Napi::CallbackInfo& info) {
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    if (!nexts_.empty() || !Answer(info.Env(), deferred)) {
      nexts_.push_back(deferred);
      Hold();
    }
    return deferred.Promise();
  }

  Napi::Value Release(const Napi::CallbackInfo& info) {
    int64_t slot = IntArg(info[0], "slot");
    if (slot < 0 || slot >= static_cast<int64_t>(held_.size())) throw Napi::RangeError::New(info.Env(), "no such slot");
    held_[static_cast<size_t>(slot)] = BlockRef();
    return info.Env().Undefined();
  }

  Napi::Value GetResult(const Napi::CallbackInfo& info) {
    if (closed_ || !finished_) FailCode("ERR_INVALID_STATE", "the decoder has not come to its end");
    const Decoder::Result& result = decoder_->result();
    auto object = Napi::Object::New(info.Env());
    object.Set("compressedSha256", result.input_hash);
    object.Set("compressedBytes", Napi::Number::New(info.Env(), static_cast<double>(result.input_bytes)));
    object.Set("uncompressedSha256", result.output_hash);
    object.Set("uncompressedBytes", Napi::Number::New(info.Env(), static_cast<double>(result.output_bytes)));
    return object;
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    Shutdown();
    Settle(info.Env());
    return info.Env().Undefined();
  }

  /// Threads, pool and JS references; not the promises (the finalizer must not touch those).
  void Shutdown() {
    if (closed_ || !decoder_) return;
    closed_ = true;
    notifier_->Close();
    decoder_->Stop();
    held_.clear();
    held_.resize(buffers_.size());
    buffers_.clear();
  }

  /// Settles what can be settled now. Runs on the JS thread after a wake-up.
  void Settle(Napi::Env env) {
    while (!pushes_.empty() && (closed_ || decoder_->WantsInput())) {
      auto deferred = pushes_.front();
      pushes_.pop_front();
      deferred.Resolve(env.Undefined());
      Drop();
    }
    while (!nexts_.empty()) {
      auto deferred = nexts_.front();
      if (!Answer(env, deferred)) break;
      nexts_.pop_front();
      Drop();
    }
  }

  bool Answer(Napi::Env env, Napi::Promise::Deferred& deferred) {
    ReadyBlock block;
    switch (closed_ ? Decoder::State::stopped : decoder_->Take(&block)) {
      case Decoder::State::pending:
        return false;
      case Decoder::State::block:
        deferred.Resolve(Describe(env, std::move(block)));
        return true;
      case Decoder::State::failed:
        deferred.Reject(ToJs(env, decoder_->failure()).Value());
        return true;
      case Decoder::State::done:
        finished_ = true;
        break;
      case Decoder::State::stopped:
        break;
    }
    deferred.Resolve(env.Undefined());
    return true;
  }

  Napi::Object Describe(Napi::Env env, ReadyBlock block) {
    auto slot = static_cast<size_t>(block.ref.slot());
    if (buffers_[slot].IsEmpty()) {
      // The Buffer keeps the address range mapped for as long as JS can reach it.
      auto* keep = new std::shared_ptr<BlockPool>(decoder_->pool());
      auto buffer = Napi::Buffer<uint8_t>::New(
          env, block.ref.data(), (*keep)->block_bytes(),
          [](Napi::Env, uint8_t*, std::shared_ptr<BlockPool>* pool) { delete pool; }, keep);
      buffers_[slot] = Napi::Persistent(buffer.As<Napi::Object>());
    }
    Napi::Object view = buffers_[slot].Value();
    if (block.size < decoder_->pool()->block_bytes()) {
      view = view.Get("subarray")
                 .As<Napi::Function>()
                 .Call(view, {Napi::Number::New(env, 0), Napi::Number::New(env, static_cast<double>(block.size))})
                 .As<Napi::Object>();
    }
    auto result = Napi::Object::New(env);
    result.Set("buffer", view);
    result.Set("slot", Napi::Number::New(env, static_cast<double>(slot)));
    held_[slot] = std::move(block.ref);
    return result;
  }

  std::unique_ptr<Decoder> decoder_;
  std::vector<BlockRef> held_;  // by slot: JS's own references
  std::vector<Napi::ObjectReference> buffers_;
  std::deque<Napi::Promise::Deferred> pushes_, nexts_;
  bool closed_ = false;
  bool finished_ = false;
};

}  // namespace

Napi::Function DecoderClass(Napi::Env env) { return DecoderJs::Define(env); }

}  // namespace bootc
