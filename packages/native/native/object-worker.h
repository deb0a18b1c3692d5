// A thread of an object writer: takes tasks in order and makes the files.
#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "deflater.h"
#include "failure.h"
#include "notifier.h"
#include "object-file.h"
#include "object-spec.h"
#include "pool.h"
#include "verity.h"

namespace bootc {

/// Bytes of an object: a use of a pool block, or a copy.
struct Piece {
  BlockRef block;
  std::unique_ptr<uint8_t[]> copy;
  const uint8_t* data = nullptr;
  size_t size = 0;
};

struct ObjectTask {
  enum class Kind { put, begin, data, end } kind;
  uint32_t id;
  std::unique_ptr<ObjectSpec> spec;  // put, begin
  Piece piece;                       // put, data
  size_t cost() const { return piece.size + 256; }
};

/// What the workers of one writer share with the JS thread.
struct WriterShared {
  WriterShared(std::string dir, const std::vector<std::string>& existing) : staging(std::move(dir), existing) {}
  Staging staging;
  std::shared_ptr<Notifier> notifier;
  std::atomic<size_t> queued_bytes{0};
  std::atomic<size_t> tasks{0};
  std::atomic<bool> failed{false}, stopped{false};
  std::atomic<bool> finish_waits{false};
  std::atomic<size_t> wake_below{0};  // a drain() waits for fewer queued bytes than this
  std::mutex mutex;
  Failure failure;  // the first one; guarded by `mutex`, as is what follows
  std::vector<WrittenObject> done;

  void Fail(const Failure& cause);
  void Report(WrittenObject result);
};

class ObjectWorker {
 public:
  explicit ObjectWorker(WriterShared& shared) : shared_(shared), thread_([this] { Run(); }) {}
  ~ObjectWorker() { Join(); }
  void Add(ObjectTask task);
  /// Ends after what it is doing when `shared.stopped` is set.
  void Join();
  size_t queued() const { return queued_.load(std::memory_order_relaxed); }

 private:
  /// An object that comes in several pieces.
  struct Open {
    std::unique_ptr<ObjectSpec> spec;
    std::optional<Sha256> hash;  // absent when only the verity digest counts
    std::string temp;
    Fd fd;
    uint64_t size = 0;
    std::unique_ptr<VerityHasher> verity;
    std::unique_ptr<Deflater> deflater;
  };
  void Run();
  void Handle(ObjectTask& task);
  void Account(ObjectTask& task);
  /// Objects of one group that are named by their verity digest: hashed together, then made one by one.
  size_t GroupSize(const std::vector<ObjectTask>& batch, size_t first) const;
  void PutGroup(ObjectTask* tasks, size_t count);
  /// In one of the roots, so that nothing is to be made. Says in the result what stands in the way otherwise.
  bool IsThere(const ObjectSpec& spec, WrittenObject* result) const;
  void Put(uint32_t id, const ObjectSpec& spec, const Piece& piece);
  bool PutFile(const ObjectSpec& spec, const Piece& piece, const std::string& name, std::string* verity);
  bool PutSymlink(const ObjectSpec& spec, const std::string& name);
  void Begin(uint32_t id, std::unique_ptr<ObjectSpec> spec);
  void Data(Open& open, const Piece& piece);
  void WriteOut(Open& open, const void* data, size_t size);
  void End(uint32_t id);
  /// Attributes, times, a close whose error counts, and fs-verity when it is to be enabled.
  void Complete(Fd& fd, const ObjectSpec& spec, const std::string& digest, const std::string& shown);

  WriterShared& shared_;
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<ObjectTask> tasks_;
  bool sleeping_ = false;
  std::atomic<size_t> queued_{0};

  // Worker thread only.
  Sha256 hash_;
  std::unique_ptr<Deflater> deflater_;
  std::vector<uint8_t> deflated_;
  std::map<uint32_t, Open> open_;
  std::unique_ptr<VerityBatch> verity_batch_;
  bool joined_ = false;
  std::thread thread_;
};

}  // namespace bootc
