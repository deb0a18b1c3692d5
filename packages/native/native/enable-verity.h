// fs-verity of a file that was just written.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fd.h"

namespace bootc {

/// The same file for reading only, whatever its name is: the kernel enables nothing while a writer is open.
Fd ReopenForReading(int fd, const std::string& shown);

/// Enables fs-verity with 4096-byte blocks and checks what the kernel measures.
/// @param digest hex, what it must be
/// @throws Failure ENOTTY, EOPNOTSUPP where the file system has none; ETXTBSY when a writer stays open; CORRUPT
void EnableVerity(int fd, int algorithm, const std::string& digest, const std::string& shown);

/// What the kernel measures of a file with fs-verity.
struct MeasuredVerity {
  int algorithm = 0;
  std::vector<uint8_t> digest;
};
/// @returns nothing for a file without fs-verity
/// @throws Failure with `shown` as its path
std::optional<MeasuredVerity> MeasureVerityOf(int fd, const std::string& shown = {});

}  // namespace bootc
