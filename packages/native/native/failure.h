// Failures as plain values: they are raised on worker threads and become JS errors on the JS thread only.
#pragma once
#include <cerrno>
#include <string>
#include <utility>

namespace bootc {

struct Failure {
  int number = 0;       // errno, or 0 when `code` says it all
  std::string code;     // CORRUPT, LIMIT, TRUNCATED, CLOSED …; empty for system calls
  std::string message;  // for `code`
  std::string syscall;
  std::string path;
};

/// A failed system call; reads errno.
[[noreturn]] inline void FailErrno(const char* syscall, std::string path = {}) {
  throw Failure{errno, {}, {}, syscall, std::move(path)};
}

[[noreturn]] inline void FailCode(const char* code, std::string message) {
  throw Failure{0, code, std::move(message), {}, {}};
}

}  // namespace bootc
