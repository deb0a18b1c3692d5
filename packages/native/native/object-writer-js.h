#pragma once
#include <napi.h>

namespace bootc {
/// The class behind `createObjectWriter`.
Napi::Function ObjectWriterClass(Napi::Env env);
}  // namespace bootc
