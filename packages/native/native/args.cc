#include "args.h"

#include <uv.h>

namespace bootc {

namespace {

/// UTF-16 with lone U+DC80..DCFF standing for the bytes 80..FF, as core/names writes them.
std::string DecodeEscaped(const std::u16string& text) {
  std::string out;
  out.reserve(text.size() + 8);
  for (size_t i = 0; i < text.size(); i++) {
    uint32_t unit = text[i];
    if (unit >= 0xD800 && unit < 0xDC00 && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000) {
      unit = 0x10000 + ((unit - 0xD800) << 10) + (text[++i] - 0xDC00);
    } else if (unit >= 0xDC80 && unit <= 0xDCFF) {
      out.push_back(static_cast<char>(unit - 0xDC00));
      continue;
    } else if (unit >= 0xD800 && unit < 0xE000) {
      unit = 0xFFFD;
    }
    if (unit < 0x80) {
      out.push_back(static_cast<char>(unit));
    } else if (unit < 0x800) {
      out.push_back(static_cast<char>(0xC0 | (unit >> 6)));
      out.push_back(static_cast<char>(0x80 | (unit & 0x3F)));
    } else if (unit < 0x10000) {
      out.push_back(static_cast<char>(0xE0 | (unit >> 12)));
      out.push_back(static_cast<char>(0x80 | ((unit >> 6) & 0x3F)));
      out.push_back(static_cast<char>(0x80 | (unit & 0x3F)));
    } else {
      out.push_back(static_cast<char>(0xF0 | (unit >> 18)));
      out.push_back(static_cast<char>(0x80 | ((unit >> 12) & 0x3F)));
      out.push_back(static_cast<char>(0x80 | ((unit >> 6) & 0x3F)));
      out.push_back(static_cast<char>(0x80 | (unit & 0x3F)));
    }
  }
  return out;
}

Napi::TypeError BadArgument(Napi::Env env, const char* what, const char* expected) {
  auto error = Napi::TypeError::New(env, std::string(what) + " must be " + expected);
  error.Set("code", "ERR_INVALID_ARG_TYPE");
  return error;
}

}  // namespace

Napi::Error ToJs(Napi::Env env, const Failure& failure) {
  if (failure.number == 0) {
    auto error = Napi::Error::New(env, failure.message);
    error.Set("code", failure.code);
    return error;
  }
  const char* name = uv_err_name(-failure.number);
  std::string message = std::string(name) + ": " + uv_strerror(-failure.number) + ", " + failure.syscall;
  if (!failure.path.empty()) message += " '" + failure.path + "'";
  auto error = Napi::Error::New(env, message);
  error.Set("code", name);
  error.Set("errno", Napi::Number::New(env, -failure.number));
  error.Set("syscall", failure.syscall);
  if (!failure.path.empty()) error.Set("path", failure.path);
  return error;
}

std::string PathArg(const Napi::Value& value, const char* what) {
  std::string path;
  if (value.IsString()) {
    path = value.As<Napi::String>().Utf8Value();
    // A lone surrogate arrives as U+FFFD: only then look at the UTF-16.
    if (path.find("\xEF\xBF\xBD") != std::string::npos) path = DecodeEscaped(value.As<Napi::String>().Utf16Value());
  } else if (value.IsTypedArray()) {
    Bytes bytes = BytesArg(value, what);
    path.assign(reinterpret_cast<const char*>(bytes.data), bytes.size);
  } else {
    throw BadArgument(value.Env(), what, "a string or a Buffer");
  }
  if (path.find('\0') != std::string::npos) throw BadArgument(value.Env(), what, "without NUL bytes");
  return path;
}

Bytes BytesArg(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().ElementSize() != 1) {
    throw BadArgument(value.Env(), what, "a Uint8Array");
  }
  void* data = nullptr;
  size_t length = 0;
  napi_get_typedarray_info(value.Env(), value, nullptr, &length, &data, nullptr, nullptr);
  return {static_cast<const uint8_t*>(data), length};
}

int64_t IntArg(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) throw BadArgument(value.Env(), what, "a number");
  return value.As<Napi::Number>().Int64Value();
}

std::optional<int64_t> OptionalInt(const Napi::Object& object, const char* key) {
  Napi::Value value = object.Get(key);
  if (value.IsUndefined()) return std::nullopt;
  return IntArg(value, key);
}

std::optional<Bytes> OptionalBytes(const Napi::Object& object, const char* key) {
  Napi::Value value = object.Get(key);
  if (value.IsUndefined()) return std::nullopt;
  return BytesArg(value, key);
}

bool OptionalBool(const Napi::Object& object, const char* key) { return object.Get(key).ToBoolean(); }

}  // namespace bootc
