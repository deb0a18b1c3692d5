#include "hash-thread.h"

namespace bootc {

namespace {
constexpr size_t kMaxInputBytes = 4 << 20;
}

bool HashThread::AddInput(std::shared_ptr<Chunk> chunk) {
  std::unique_lock<std::mutex> lock(mutex_);
  space_.wait(lock, [this] { return aborted_ || input_bytes_ <= kMaxInputBytes; });
  if (aborted_) return false;
  size_t size = chunk->size;
  input_bytes_ += size;
  jobs_.push_back(Job{std::move(chunk), {}, size});
  if (jobs_.size() == 1) changed_.notify_one();
  return true;
}

void HashThread::AddOutput(BlockRef block, size_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (aborted_) return;
  jobs_.push_back(Job{nullptr, std::move(block), size});
  if (jobs_.size() == 1) changed_.notify_one();
}

bool HashThread::Finish() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }
  // Only the decoding thread gets here, and Abort joins as well: wait for the thread's last word instead.
  std::unique_lock<std::mutex> lock(mutex_);
  space_.wait(lock, [this] { return aborted_ || (jobs_.empty() && input_bytes_ == 0 && ended_); });
  return !aborted_;
}

void HashThread::Abort() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    aborted_ = true;
    changed_.notify_one();
    space_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  jobs_.clear();
}

void HashThread::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return aborted_ || ended_ || !jobs_.empty(); });
    if (aborted_) return;
    if (jobs_.empty()) {
      space_.notify_all();
      return;
    }
    // The job stays in the queue while it runs: Finish must not see an empty queue too early.
    Job& job = jobs_.front();
    lock.unlock();
    if (job.chunk) {
      input.Update(job.chunk->data.get(), job.size);
    } else {
      output.Update(job.block.data(), job.size);
    }
    lock.lock();
    Job done = std::move(jobs_.front());
    jobs_.pop_front();
    if (done.chunk) {
      input_bytes_ -= done.size;
      space_.notify_one();
    }
    lock.unlock();
    done = Job{};  // may free a block, which takes the pool's lock
    lock.lock();
  }
}

}  // namespace bootc
