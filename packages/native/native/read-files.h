#pragma once
#include <napi.h>

namespace bootc {
/// `readFiles` of src/api.ts.
Napi::Value ReadFiles(const Napi::CallbackInfo& info);
}  // namespace bootc
