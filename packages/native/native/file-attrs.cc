#include "file-attrs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "failure.h"

namespace bootc {

namespace {
/// Calls `each(name, value, size)` for every attribute.
template <typename Each>
void ForEach(const PackedXattrs& packed, Each each) {
  const uint8_t *at = packed.data(), *end = at + packed.size();
  auto take = [&](size_t size) {
    if (static_cast<size_t>(end - at) < size) FailCode("ERR_INVALID_ARG_VALUE", "packed xattrs are cut short");
    const uint8_t* start = at;
    at += size;
    return start;
  };
  while (at < end) {
    const uint8_t* header = take(2);
    size_t name_size = header[0] | header[1] << 8;
    std::string name(reinterpret_cast<const char*>(take(name_size)), name_size);
    if (name.empty() || name.find('\0') != std::string::npos) {
      FailCode("ERR_INVALID_ARG_VALUE", "packed xattrs have an empty or broken name");
    }
    header = take(4);
    size_t value_size = header[0] | header[1] << 8 | header[2] << 16 | static_cast<size_t>(header[3]) << 24;
    each(name, take(value_size), value_size);
  }
}
}  // namespace

void CheckXattrs(const PackedXattrs& packed) {
  ForEach(packed, [](const std::string&, const uint8_t*, size_t) {});
}

void SetXattrs(int fd, const PackedXattrs& packed, const std::string& shown) {
  ForEach(packed, [&](const std::string& name, const uint8_t* value, size_t size) {
    if (fsetxattr(fd, name.c_str(), value, size, 0) < 0) FailErrno("fsetxattr", shown);
  });
}

void SetXattrsAt(const std::string& path, const PackedXattrs& packed, const std::string& shown) {
  ForEach(packed, [&](const std::string& name, const uint8_t* value, size_t size) {
    if (lsetxattr(path.c_str(), name.c_str(), value, size, 0) < 0) FailErrno("lsetxattr", shown);
  });
}

void ApplyAttrs(int fd, const Ownership& owner, const PackedXattrs& xattrs, mode_t mode, const std::string& shown) {
  struct stat st;
  if (fstat(fd, &st) < 0) FailErrno("fstat", shown);
  bool chown = (owner.uid && *owner.uid != st.st_uid) || (owner.gid && *owner.gid != st.st_gid);
  if (chown && fchown(fd, owner.uid_or_keep(), owner.gid_or_keep()) < 0) FailErrno("fchown", shown);
  SetXattrs(fd, xattrs, shown);
  if ((chown || (st.st_mode & 07777) != mode) && fchmod(fd, mode) < 0) FailErrno("fchmod", shown);
}

void SetTimes(int fd, int64_t seconds, const std::string& shown) {
  timespec time{static_cast<time_t>(seconds), 0};
  timespec times[2] = {time, time};
  if (futimens(fd, times) < 0) FailErrno("futimens", shown);
}

}  // namespace bootc
