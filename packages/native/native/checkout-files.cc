#include "checkout-files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "failure.h"
#include "fd.h"

namespace bootc {

namespace {

Fd CreateFile(int dir, const char* name, const std::string& shown) {
  Fd fd(openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) FailErrno("open", shown);
  return fd;
}

void CompleteFile(Fd& fd, const CheckoutMeta& meta, const std::string& shown) {
  ApplyAttrs(fd.get(), meta.owner, meta.xattrs, meta.mode, shown);
  if (meta.mtime) SetTimes(fd.get(), *meta.mtime, shown);
  if (fd.Close() < 0 && errno != EINTR) FailErrno("close", shown);
}

void CopyByHand(int from, int to, const std::string& shown) {
  constexpr size_t kBuffer = 128 << 10;
  auto buffer = std::make_unique<char[]>(kBuffer);
  for (;;) {
    ssize_t got = read(from, buffer.get(), kBuffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) FailErrno("read", shown);
    if (got == 0) return;
    for (ssize_t done = 0; done < got;) {
      ssize_t put = write(to, buffer.get() + done, static_cast<size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) FailErrno("write", shown);
      done += put;
    }
  }
}

void CopyContent(int from, int to, const std::string& shown) {
  if (ioctl(to, FICLONE, from) == 0) return;
  for (bool any = false;; any = true) {
    ssize_t copied = copy_file_range(from, nullptr, to, nullptr, 1 << 30, 0);
    if (copied > 0) continue;
    if (copied < 0 && errno == EINTR) continue;
    if (copied == 0 && any) return;
    // 0 at once is an empty file, or a file system that pretends: reading tells.
    if (copied == 0 || (!any && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP))) {
      return CopyByHand(from, to, shown);
    }
    FailErrno("copy_file_range", shown);
  }
}

}  // namespace

void CopyObject(int objects, const char* object, int dir, const char* name, const CheckoutMeta& meta,
                const std::string& shown) {
  Fd from(openat(objects, object, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from.valid() && errno == ELOOP) {
    std::string target(4097, '\0');
    ssize_t size = readlinkat(objects, object, target.data(), target.size() - 1);
    if (size < 0) FailErrno("readlink", object);
    target.resize(static_cast<size_t>(size));
    return MakeSymlink(target.c_str(), dir, name, meta, shown);
  }
  if (!from.valid()) FailErrno("open", object);
  Fd to = CreateFile(dir, name, shown);
  CopyContent(from.get(), to.get(), shown);
  CompleteFile(to, meta, shown);
}

/// Owner, mode and attributes of an object of a bare repository, which has them on disk.
static CheckoutMeta OwnMeta(int fd, const struct stat& st, const std::string& shown) {
  CheckoutMeta meta;
  meta.mode = st.st_mode & 07777;
  meta.owner.uid = st.st_uid;
  meta.owner.gid = st.st_gid;
  meta.xattrs = ReadXattrs(fd, shown);
  return meta;
}

/// False when the object is to be linked after all.
static bool CopyUnlinkable(int objects, const char* object, int dir, const char* name, const CheckoutPlan& plan,
                           int32_t dir_index) {
  constexpr nlink_t kMaxLinks = 60000;  // ext4 allows 65,000
  struct stat st;
  if (fstatat(objects, object, &st, AT_SYMLINK_NOFOLLOW) < 0) return false;  // linking tells why
  if (!S_ISREG(st.st_mode) || (st.st_size > 0 && st.st_nlink < kMaxLinks)) return false;
  Fd from(openat(objects, object, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from.valid()) return false;
  CopyObject(objects, object, dir, name, OwnMeta(from.get(), st, object), plan.PathOf(dir_index, name));
  return true;
}

void LinkObject(int objects, const char* object, int dir, const char* name, const CheckoutMeta* meta,
                const CheckoutPlan& plan, int32_t dir_index) {
  if (plan.copy_empty && CopyUnlinkable(objects, object, dir, name, plan, dir_index)) return;
  if (linkat(objects, object, dir, name, 0) == 0) return;
  int number = errno;
  std::string shown = plan.PathOf(dir_index, name);
  if ((number == EMLINK || number == EXDEV) && meta) return CopyObject(objects, object, dir, name, *meta, shown);
  errno = number;
  // ENOENT is about the object: the directory is open.
  FailErrno("link", number == ENOENT ? plan.objects_dir + "/" + object : shown);
}

void MakeSymlink(const char* target, int dir, const char* name, const CheckoutMeta& meta, const std::string& shown) {
  if (symlinkat(target, dir, name) < 0) FailErrno("symlink", shown);
  if (meta.owner.any() &&
      fchownat(dir, name, meta.owner.uid_or_keep(), meta.owner.gid_or_keep(), AT_SYMLINK_NOFOLLOW) < 0) {
    FailErrno("lchown", shown);
  }
  if (!meta.xattrs.empty()) SetXattrsAt("/proc/self/fd/" + std::to_string(dir) + "/" + name, meta.xattrs, shown);
  if (meta.mtime) {
    timespec time{static_cast<time_t>(*meta.mtime), 0};
    timespec times[2] = {time, time};
    if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0) FailErrno("utimensat", shown);
  }
}

void MakeEmpty(int dir, const char* name, const CheckoutMeta& meta, const std::string& shown) {
  Fd fd = CreateFile(dir, name, shown);
  CompleteFile(fd, meta, shown);
}

}  // namespace bootc
