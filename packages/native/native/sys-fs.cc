#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>

#include "args.h"
#include "enable-verity.h"
#include "fd.h"
#include "promise-work.h"
#include "sys.h"

namespace bootc {
namespace {

int FdArg(const Napi::CallbackInfo& info) { return static_cast<int>(IntArg(info[0], "fd")); }

Napi::Value FiClone(const Napi::CallbackInfo& info) {
  if (ioctl(static_cast<int>(IntArg(info[1], "targetFd")), FICLONE, FdArg(info)) < 0) FailErrno("ioctl(FICLONE)");
  return info.Env().Undefined();
}

Napi::Value EnableVerity(const Napi::CallbackInfo& info) {
  fsverity_enable_arg arg;
  std::memset(&arg, 0, sizeof arg);
  arg.version = 1;
  arg.hash_algorithm = static_cast<uint32_t>(IntArg(info[1], "algorithm"));
  arg.block_size = 4096;
  if (ioctl(FdArg(info), FS_IOC_ENABLE_VERITY, &arg) < 0) FailErrno("ioctl(FS_IOC_ENABLE_VERITY)");
  return info.Env().Undefined();
}

Napi::Value MeasureVerity(const Napi::CallbackInfo& info) {
  const auto verity = MeasureVerityOf(FdArg(info));
  if (!verity) return info.Env().Undefined();
  auto result = Napi::Object::New(info.Env());
  result.Set("algorithm", Napi::Number::New(info.Env(), verity->algorithm));
  result.Set("digest", Napi::Buffer<uint8_t>::Copy(info.Env(), verity->digest.data(), verity->digest.size()));
  return result;
}

Napi::Value SyncFs(const Napi::CallbackInfo& info) {
  int fd = FdArg(info);
  // A descriptor of our own: the caller may close his while this waits for the disk.
  auto own = std::make_shared<Fd>(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own->valid()) FailErrno("syncfs");
  return PromiseWork::Start(
      info.Env(),
      [own] {
        if (syncfs(own->get()) < 0) FailErrno("syncfs");
      },
      [](Napi::Env env) { return env.Undefined(); });
}

Napi::Value StatFs(const Napi::CallbackInfo& info) {
  struct statfs st;
  if (fstatfs(FdArg(info), &st) < 0) FailErrno("fstatfs");
  double unit = static_cast<double>(st.f_frsize ? st.f_frsize : st.f_bsize);
  auto result = Napi::Object::New(info.Env());
  auto set = [&](const char* key, double value) { result.Set(key, Napi::Number::New(info.Env(), value)); };
  set("type", static_cast<double>(static_cast<uint32_t>(st.f_type)));
  set("freeBytes", static_cast<double>(st.f_bfree) * unit);
  set("availableBytes", static_cast<double>(st.f_bavail) * unit);
  set("totalBytes", static_cast<double>(st.f_blocks) * unit);
  return result;
}

bool IsOfd(const Napi::Value& kind) {
  std::string name = kind.ToString();
  if (name == "ofd") return true;
  if (name == "flock") return false;
  throw Napi::TypeError::New(kind.Env(), "kind must be flock or ofd");
}

int SetOfdLock(int fd, short type) {
  struct flock lock;
  std::memset(&lock, 0, sizeof lock);  // whole file; l_pid must be 0
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return fcntl(fd, F_OFD_SETLK, &lock);
}

Napi::Value TryLock(const Napi::CallbackInfo& info) {
  int fd = FdArg(info);
  bool ofd = IsOfd(info[1]), exclusive = info[2].ToBoolean();
  int status;
  do {
    status = ofd ? SetOfdLock(fd, exclusive ? F_WRLCK : F_RDLCK) : flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
  } while (status < 0 && errno == EINTR);
  bool busy = status < 0 && (errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK);
  if (status < 0 && !busy) FailErrno(ofd ? "fcntl(F_OFD_SETLK)" : "flock");
  return Napi::Boolean::New(info.Env(), !busy);
}

Napi::Value Unlock(const Napi::CallbackInfo& info) {
  bool ofd = IsOfd(info[1]);
  if ((ofd ? SetOfdLock(FdArg(info), F_UNLCK) : flock(FdArg(info), LOCK_UN)) < 0) FailErrno("unlock");
  return info.Env().Undefined();
}

int FileFlags(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) FailErrno("ioctl(FS_IOC_GETFLAGS)");
  return flags;
}

Napi::Value SetImmutable(const Napi::CallbackInfo& info) {
  int fd = FdArg(info), before = FileFlags(fd);
  int after = info[1].ToBoolean() ? before | FS_IMMUTABLE_FL : before & ~FS_IMMUTABLE_FL;
  if (after != before && ioctl(fd, FS_IOC_SETFLAGS, &after) < 0) FailErrno("ioctl(FS_IOC_SETFLAGS)");
  return info.Env().Undefined();
}

Napi::Value GetImmutable(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), (FileFlags(FdArg(info)) & FS_IMMUTABLE_FL) != 0);
}

}  // namespace

void DefineSysFs(Napi::Object exports) {
  Napi::Env env = exports.Env();
  exports.Set("ficlone", Napi::Function::New<Guarded<FiClone>>(env, "ficlone"));
  exports.Set("enableVerity", Napi::Function::New<Guarded<EnableVerity>>(env, "enableVerity"));
  exports.Set("measureVerity", Napi::Function::New<Guarded<MeasureVerity>>(env, "measureVerity"));
  exports.Set("syncfs", Napi::Function::New<Guarded<SyncFs>>(env, "syncfs"));
  exports.Set("statfs", Napi::Function::New<Guarded<StatFs>>(env, "statfs"));
  exports.Set("tryLock", Napi::Function::New<Guarded<TryLock>>(env, "tryLock"));
  exports.Set("unlock", Napi::Function::New<Guarded<Unlock>>(env, "unlock"));
  exports.Set("setImmutable", Napi::Function::New<Guarded<SetImmutable>>(env, "setImmutable"));
  exports.Set("getImmutable", Napi::Function::New<Guarded<GetImmutable>>(env, "getImmutable"));
}

}  // namespace bootc
