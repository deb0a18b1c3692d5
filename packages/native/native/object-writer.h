// The JS thread's side of an object writer: hands tasks to workers.
#pragma once
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "args.h"
#include "object-worker.h"

namespace bootc {

class ObjectWriter {
 public:
  ObjectWriter(std::string staging_dir, const std::vector<std::string>& existing, size_t threads,
               size_t max_queued_bytes, std::shared_ptr<Notifier> notifier);
  ~ObjectWriter() { Stop(); }

  uint32_t Put(ObjectSpec spec, const uint8_t* data, size_t size);
  uint32_t Begin(ObjectSpec spec);
  void Data(uint32_t id, const uint8_t* data, size_t size);
  void End(uint32_t id);

  bool full() const { return shared_.queued_bytes >= max_queued_bytes_; }
  bool failed() const { return shared_.failed; }
  Failure failure();
  /// Half of what is allowed is free. While this is asked for and false, the notifier is woken when it turns true.
  bool Drained(bool waiting);
  bool Idle(bool waiting);
  bool has_open() const { return !open_.empty(); }
  /// Of the objects after those taken before, in order, as far as all are done.
  std::vector<WrittenObject> Take();
  /// Drops what is queued, removes partial files, joins the threads.
  void Stop();

 private:
  Piece MakePiece(const uint8_t* data, size_t size);
  ObjectWorker& Choose();
  void Add(ObjectWorker& worker, ObjectTask task);

  WriterShared shared_;
  size_t max_queued_bytes_;
  std::vector<std::unique_ptr<ObjectWorker>> workers_;
  std::unordered_map<uint32_t, ObjectWorker*> open_;
  std::shared_ptr<BlockPool> last_pool_;
  uint32_t next_id_ = 0, next_taken_ = 0;
  std::map<uint32_t, WrittenObject> out_of_order_;
};

}  // namespace bootc
