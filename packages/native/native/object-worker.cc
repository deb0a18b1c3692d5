#include "object-worker.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "enable-verity.h"

namespace bootc {

void WriterShared::Fail(const Failure& cause) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (failed) return;
    failure = cause;
    failed = true;
  }
  notifier->Wake();
}

void WriterShared::Report(WrittenObject result) {
  std::lock_guard<std::mutex> lock(mutex);
  done.push_back(std::move(result));
}

void ObjectWorker::Add(ObjectTask task) {
  queued_ += task.cost();
  std::lock_guard<std::mutex> lock(mutex_);
  tasks_.push_back(std::move(task));
  if (sleeping_) added_.notify_one();
}

void ObjectWorker::Join() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    joined_ = true;
    added_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void ObjectWorker::Run() {
  std::vector<ObjectTask> batch;
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      sleeping_ = true;
      added_.wait(lock, [this] { return joined_ || !tasks_.empty(); });
      sleeping_ = false;
      if (tasks_.empty() || shared_.stopped) break;
      batch.swap(tasks_);
    }
    for (size_t at = 0, count; at < batch.size(); at += count) {
      count = GroupSize(batch, at);
      if (!shared_.failed && !shared_.stopped) {
        try {
          if (batch[at].kind == ObjectTask::Kind::put && batch[at].spec->named_by_verity) {
            PutGroup(&batch[at], count);
          } else {
            Handle(batch[at]);
          }
        } catch (const Failure& failure) {
          shared_.Fail(failure);
        } catch (const std::bad_alloc&) {
          shared_.Fail(Failure{ENOMEM, {}, {}, "malloc", {}});
        }
      }
      for (size_t i = 0; i < count; i++) Account(batch[at + i]);
    }
    batch.clear();
  }
  for (auto& [id, open] : open_) shared_.staging.Remove(open.temp);
  open_.clear();
}

/// A task is done, one way or the other.
void ObjectWorker::Account(ObjectTask& task) {
  size_t cost = task.cost();
  task = ObjectTask{};  // gives its block back
  queued_ -= cost;
  size_t left = shared_.queued_bytes -= cost;
  bool idle = --shared_.tasks == 0;
  if (left < shared_.wake_below || (idle && shared_.finish_waits)) shared_.notifier->Wake();
}

void ObjectWorker::Handle(ObjectTask& task) {
  switch (task.kind) {
    case ObjectTask::Kind::put:
      return Put(task.id, *task.spec, task.piece);
    case ObjectTask::Kind::begin:
      return Begin(task.id, std::move(task.spec));
    case ObjectTask::Kind::data:
      return Data(open_.at(task.id), task.piece);
    case ObjectTask::Kind::end:
      return End(task.id);
  }
}

void ObjectWorker::Put(uint32_t id, const ObjectSpec& spec, const Piece& piece) {
  hash_.Reset();
  hash_.Update(spec.hash_prefix.data(), spec.hash_prefix.size());
  if (!spec.symlink_target) hash_.Update(piece.data, piece.size);
  WrittenObject result;
  result.id = id;
  result.checksum = Hex(hash_.Final());
  result.size = spec.symlink_target ? 0 : piece.size;
  result.suffix = spec.suffix;
  std::string name = result.Name();
  if (spec.symlink_target) {
    result.is_new = !shared_.staging.Exists(name) && PutSymlink(spec, name);
  } else {
    result.is_new = PutFile(spec, piece, name, &result.verity);
  }
  shared_.Report(std::move(result));
}

bool ObjectWorker::PutFile(const ObjectSpec& spec, const Piece& piece, const std::string& name, std::string* verity) {
  bool exists = shared_.staging.Exists(name);
  // The verity digest is wanted even of an object that is there.
  if (exists && !spec.verity_algorithm) return false;
  const uint8_t* data = piece.data;
  size_t size = piece.size;
  if (spec.deflate_level) {
    if (!deflater_ || deflater_->level() != *spec.deflate_level) {
      deflater_ = std::make_unique<Deflater>(*spec.deflate_level);
    }
    deflater_->Reset();
    deflated_.clear();
    deflater_->Run(data, size, true,
                   [&](const uint8_t* out, size_t n) { deflated_.insert(deflated_.end(), out, out + n); });
    data = deflated_.data();
    size = deflated_.size();
  }
  if (spec.verity_algorithm) {
    VerityHasher hasher(spec.verity_algorithm);
    hasher.Update(reinterpret_cast<const uint8_t*>(spec.file_prefix.data()), spec.file_prefix.size());
    hasher.Update(data, size);
    *verity = hasher.Final();
  }
  if (exists) return false;
  // Writable while it is being made: an owner without that bit may not set attributes either.
  Fd fd = shared_.staging.Create(name, (spec.mode & 0777) | 0200);
  if (!fd.valid()) return false;
  std::string shown = shared_.staging.Path(name);
  try {
    iovec vectors[2] = {{const_cast<char*>(spec.file_prefix.data()), spec.file_prefix.size()},
                        {const_cast<uint8_t*>(data), size}};
    WriteAll(fd.get(), vectors, 2, shown);
    Complete(fd, spec, *verity, shown);
  } catch (...) {
    shared_.staging.Remove(name);
    throw;
  }
  return true;
}

bool ObjectWorker::PutSymlink(const ObjectSpec& spec, const std::string& name) {
  if (!shared_.staging.Symlink(name, *spec.symlink_target)) return false;
  std::string shown = shared_.staging.Path(name);
  try {
    if (spec.owner.any() && fchownat(shared_.staging.fd(), name.c_str(), spec.owner.uid_or_keep(),
                                     spec.owner.gid_or_keep(), AT_SYMLINK_NOFOLLOW) < 0) {
      FailErrno("lchown", shown);
    }
    SetXattrsAt(shown, spec.xattrs, shown);
    const timespec zero[2] = {{0, 0}, {0, 0}};
    if (spec.zero_times && utimensat(shared_.staging.fd(), name.c_str(), zero, AT_SYMLINK_NOFOLLOW) < 0) {
      FailErrno("utimensat", shown);
    }
  } catch (...) {
    shared_.staging.Remove(name);
    throw;
  }
  return true;
}

void ObjectWorker::Begin(uint32_t id, std::unique_ptr<ObjectSpec> spec) {
  Open& open = open_[id];
  open.spec = std::move(spec);
  if (!open.spec->named_by_verity) open.hash.emplace();
  if (open.hash) open.hash->Update(open.spec->hash_prefix.data(), open.spec->hash_prefix.size());
  if (open.spec->symlink_target) return;
  if (open.spec->verity_algorithm) open.verity = std::make_unique<VerityHasher>(open.spec->verity_algorithm);
  if (open.spec->deflate_level) open.deflater = std::make_unique<Deflater>(*open.spec->deflate_level);
  open.fd = shared_.staging.CreateTemp(&open.temp);
  WriteOut(open, open.spec->file_prefix.data(), open.spec->file_prefix.size());
}

void ObjectWorker::Data(Open& open, const Piece& piece) {
  if (open.spec->symlink_target) return;
  if (open.hash) open.hash->Update(piece.data, piece.size);
  open.size += piece.size;
  if (open.deflater) {
    open.deflater->Run(piece.data, piece.size, false, [&](const uint8_t* out, size_t n) { WriteOut(open, out, n); });
  } else {
    WriteOut(open, piece.data, piece.size);
  }
}

void ObjectWorker::WriteOut(Open& open, const void* data, size_t size) {
  if (size == 0) return;
  if (open.verity) open.verity->Update(static_cast<const uint8_t*>(data), size);
  iovec vector{const_cast<void*>(data), size};
  WriteAll(open.fd.get(), &vector, 1, shared_.staging.Path(open.temp));
}

void ObjectWorker::End(uint32_t id) {
  Open& open = open_.at(id);  // stays listed until it is complete: stopping removes its file
  const ObjectSpec& spec = *open.spec;
  WrittenObject result;
  result.id = id;
  if (open.hash) result.checksum = Hex(open.hash->Final());
  result.size = open.size;
  result.suffix = spec.suffix;
  if (spec.symlink_target) {
    const std::string name = result.Name();
    result.is_new = !shared_.staging.Exists(name) && PutSymlink(spec, name);
  } else {
    if (open.deflater) {
      open.deflater->Run(nullptr, 0, true, [&](const uint8_t* out, size_t n) { WriteOut(open, out, n); });
    }
    if (open.verity) result.verity = open.verity->Final();
    const std::string name = result.Name();
    if (IsThere(spec, &result)) {
      shared_.staging.Remove(open.temp);
    } else {
      Complete(open.fd, spec, result.verity, shared_.staging.Path(open.temp));
      result.is_new = shared_.staging.MoveIn(open.temp, name);
    }
  }
  open_.erase(id);
  shared_.Report(std::move(result));
}

void ObjectWorker::Complete(Fd& fd, const ObjectSpec& spec, const std::string& digest, const std::string& shown) {
  ApplyAttrs(fd.get(), spec.owner, spec.xattrs, spec.mode, shown);
  if (spec.zero_times) SetTimes(fd.get(), 0, shown);
  Fd reader;
  if (spec.verity_enable) reader = ReopenForReading(fd.get(), shown);
  if (fd.Close() < 0 && errno != EINTR) FailErrno("close", shown);
  if (spec.verity_enable) EnableVerity(reader.get(), spec.verity_algorithm, digest, shown);
}

}  // namespace bootc
