#include "object-writer.h"

#include <algorithm>
#include <cstring>

namespace bootc {

ObjectWriter::ObjectWriter(std::string staging_dir, const std::vector<std::string>& existing, size_t threads,
                           size_t max_queued_bytes, std::shared_ptr<Notifier> notifier)
    : shared_(std::move(staging_dir), existing), max_queued_bytes_(std::max<size_t>(max_queued_bytes, 2)) {
  shared_.notifier = std::move(notifier);
  for (size_t i = 0; i < threads; i++) workers_.push_back(std::make_unique<ObjectWorker>(shared_));
}

/// Holds the pool block that the bytes lie in, or copies them.
Piece ObjectWriter::MakePiece(const uint8_t* data, size_t size) {
  Piece piece;
  piece.size = size;
  if (size == 0) return piece;
  if (!last_pool_ || !last_pool_->Contains(data)) last_pool_ = BlockPool::Find(data);
  if (last_pool_) {
    int slot = last_pool_->SlotOf(data);
    if (data + size <= last_pool_->data(slot) + last_pool_->block_bytes()) {
      if (!last_pool_->AddRefIfUsed(slot)) FailCode("ERR_INVALID_STATE", "the block of this buffer was released");
      piece.block = BlockRef(last_pool_, slot);
      piece.data = data;
      return piece;
    }
  }
  piece.copy.reset(new uint8_t[size]);
  std::memcpy(piece.copy.get(), data, size);
  piece.data = piece.copy.get();
  return piece;
}

ObjectWorker& ObjectWriter::Choose() {
  auto least = std::min_element(workers_.begin(), workers_.end(),
                                [](const auto& a, const auto& b) { return a->queued() < b->queued(); });
  return **least;
}

void ObjectWriter::Add(ObjectWorker& worker, ObjectTask task) {
  shared_.queued_bytes += task.cost();
  shared_.tasks++;
  worker.Add(std::move(task));
}

uint32_t ObjectWriter::Put(ObjectSpec spec, const uint8_t* data, size_t size) {
  Piece piece = MakePiece(data, size);
  uint32_t id = next_id_++;
  Add(Choose(), ObjectTask{ObjectTask::Kind::put, id, std::make_unique<ObjectSpec>(std::move(spec)), std::move(piece)});
  return id;
}

uint32_t ObjectWriter::Begin(ObjectSpec spec) {
  uint32_t id = next_id_++;
  ObjectWorker& worker = Choose();
  open_[id] = &worker;
  Add(worker, ObjectTask{ObjectTask::Kind::begin, id, std::make_unique<ObjectSpec>(std::move(spec)), {}});
  return id;
}

void ObjectWriter::Data(uint32_t id, const uint8_t* data, size_t size) {
  auto open = open_.find(id);
  if (open == open_.end()) FailCode("ERR_INVALID_STATE", "no object with this id is open");
  if (size > 0) Add(*open->second, ObjectTask{ObjectTask::Kind::data, id, nullptr, MakePiece(data, size)});
}

void ObjectWriter::End(uint32_t id) {
  auto open = open_.find(id);
  if (open == open_.end()) FailCode("ERR_INVALID_STATE", "no object with this id is open");
  Add(*open->second, ObjectTask{ObjectTask::Kind::end, id, nullptr, {}});
  open_.erase(open);
}

Failure ObjectWriter::failure() {
  std::lock_guard<std::mutex> lock(shared_.mutex);
  return shared_.failure;
}

bool ObjectWriter::Drained(bool waiting) {
  // Announce first, look second: a worker does it the other way round, so one of the two notices.
  shared_.wake_below = waiting ? max_queued_bytes_ / 2 : 0;
  bool drained = shared_.queued_bytes < max_queued_bytes_ / 2;
  if (drained) shared_.wake_below = 0;
  return drained;
}

bool ObjectWriter::Idle(bool waiting) {
  shared_.finish_waits = waiting;
  return shared_.tasks == 0;
}

std::vector<WrittenObject> ObjectWriter::Take() {
  std::vector<WrittenObject> done;
  {
    std::lock_guard<std::mutex> lock(shared_.mutex);
    done.swap(shared_.done);
  }
  for (WrittenObject& object : done) out_of_order_.emplace(object.id, std::move(object));
  std::vector<WrittenObject> next;
  for (auto at = out_of_order_.begin(); at != out_of_order_.end() && at->first == next_taken_; next_taken_++) {
    next.push_back(std::move(at->second));
    at = out_of_order_.erase(at);
  }
  return next;
}

void ObjectWriter::Stop() {
  shared_.stopped = true;
  for (auto& worker : workers_) worker->Join();
  workers_.clear();
  open_.clear();
  last_pool_.reset();
}

}  // namespace bootc
