// What `require` of the addon gives: see src/api.ts.
#include <napi.h>
#include <zstd.h>

#include <vector>

#include "args.h"
#include "checkout-js.h"
#include "decoder-js.h"
#include "deflate-encoder-js.h"
#include "object-writer-js.h"
#include "publish.h"
#include "read-files.h"
#include "sha256.h"
#include "sys.h"
#include "verity-js.h"
#include "zlib-abi.h"
#include "zstd-encoder-js.h"

namespace bootc {
namespace {

/// Raised with every incompatible change of the interface: a stale build is then refused instead of misused.
constexpr int kInterfaceVersion = 2;

Napi::Value ZstdCompress(const Napi::CallbackInfo& info) {
  Bytes data = BytesArg(info[0], "data");
  std::vector<uint8_t> out(ZSTD_compressBound(data.size));
  size_t size = ZSTD_compress(out.data(), out.size(), data.data, data.size, static_cast<int>(IntArg(info[1], "level")));
  if (ZSTD_isError(size)) FailCode("ERR_INVALID_ARG_VALUE", ZSTD_getErrorName(size));
  return Napi::Buffer<uint8_t>::Copy(info.Env(), out.data(), size);
}

/// For tests: either engine on the same data.
Napi::Value HashSha256(const Napi::CallbackInfo& info) {
  Bytes data = BytesArg(info[0], "data");
  Sha256 hash(info[1].ToBoolean() ? Sha256::Engine::openssl : Sha256::Engine::best);
  hash.Update(data.data, data.size);
  Sha256Digest digest = hash.Final();
  return Napi::String::New(info.Env(), Hex(digest.data(), digest.size()));
}

/// A factory that hides the class: `create(options)` is `new Class(options)`.
void ExportFactory(Napi::Object exports, const char* name, Napi::Function constructor) {
  auto* kept = new Napi::FunctionReference(Napi::Persistent(constructor));
  auto create = Napi::Function::New(
      exports.Env(),
      [kept](const Napi::CallbackInfo& info) -> Napi::Value { return kept->New({info[0]}); }, name);
  create.AddFinalizer([](Napi::Env, Napi::FunctionReference* reference) { delete reference; }, kept);
  exports.Set(name, create);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto sys = Napi::Object::New(env);
  DefineSysFile(sys);
  DefineSysXattr(sys);
  DefineSysFs(sys);
  exports.Set("sys", sys);
  ExportFactory(exports, "createDecoder", DecoderClass(env));
  ExportFactory(exports, "createObjectWriter", ObjectWriterClass(env));
  ExportFactory(exports, "createCheckout", CheckoutClass(env));
  ExportFactory(exports, "createZstdEncoder", ZstdEncoderClass(env));
  ExportFactory(exports, "createDeflateEncoder", DeflateEncoderClass(env));
  exports.Set("verityDigest", Napi::Function::New<Guarded<VerityDigest>>(env, "verityDigest"));
  exports.Set("verityDigestFiles", Napi::Function::New<Guarded<VerityDigestFiles>>(env, "verityDigestFiles"));
  exports.Set("publish", Napi::Function::New<Guarded<Publish>>(env, "publish"));
  exports.Set("readFiles", Napi::Function::New<Guarded<ReadFiles>>(env, "readFiles"));
  exports.Set("zstdCompress", Napi::Function::New<Guarded<ZstdCompress>>(env, "zstdCompress"));

  auto internals = Napi::Object::New(env);
  internals.Set("interfaceVersion", Napi::Number::New(env, kInterfaceVersion));
  internals.Set("sha256Name", Sha256::Name());
  internals.Set("zstdVersion", ZSTD_versionString());
  internals.Set("zlibVersion", zlibVersion());
  internals.Set("sha256", Napi::Function::New<Guarded<HashSha256>>(env, "sha256"));
  internals.Set("verityDigestBy", Napi::Function::New<Guarded<VerityDigestBy>>(env, "verityDigestBy"));
  internals.Set("verityEngines", Napi::Function::New<Guarded<VerityEngines>>(env, "verityEngines"));
  exports.Set("internals", internals);
  return exports;
}

}  // namespace
}  // namespace bootc

Napi::Object InitModule(Napi::Env env, Napi::Object exports) { return bootc::Init(env, exports); }
NODE_API_MODULE(bootc_native, InitModule)
