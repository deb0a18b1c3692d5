// Executes a checkout plan in threads.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "checkout-plan.h"
#include "failure.h"
#include "fd.h"
#include "notifier.h"

namespace bootc {

/// A directory is filled by one thread, its subdirectories by any: link(2) locks the directory, so this is where
/// threads do not stand in each other's way.
class CheckoutRun {
 public:
  CheckoutRun(CheckoutPlan plan, size_t threads, std::shared_ptr<Notifier> notifier);
  ~CheckoutRun() { Stop(); }

  size_t done() const { return done_; }
  size_t entries() const { return plan_.entries; }
  bool ended();
  /// After the end.
  const std::optional<Failure>& failure() const { return failure_; }
  void Stop();

 private:
  struct DirState {
    Fd fd;
    std::atomic<size_t> pending{0};  // unfinished children, and one for its own files
    bool found = false;              // it was there before: keeps its attributes
  };
  void Work();
  void Fill(uint32_t index);
  void OpenDir(uint32_t index);
  void MakeFile(uint32_t index, const PlannedFile& file);
  /// One of the directory's parts is complete; goes up as far as that completes more.
  void Complete(uint32_t index);
  void Finish(uint32_t index);
  void ReportProgress();

  CheckoutPlan plan_;
  std::shared_ptr<Notifier> notifier_;
  Fd objects_;
  std::vector<DirState> states_;
  std::atomic<size_t> done_{0};
  std::atomic<int64_t> next_report_ms_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint32_t> ready_;  // a stack, so that few directories are open at a time
  size_t dirs_left_;
  size_t threads_left_;
  std::atomic<bool> stopped_{false};
  std::optional<Failure> failure_;
  std::vector<std::thread> threads_;
};

}  // namespace bootc
