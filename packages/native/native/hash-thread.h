// Hashes both sides of a decoder on a thread of its own, so that decompressing never waits for it.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "pool.h"
#include "sha256.h"

namespace bootc {

/// A piece of compressed input.
struct Chunk {
  explicit Chunk(size_t bytes) : data(new uint8_t[bytes]), size(bytes) {}
  std::unique_ptr<uint8_t[]> data;
  size_t size;
};

class HashThread {
 public:
  HashThread() : thread_([this] { Run(); }) {}
  ~HashThread() { Abort(); }

  /// Waits while more than a few MiB of input are unhashed. Returns false when aborted.
  bool AddInput(std::shared_ptr<Chunk> chunk);
  /// Output needs no bound of its own: the pool has one.
  void AddOutput(BlockRef block, size_t size);
  /// Waits for everything queued. Returns false when aborted.
  bool Finish();
  void Abort();

  // After Finish.
  Sha256 input, output;

 private:
  struct Job {
    std::shared_ptr<Chunk> chunk;
    BlockRef block;
    size_t size;
    size_t done = 0;
    const uint8_t* data() const { return (chunk ? chunk->data.get() : block.data()) + done; }
  };
  using Jobs = std::deque<Job>;
  void Run();
  bool idle() const { return inputs_.empty() && outputs_.empty(); }
  void Add(Jobs& jobs, Job job);
  Job Advance(Jobs& jobs, size_t size);

  std::mutex mutex_;
  std::condition_variable changed_, space_;
  Jobs inputs_, outputs_;
  size_t input_bytes_ = 0;
  bool ended_ = false, aborted_ = false;
  std::thread thread_;
};

}  // namespace bootc
