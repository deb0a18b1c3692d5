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
  bool named_by_verity = false;  // else by the SHA-256
  int verity_algorithm = 0;  // 0: none
  bool verity_enable = false;
};

/// `ObjectSpec` of src/api.ts. @throws Failure, Napi::Error for arguments that make no sense
ObjectSpec ParseObjectSpec(const Napi::Value& value);

struct WrittenObject {
  uint32_t id = 0;
  std::string checksum;  // hex; empty when named by verity
  std::string verity;    // hex; empty when not asked for
  uint64_t size = 0;
  bool is_new = false;
  bool replaces = false;  // an object of another size has the name
  std::string suffix;

  /// `XX/REST<suffix>`
  std::string Name() const;
};

}  // namespace bootc
