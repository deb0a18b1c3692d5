#pragma once
#include <napi.h>

namespace bootc {
/// `publish` of src/api.ts.
Napi::Value Publish(const Napi::CallbackInfo& info);
}  // namespace bootc
