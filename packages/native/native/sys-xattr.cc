#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vector>

#include "args.h"
#include "fd.h"
#include "sys.h"

namespace bootc {
namespace {

/// A path that the l*xattr calls understand for `path` below `dirfd`. An empty path is the fd itself.
class XattrPath {
 public:
  XattrPath(int64_t dirfd, std::string path) : shown_(std::move(path)) {
    if (dirfd == AT_FDCWD || (!shown_.empty() && shown_[0] == '/')) {
      text_ = shown_;
    } else {
      text_ = "/proc/self/fd/" + std::to_string(dirfd);
      // Without a name the magic link itself has to be followed: it ends at the open file, whatever that is.
      follow_ = shown_.empty();
      if (!follow_) text_ += "/" + shown_;
    }
  }
  ssize_t List(char* out, size_t size) const {
    return follow_ ? listxattr(text_.c_str(), out, size) : llistxattr(text_.c_str(), out, size);
  }
  ssize_t Get(const char* name, void* out, size_t size) const {
    return follow_ ? getxattr(text_.c_str(), name, out, size) : lgetxattr(text_.c_str(), name, out, size);
  }
  int Set(const char* name, const void* value, size_t size) const {
    return follow_ ? setxattr(text_.c_str(), name, value, size, 0) : lsetxattr(text_.c_str(), name, value, size, 0);
  }
  int Remove(const char* name) const {
    return follow_ ? removexattr(text_.c_str(), name) : lremovexattr(text_.c_str(), name);
  }
  [[noreturn]] void Fail(const char* syscall) const { FailErrno(syscall, shown_); }

 private:
  std::string shown_, text_;
  bool follow_ = false;
};

XattrPath Target(const Napi::CallbackInfo& info) {
  return XattrPath(IntArg(info[0], "dirfd"), PathArg(info[1], "path"));
}

/// Grows the buffer until the kernel is content (the value may change between two calls).
template <typename Call>
ssize_t Read(std::vector<char>& buffer, Call call) {
  buffer.resize(1024);
  for (;;) {
    ssize_t size = call(buffer.data(), buffer.size());
    if (size >= 0 || errno != ERANGE) return size;
    if (buffer.size() >= (1 << 20)) return size;
    buffer.resize(buffer.size() * 4);
  }
}

Napi::Value ListXattr(const Napi::CallbackInfo& info) {
  XattrPath target = Target(info);
  std::vector<char> names;
  ssize_t size = Read(names, [&](char* out, size_t room) { return target.List(out, room); });
  if (size < 0) target.Fail("listxattr");
  auto list = Napi::Array::New(info.Env());
  for (char *name = names.data(), *end = name + size; name < end;) {
    std::string text(name);
    list.Set(list.Length(), Napi::Buffer<char>::Copy(info.Env(), text.data(), text.size()));
    name += text.size() + 1;
  }
  return list;
}

Napi::Value GetXattr(const Napi::CallbackInfo& info) {
  XattrPath target = Target(info);
  std::string name = PathArg(info[2], "name");
  std::vector<char> value;
  ssize_t size = Read(value, [&](char* out, size_t room) { return target.Get(name.c_str(), out, room); });
  if (size < 0 && errno == ENODATA) return info.Env().Undefined();
  if (size < 0) target.Fail("getxattr");
  return Napi::Buffer<char>::Copy(info.Env(), value.data(), static_cast<size_t>(size));
}

Napi::Value SetXattr(const Napi::CallbackInfo& info) {
  XattrPath target = Target(info);
  std::string name = PathArg(info[2], "name");
  Bytes value = BytesArg(info[3], "value");
  if (target.Set(name.c_str(), value.data, value.size) < 0) target.Fail("setxattr");
  return info.Env().Undefined();
}

Napi::Value RemoveXattr(const Napi::CallbackInfo& info) {
  XattrPath target = Target(info);
  if (target.Remove(PathArg(info[2], "name").c_str()) < 0) target.Fail("removexattr");
  return info.Env().Undefined();
}

}  // namespace

void DefineSysXattr(Napi::Object exports) {
  Napi::Env env = exports.Env();
  exports.Set("listxattr", Napi::Function::New<Guarded<ListXattr>>(env, "listxattr"));
  exports.Set("getxattr", Napi::Function::New<Guarded<GetXattr>>(env, "getxattr"));
  exports.Set("setxattr", Napi::Function::New<Guarded<SetXattr>>(env, "setxattr"));
  exports.Set("removexattr", Napi::Function::New<Guarded<RemoveXattr>>(env, "removexattr"));
}

}  // namespace bootc
