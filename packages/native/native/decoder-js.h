#pragma once
#include <napi.h>

namespace bootc {
/// The class behind `createDecoder`.
Napi::Function DecoderClass(Napi::Env env);
}  // namespace bootc
