// The staging directory of objects and the roots where objects may exist already.
#pragma once
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "fd.h"
#include "file-attrs.h"

namespace bootc {

/// Used by several threads. Names are `XX/REST.suffix`, relative to the staging directory.
///
/// The directory must belong to one process, which deletes what an earlier one left behind: files are then made
/// under their final name at once (no temporary name, no rename) although they are still being filled.
class Staging {
 public:
  Staging(std::string dir, const std::vector<std::string>& existing);

  /// Is the object in one of the roots?
  bool Exists(const std::string& name) const;
  enum class Found { absent, present, other_size };
  /// As `Exists`, of an object that is as large as it must be: others are what a power cut left.
  Found Find(const std::string& name, uint64_t size) const;
  /// Makes the file for writing; an invalid Fd when it is staged already.
  Fd Create(const std::string& name, mode_t mode);
  /// False when it is staged already.
  bool Symlink(const std::string& name, const std::string& target);
  /// A new file beside the XX directories, for objects whose checksum is not known yet.
  Fd CreateTemp(std::string* temp);
  /// Gives a temporary file its name; false (and no file left) when it is staged already.
  bool MoveIn(const std::string& temp, const std::string& name);
  void Remove(const std::string& name) const;

  int fd() const { return dir_fd_.get(); }
  std::string Path(const std::string& name) const { return dir_ + "/" + name; }

 private:
  void MakeParent(const std::string& name, bool again);

  std::string dir_;
  Fd dir_fd_;
  std::vector<Fd> roots_;
  std::array<std::atomic<bool>, 256> made_{};  // XX directories made (or found)
  std::atomic<unsigned> temps_{0};
};

/// Writes everything. The vectors are used up.
void WriteAll(int fd, iovec* vectors, int count, const std::string& shown);

}  // namespace bootc
