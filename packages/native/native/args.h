// Arguments from JS and errors to JS.
#pragma once
#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>

#include "failure.h"

namespace bootc {

/// The error that Node's fs would have made: `code`, `errno` (negative), `syscall`, `path`.
Napi::Error ToJs(Napi::Env env, const Failure& failure);

/// Bytes of a path or name: a string (surrogateescape U+DC80..DCFF gives raw bytes) or a Buffer. No NUL inside.
std::string PathArg(const Napi::Value& value, const char* what);

struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
};
Bytes BytesArg(const Napi::Value& value, const char* what);

int64_t IntArg(const Napi::Value& value, const char* what);
std::optional<int64_t> OptionalInt(const Napi::Object& object, const char* key);
std::optional<Bytes> OptionalBytes(const Napi::Object& object, const char* key);
bool OptionalBool(const Napi::Object& object, const char* key);

/// Runs a body on the JS thread, turning a `Failure` into a JS exception.
template <typename Body>
Napi::Value Guard(const Napi::CallbackInfo& info, Body body) {
  try {
    return body();
  } catch (const Failure& failure) {
    throw ToJs(info.Env(), failure);
  } catch (const std::bad_alloc&) {
    throw ToJs(info.Env(), Failure{ENOMEM, {}, {}, "malloc", {}});
  }
}

/// The same around a whole function.
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
Napi::Value Guarded(const Napi::CallbackInfo& info) {
  return Guard(info, [&] { return Function(info); });
}

}  // namespace bootc
