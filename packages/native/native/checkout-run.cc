#include "checkout-run.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "checkout-files.h"

namespace bootc {

namespace {
constexpr int kDirFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int64_t kReportMs = 100;

int64_t NowMs() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}
}  // namespace

CheckoutRun::CheckoutRun(CheckoutPlan plan, size_t threads, std::shared_ptr<Notifier> notifier)
    : plan_(std::move(plan)),
      notifier_(std::move(notifier)),
      states_(plan_.dirs.size()),
      dirs_left_(plan_.dirs.size()),
      threads_left_(threads) {
  objects_ = Fd(open(plan_.objects_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!objects_.valid()) FailErrno("open", plan_.objects_dir);
  states_[0].fd = Fd(open(plan_.target_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!states_[0].fd.valid()) FailErrno("open", plan_.target_dir);
  states_[0].found = true;
  next_report_ms_ = NowMs() + kReportMs;
  ready_.push_back(0);
  for (size_t i = 0; i < threads; i++) threads_.emplace_back([this] { Work(); });
}

bool CheckoutRun::ended() {
  std::lock_guard<std::mutex> lock(mutex_);
  return threads_left_ == 0;
}

void CheckoutRun::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void CheckoutRun::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || dirs_left_ == 0 || !ready_.empty(); });
    if (stopped_ || dirs_left_ == 0) break;
    uint32_t index = ready_.back();
    ready_.pop_back();
    lock.unlock();
    std::optional<Failure> failure;
    try {
      Fill(index);
    } catch (const Failure& caught) {
      failure = caught;
    } catch (const std::bad_alloc&) {
      failure = Failure{ENOMEM, {}, {}, "malloc", {}};
    }
    lock.lock();
    if (failure) {
      if (!failure_) failure_ = failure;
      stopped_ = true;
      changed_.notify_all();
    }
  }
  if (--threads_left_ == 0) notifier_->Wake();
}

void CheckoutRun::Fill(uint32_t index) {
  const PlannedDir& dir = plan_.dirs[index];
  OpenDir(index);
  states_[index].pending = dir.children.size() + 1;
  if (!dir.children.empty()) {
    // Before the files: another thread can start below at once.
    std::lock_guard<std::mutex> lock(mutex_);
    ready_.insert(ready_.end(), dir.children.rbegin(), dir.children.rend());
    changed_.notify_one();
  }
  for (const PlannedFile& file : dir.files) {
    if (stopped_) return;
    MakeFile(index, file);
    done_.fetch_add(1, std::memory_order_relaxed);
  }
  ReportProgress();
  Complete(index);
}

void CheckoutRun::OpenDir(uint32_t index) {
  if (index == 0) return;
  const PlannedDir& dir = plan_.dirs[index];
  DirState& state = states_[index];
  int parent = states_[static_cast<size_t>(dir.parent)].fd.get();
  const char* name = plan_.at(dir.name);
  if (mkdirat(parent, name, 0700) < 0) {
    if (errno != EEXIST || !dir.existing) FailErrno("mkdir", plan_.PathOf(dir.parent, name));
    state.found = true;
  }
  state.fd = Fd(openat(parent, name, kDirFlags));
  if (!state.fd.valid()) FailErrno("open", plan_.PathOf(dir.parent, name));
  done_.fetch_add(1, std::memory_order_relaxed);
}

void CheckoutRun::MakeFile(uint32_t index, const PlannedFile& file) {
  int dir = states_[index].fd.get();
  const char *name = plan_.at(file.name), *from = plan_.at(file.from);
  const CheckoutMeta* meta = file.meta < 0 ? nullptr : &plan_.metas[static_cast<size_t>(file.meta)];
  auto dir_index = static_cast<int32_t>(index);
  switch (file.kind) {
    case FileKind::link:
      return LinkObject(objects_.get(), from, dir, name, meta, plan_, dir_index);
    case FileKind::copy:
      return CopyObject(objects_.get(), from, dir, name, *meta, plan_.PathOf(dir_index, name));
    case FileKind::symlink:
      return MakeSymlink(from, dir, name, *meta, plan_.PathOf(dir_index, name));
    case FileKind::empty:
      return MakeEmpty(dir, name, *meta, plan_.PathOf(dir_index, name));
  }
}

void CheckoutRun::Complete(uint32_t index) {
  size_t finished = 0;
  for (auto at = static_cast<int32_t>(index); at >= 0; at = plan_.dirs[static_cast<size_t>(at)].parent) {
    if (--states_[static_cast<size_t>(at)].pending > 0) break;
    Finish(static_cast<uint32_t>(at));
    finished++;
  }
  if (finished == 0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  dirs_left_ -= finished;
  if (dirs_left_ == 0) changed_.notify_all();
}

void CheckoutRun::Finish(uint32_t index) {
  const PlannedDir& dir = plan_.dirs[index];
  DirState& state = states_[index];
  if (!state.found) {
    const CheckoutMeta& meta = plan_.metas[static_cast<size_t>(dir.meta)];
    std::string shown = plan_.PathOf(dir.parent, plan_.at(dir.name));
    ApplyAttrs(state.fd.get(), meta.owner, meta.xattrs, meta.mode, shown);
    if (meta.mtime) SetTimes(state.fd.get(), *meta.mtime, shown);
  }
  state.fd.Reset();
}

void CheckoutRun::ReportProgress() {
  int64_t now = NowMs(), due = next_report_ms_;
  if (now >= due && next_report_ms_.compare_exchange_strong(due, now + kReportMs)) notifier_->Wake();
}

}  // namespace bootc
