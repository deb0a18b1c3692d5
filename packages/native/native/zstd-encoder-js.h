#pragma once
#include <napi.h>

namespace bootc {
/// The class behind `createZstdEncoder`.
Napi::Function ZstdEncoderClass(Napi::Env env);
}  // namespace bootc
