// A checkout as data: directories with their files, all names in one string.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "file-attrs.h"

namespace bootc {

struct CheckoutMeta {
  mode_t mode = 0;
  Ownership owner;
  PackedXattrs xattrs;
  std::optional<int64_t> mtime;

  bool operator==(const CheckoutMeta& other) const {
    return mode == other.mode && owner.uid == other.owner.uid && owner.gid == other.owner.gid &&
           mtime == other.mtime && xattrs == other.xattrs;
  }
};

enum class FileKind : uint8_t { link, copy, symlink, empty };

struct PlannedFile {
  FileKind kind;
  int32_t meta;         // index, or -1
  uint32_t name, from;  // offsets into `text`; `from` is the object or the symlink's target
};

struct PlannedDir {
  int32_t parent = -1;  // the root has none
  int32_t meta = -1;
  uint32_t name = 0;
  bool existing = false;
  std::vector<PlannedFile> files;
  std::vector<uint32_t> children;
};

struct CheckoutPlan {
  std::string target_dir, objects_dir;
  std::string text = std::string(1, '\0');  // NUL-terminated strings; offset 0 is the empty one
  std::vector<CheckoutMeta> metas;
  std::deque<PlannedDir> dirs = std::deque<PlannedDir>(1);
  size_t entries = 0;
  bool copy_empty = false;

  const char* at(uint32_t offset) const { return text.data() + offset; }
  /// For messages: the path below the target.
  std::string PathOf(int32_t dir, const char* name) const {
    std::string path = name;
    for (; dir > 0; dir = dirs[static_cast<size_t>(dir)].parent) {
      path = std::string(at(dirs[static_cast<size_t>(dir)].name)) + "/" + path;
    }
    return target_dir + "/" + path;
  }
};

}  // namespace bootc
