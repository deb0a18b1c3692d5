#include "hash-thread.h"

#include <algorithm>

namespace bootc {

namespace {
constexpr size_t kMaxInputBytes = 4 << 20;
/// Hashed before looking again whether there is work of the other kind to go along with it.
constexpr size_t kSlice = 256 << 10;
}

void HashThread::Add(Jobs& jobs, Job job) {
  if (idle()) changed_.notify_one();
  jobs.push_back(std::move(job));
}

bool HashThread::AddInput(std::shared_ptr<Chunk> chunk) {
  std::unique_lock<std::mutex> lock(mutex_);
  space_.wait(lock, [this] { return aborted_ || input_bytes_ <= kMaxInputBytes; });
  if (aborted_) return false;
  size_t size = chunk->size;
  input_bytes_ += size;
  Add(inputs_, Job{std::move(chunk), {}, size});
  return true;
}

void HashThread::AddOutput(BlockRef block, size_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!aborted_) Add(outputs_, Job{nullptr, std::move(block), size});
}

bool HashThread::Finish() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }
  // Only the decoding thread gets here, and Abort joins as well: wait for the thread's last word instead.
  std::unique_lock<std::mutex> lock(mutex_);
  space_.wait(lock, [this] { return aborted_ || (idle() && ended_); });
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
  inputs_.clear();
  outputs_.clear();
}

void HashThread::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return aborted_ || ended_ || !idle(); });
    if (aborted_) return;
    if (idle()) {
      space_.notify_all();
      return;
    }
    // Jobs stay in their queues while they run: Finish must not see empty ones too early. Others only append.
    Job* in = inputs_.empty() ? nullptr : &inputs_.front();
    Job* out = outputs_.empty() ? nullptr : &outputs_.front();
    size_t size = kSlice;
    for (Job* job : {in, out}) {
      if (job) size = std::min(size, job->size - job->done);
    }
    lock.unlock();
    if (in && out) {
      Sha256::UpdateTwo(input, in->data(), output, out->data(), size);
    } else if (in) {
      input.Update(in->data(), size);
    } else {
      output.Update(out->data(), size);
    }
    lock.lock();
    Job done_in, done_out;
    if (in) done_in = Advance(inputs_, size);
    if (out) done_out = Advance(outputs_, size);
    if (done_in.chunk) {
      input_bytes_ -= done_in.size;
      space_.notify_one();
    }
    lock.unlock();
    done_in = Job{};
    done_out = Job{};  // may free a block, which takes the pool's lock
    lock.lock();
  }
}

/// The front job when that was all of it.
HashThread::Job HashThread::Advance(Jobs& jobs, size_t size) {
  Job& job = jobs.front();
  job.done += size;
  if (job.done < job.size) return Job{};
  Job done = std::move(job);
  jobs.pop_front();
  return done;
}

}  // namespace bootc
