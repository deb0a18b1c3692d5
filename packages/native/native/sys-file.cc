#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "args.h"
#include "fd.h"
#include "sys.h"

// Numbers and structure from the kernel's UAPI, for C libraries older than the calls.
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_renameat2
#error "renameat2 needs Linux 3.15 headers"
#endif

namespace bootc {
namespace {

struct OpenHow {
  uint64_t flags, mode, resolve;
};

Napi::Value OpenAt2(const Napi::CallbackInfo& info) {
  int dir = static_cast<int>(IntArg(info[0], "dirfd"));
  std::string path = PathArg(info[1], "path");
  OpenHow how{static_cast<uint64_t>(IntArg(info[2], "flags")) | O_CLOEXEC, static_cast<uint64_t>(IntArg(info[3], "mode")),
              static_cast<uint64_t>(IntArg(info[4], "resolve"))};
  long fd;
  do {
    // EAGAIN: the path changed while it was walked with RESOLVE_BENEATH; the caller would only repeat the call.
    int tries = 0;
    do {
      fd = syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
    } while (fd < 0 && errno == EAGAIN && ++tries < 128);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) FailErrno("openat2", path);
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

Napi::Value RenameAt2(const Napi::CallbackInfo& info) {
  std::string from = PathArg(info[1], "from"), to = PathArg(info[3], "to");
  if (syscall(SYS_renameat2, static_cast<int>(IntArg(info[0], "fromDir")), from.c_str(),
              static_cast<int>(IntArg(info[2], "toDir")), to.c_str(), static_cast<unsigned>(IntArg(info[4], "flags"))) < 0) {
    FailErrno("renameat2", from);
  }
  return info.Env().Undefined();
}

Napi::Value LinkAt(const Napi::CallbackInfo& info) {
  std::string from = PathArg(info[1], "from"), to = PathArg(info[3], "to");
  if (linkat(static_cast<int>(IntArg(info[0], "fromDir")), from.c_str(), static_cast<int>(IntArg(info[2], "toDir")),
             to.c_str(), static_cast<int>(IntArg(info[4], "flags"))) < 0) {
    FailErrno("linkat", from.empty() ? to : from);
  }
  return info.Env().Undefined();
}

Napi::Value MknodAt(const Napi::CallbackInfo& info) {
  std::string path = PathArg(info[1], "path");
  dev_t device = makedev(static_cast<unsigned>(IntArg(info[3], "major")), static_cast<unsigned>(IntArg(info[4], "minor")));
  if (mknodat(static_cast<int>(IntArg(info[0], "dirfd")), path.c_str(), static_cast<mode_t>(IntArg(info[2], "mode")),
              device) < 0) {
    FailErrno("mknodat", path);
  }
  return info.Env().Undefined();
}

Napi::Value Utimens(const Napi::CallbackInfo& info) {
  int dir = static_cast<int>(IntArg(info[0], "dirfd"));
  std::string path = PathArg(info[1], "path");
  timespec time{static_cast<time_t>(IntArg(info[2], "seconds")), static_cast<long>(IntArg(info[3], "nanoseconds"))};
  timespec times[2] = {time, time};
  int status = path.empty() ? futimens(dir, times) : utimensat(dir, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  if (status < 0) FailErrno("utimensat", path);
  return info.Env().Undefined();
}

Napi::Value FchmodAt(const Napi::CallbackInfo& info) {
  int dir = static_cast<int>(IntArg(info[0], "dirfd"));
  std::string path = PathArg(info[1], "path");
  auto mode = static_cast<unsigned>(IntArg(info[2], "mode")) & 07777;
  int status = path.empty() ? fchmod(dir, mode) : ChmodNoFollow(dir, path.c_str(), mode);
  if (status < 0) FailErrno("fchmodat", path);
  return info.Env().Undefined();
}

Napi::Value FchownAt(const Napi::CallbackInfo& info) {
  std::string path = PathArg(info[1], "path");
  int flags = AT_SYMLINK_NOFOLLOW | (path.empty() ? AT_EMPTY_PATH : 0);
  if (fchownat(static_cast<int>(IntArg(info[0], "dirfd")), path.c_str(), static_cast<uid_t>(IntArg(info[2], "uid")),
               static_cast<gid_t>(IntArg(info[3], "gid")), flags) < 0) {
    FailErrno("fchownat", path);
  }
  return info.Env().Undefined();
}

}  // namespace

int ChmodNoFollow(int dirfd, const char* path, unsigned mode) {
  long status = syscall(SYS_fchmodat2, dirfd, path, mode, AT_SYMLINK_NOFOLLOW);
  if (status == 0 || errno != ENOSYS) return static_cast<int>(status);
  Fd fd(openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st;
  if (!fd.valid() || fstat(fd.get(), &st) < 0) return -1;
  if (S_ISLNK(st.st_mode)) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return chmod(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), mode);
}

void DefineSysFile(Napi::Object exports) {
  Napi::Env env = exports.Env();
  exports.Set("openat2", Napi::Function::New<Guarded<OpenAt2>>(env, "openat2"));
  exports.Set("renameat2", Napi::Function::New<Guarded<RenameAt2>>(env, "renameat2"));
  exports.Set("linkat", Napi::Function::New<Guarded<LinkAt>>(env, "linkat"));
  exports.Set("mknodat", Napi::Function::New<Guarded<MknodAt>>(env, "mknodat"));
  exports.Set("utimens", Napi::Function::New<Guarded<Utimens>>(env, "utimens"));
  exports.Set("fchmodat", Napi::Function::New<Guarded<FchmodAt>>(env, "fchmodat"));
  exports.Set("fchownat", Napi::Function::New<Guarded<FchownAt>>(env, "fchownat"));
}

}  // namespace bootc
