#pragma once
#include <napi.h>

namespace bootc {
/// The class behind `createDeflateEncoder`.
Napi::Function DeflateEncoderClass(Napi::Env env);
}  // namespace bootc
