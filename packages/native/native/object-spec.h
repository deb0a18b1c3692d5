// What to make of an object's bytes, and what came of it.
#pragma once
#include <napi.h>

#include <optional>
#include <string>

#include "file-attrs.h"
#include "sha256.h"

namespace bootc {

struct ObjectSpec {
  std::string hash_prefix;  // hashed, not written
  std::string file_prefix;  // written, not hashed
  std::optional<int> deflate_level;
  std::optional<std::string> symlink_target;
  std::string suffix;
  mode_t mode = 0;
  Ownership owner;
  PackedXattrs xattrs;
  bool zero_times = false;
  int verity_algorithm = 0;  // 0: none
  bool verity_enable = false;
};

/// `ObjectSpec` of src/api.ts. @throws Failure, Napi::Error for arguments that make no sense
ObjectSpec ParseObjectSpec(const Napi::Value& value);

struct WrittenObject {
  uint32_t id = 0;
  Sha256Digest checksum{};
  uint64_t size = 0;
  bool is_new = false;
  std::string suffix;
  std::string verity;
};

/// `XX/REST<suffix>`
std::string ObjectName(const Sha256Digest& checksum, const std::string& suffix);

}  // namespace bootc
