// fs-verity digests of files on disk, in several threads.
#pragma once
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "fd.h"
#include "verity.h"

namespace bootc {

class VerityFiles {
 public:
  struct Result {
    std::string digest;
    uint64_t size = 0;
    int error = 0;           // errno
    bool truncated = false;  // shorter than its size said: somebody is changing it
  };
  VerityFiles(std::vector<std::string> paths, int algorithm, size_t threads)
      : paths_(std::move(paths)), algorithm_(algorithm), threads_(threads), results_(paths_.size()) {}
  void Run();
  const std::vector<Result>& results() const { return results_; }

 private:
  struct Open {
    size_t index;
    Fd fd;
    uint64_t size;
  };
  /// A large file, whose pieces are anyone's work.
  struct Shared {
    const Open& file;
    std::vector<uint8_t> hashes;  // of the level above the blocks' own
    std::atomic<uint64_t> next{0};
    std::atomic<int> error{0};
    std::atomic<bool> truncated{false};
  };
  template <typename Body>
  void InThreads(Body body);
  void TakeFiles();
  bool OpenNext(Open* file);
  void HashSmall(const std::vector<Open>& files, uint8_t* room, VerityBatch& batch);
  void HashLarge(const Open& file, bool alone);
  void HashPieces(Shared& shared);

  std::vector<std::string> paths_;
  int algorithm_;
  size_t threads_;
  std::vector<Result> results_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::vector<Open> large_;  // guarded by `mutex_`
};

}  // namespace bootc
