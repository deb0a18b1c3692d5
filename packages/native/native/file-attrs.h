// Owner, mode, attributes and times of a new file, set with as few calls as it takes.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bootc {

/// Attributes packed by JS: for each u16le name length, name, u32le value length, value.
using PackedXattrs = std::vector<uint8_t>;

/// @throws Failure ERR_INVALID_ARG_VALUE when the packing is broken
void CheckXattrs(const PackedXattrs& packed);
void SetXattrs(int fd, const PackedXattrs& packed, const std::string& shown);
/// On a path, not following a final link.
void SetXattrsAt(const std::string& path, const PackedXattrs& packed, const std::string& shown);

/// Packed; empty where the file system has none.
PackedXattrs ReadXattrs(int fd, const std::string& shown);

struct Ownership {
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  bool any() const { return uid || gid; }
  uid_t uid_or_keep() const { return uid.value_or(static_cast<uid_t>(-1)); }
  gid_t gid_or_keep() const { return gid.value_or(static_cast<gid_t>(-1)); }
};

/// Owner, attributes, mode: in this order, because chown clears set-id bits and capabilities, and a read-only mode
/// must not stop what comes before. Skips what the file has already.
void ApplyAttrs(int fd, const Ownership& owner, const PackedXattrs& xattrs, mode_t mode, const std::string& shown);
/// atime and mtime in whole seconds.
void SetTimes(int fd, int64_t seconds, const std::string& shown);

}  // namespace bootc
