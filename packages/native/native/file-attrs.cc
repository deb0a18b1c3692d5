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

PackedXattrs ReadXattrs(int fd, const std::string& shown) {
  PackedXattrs packed;
  ssize_t size = flistxattr(fd, nullptr, 0);
  if (size < 0 && errno != EOPNOTSUPP) FailErrno("flistxattr", shown);
  if (size <= 0) return packed;
  std::string names(static_cast<size_t>(size), '\0');
  if ((size = flistxattr(fd, names.data(), names.size())) < 0) FailErrno("flistxattr", shown);
  auto append = [&](size_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) packed.push_back(static_cast<uint8_t>(number >> (8 * i)));
  };
  for (size_t at = 0; at < static_cast<size_t>(size);) {
    std::string name = names.c_str() + at;
    at += name.size() + 1;
    std::vector<uint8_t> value(65536);  // what Linux allows
    ssize_t length = fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (length < 0) FailErrno("fgetxattr", shown);
    append(name.size(), 2);
    packed.insert(packed.end(), name.begin(), name.end());
    append(static_cast<size_t>(length), 4);
    packed.insert(packed.end(), value.begin(), value.begin() + length);
  }
  return packed;
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
