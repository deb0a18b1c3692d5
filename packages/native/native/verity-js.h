#pragma once
#include <napi.h>

namespace bootc {
// `verityDigest` and `verityDigestFiles` of src/api.ts.
Napi::Value VerityDigest(const Napi::CallbackInfo& info);
Napi::Value VerityDigestFiles(const Napi::CallbackInfo& info);
/// For tests and measurements: the digest by a chosen engine, in one batch (chunk 0) or streamed in chunks.
Napi::Value VerityDigestBy(const Napi::CallbackInfo& info);
Napi::Value VerityEngines(const Napi::CallbackInfo& info);
}  // namespace bootc
