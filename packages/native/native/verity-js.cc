#include "verity-js.h"

#include <uv.h>

#include <algorithm>

#include "args.h"
#include "promise-work.h"
#include "verity-files.h"
#include "verity.h"

namespace bootc {

namespace {

int AlgorithmArg(const Napi::Value& value) {
  int64_t algorithm = IntArg(value, "algorithm");
  if (algorithm != 1 && algorithm != 2) FailCode("ERR_INVALID_ARG_VALUE", "algorithm must be 1 or 2");
  return static_cast<int>(algorithm);
}

Napi::Value ToJs(Napi::Env env, const VerityFiles::Result& result) {
  auto entry = Napi::Object::New(env);
  if (result.truncated) {
    entry.Set("code", "TRUNCATED");
  } else if (result.error) {
    entry.Set("code", uv_err_name(-result.error));
  } else {
    entry.Set("digest", result.digest);
    entry.Set("sizeBytes", Napi::Number::New(env, static_cast<double>(result.size)));
  }
  return entry;
}

}  // namespace

Napi::Value VerityDigest(const Napi::CallbackInfo& info) {
  Bytes data = BytesArg(info[0], "data");
  VerityBatch batch(AlgorithmArg(info[1]));
  return Napi::String::New(info.Env(), batch.Run({{data.data, data.size}}).front());
}

Napi::Value VerityDigestFiles(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) throw Napi::TypeError::New(info.Env(), "paths must be an array");
  auto list = info[0].As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < list.Length(); i++) {
    Napi::HandleScope scope(info.Env());
    paths.push_back(PathArg(list.Get(i), "paths"));
  }
  int algorithm = AlgorithmArg(info[1]);
  int64_t threads = info[2].IsObject() ? OptionalInt(info[2].As<Napi::Object>(), "threads").value_or(2) : 2;
  if (threads < 1 || threads > 64) FailCode("ERR_OUT_OF_RANGE", "threads is out of range");
  auto job = std::make_shared<VerityFiles>(std::move(paths), algorithm, static_cast<size_t>(threads));
  return PromiseWork::Start(
      info.Env(), [job] { job->Run(); },
      [job](Napi::Env env) -> Napi::Value {
        auto out = Napi::Array::New(env, job->results().size());
        for (uint32_t i = 0; i < job->results().size(); i++) {
          Napi::HandleScope scope(env);
          out.Set(i, ToJs(env, job->results()[i]));
        }
        return out;
      });
}

Napi::Value VerityDigestBy(const Napi::CallbackInfo& info) {
  Bytes data = BytesArg(info[0], "data");
  int algorithm = AlgorithmArg(info[1]);
  std::string engine = info[2].ToString();
  size_t chunk = static_cast<size_t>(IntArg(info[3], "chunkBytes"));
  if (chunk == 0) return Napi::String::New(info.Env(), VerityBatch(algorithm, engine).Run({{data.data, data.size}}).front());
  VerityHasher hasher(algorithm, engine);
  for (size_t at = 0; at < data.size; at += chunk) hasher.Update(data.data + at, std::min(chunk, data.size - at));
  return Napi::String::New(info.Env(), hasher.Final());
}

Napi::Value VerityEngines(const Napi::CallbackInfo& info) {
  std::vector<std::string> names = BlockHasher::Engines(AlgorithmArg(info[0]));
  auto out = Napi::Array::New(info.Env(), names.size());
  for (uint32_t i = 0; i < names.size(); i++) out.Set(i, Napi::String::New(info.Env(), names[i]));
  return out;
}

}  // namespace bootc
