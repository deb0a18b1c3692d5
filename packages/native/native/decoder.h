// The decoder's threads: input → codec → blocks, with both sides hashed.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "codec.h"
#include "failure.h"
#include "fd.h"
#include "hash-thread.h"
#include "notifier.h"
#include "pool.h"

namespace bootc {

enum class Compression { automatic, gzip, zstd, none };

struct DecoderSettings {
  Compression compression = Compression::automatic;
  size_t block_bytes = 1 << 20;
  size_t blocks = 12;
  uint64_t max_output_bytes = uint64_t{64} << 30;
};

struct ReadyBlock {
  BlockRef ref;
  size_t size = 0;
};

class Decoder : private Sink {
 public:
  Decoder(const DecoderSettings& settings, std::shared_ptr<Notifier> notifier);
  ~Decoder() override { Stop(); }

  // JS thread. The notifier is woken when WantsInput, Take or `error` may answer differently.
  void Push(const uint8_t* data, size_t size);
  bool WantsInput();
  void End();
  void ReadFile(std::string path, uint64_t offset, uint64_t size);
  enum class State { pending, block, done, failed, stopped };
  State Take(ReadyBlock* block);
  const Failure& failure() const { return failure_; }
  /// Stops and joins the threads, drops what is queued, retires the pool.
  void Stop();

  const std::shared_ptr<BlockPool>& pool() const { return pool_; }
  struct Result {
    std::string input_hash, output_hash;
    uint64_t input_bytes, output_bytes;
  };
  /// Only in state `done`.
  const Result& result() const { return result_; }

 private:
  struct Stopped {};
  void Run();
  void DecodeAll();
  std::shared_ptr<Chunk> NextInput();
  std::shared_ptr<Chunk> NextFromFile();
  std::shared_ptr<Chunk> FirstInput();
  uint8_t* Space(size_t* size) override;
  void Produced(size_t size) override;
  void Emit();

  DecoderSettings settings_;
  std::shared_ptr<Notifier> notifier_;
  std::shared_ptr<BlockPool> pool_;

  std::mutex mutex_;  // guards what follows up to `result_`
  std::condition_variable input_changed_;
  std::deque<std::shared_ptr<Chunk>> input_;
  size_t input_bytes_queued_ = 0;
  bool input_ended_ = false;
  std::string file_path_;
  uint64_t file_offset_ = 0, file_left_ = 0;
  bool from_file_ = false;
  std::deque<ReadyBlock> ready_;
  State state_ = State::pending;
  Failure failure_;
  Result result_{};

  // Decoding thread only.
  Fd file_;
  BlockRef current_;
  size_t current_used_ = 0;
  uint64_t total_in_ = 0, total_out_ = 0;

  HashThread hashes_;
  std::thread thread_;
};

}  // namespace bootc
