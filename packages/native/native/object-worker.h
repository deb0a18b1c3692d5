// A thread of an object writer: takes tasks in order and makes the files.
#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
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
  Failure failure;  // the first one; guarded by `mutex`

  void Fail(const Failure& cause);
};

class ObjectWorker {
 public:
  explicit ObjectWorker(WriterShared& shared) : shared_(shared), thread_([this] { Run(); }) {}
  ~ObjectWorker() { Join(); }
  void Add(ObjectTask task);
  /// Ends after what it is doing when `shared.stopped` is set.
  void Join();
  size_t queued() const { return queued_.load(std::memory_order_relaxed); }
  /// Only when no task is left or after Join.
  const std::vector<WrittenObject>& results() const { return results_; }

 private:
  /// An object that comes in several pieces.
  struct Open {
    std::unique_ptr<ObjectSpec> spec;
    Sha256 hash;
    std::string temp;
    Fd fd;
    uint64_t size = 0;
    std::unique_ptr<VerityHasher> verity;
    std::unique_ptr<Deflater> deflater;
  };
  void Run();
  void Handle(ObjectTask& task);
  void Put(uint32_t id, const ObjectSpec& spec, const Piece& piece);
  bool PutFile(const ObjectSpec& spec, const Piece& piece, const std::string& name, std::string* verity);
  bool PutSymlink(const ObjectSpec& spec, const std::string& name);
  void Begin(uint32_t id, std::unique_ptr<ObjectSpec> spec);
  void Data(Open& open, const Piece& piece);
  void WriteOut(Open& open, const void* data, size_t size);
  void End(uint32_t id);
  void Complete(Fd& fd, const ObjectSpec& spec, const std::string& shown);
  void EnableVerity(const ObjectSpec& spec, const std::string& name);

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
  std::vector<WrittenObject> results_;
  bool joined_ = false;
  std::thread thread_;
};

}  // namespace bootc
