// Objects that are named by their fs-verity digest: a composefs repository's.
#include <fcntl.h>

#include "enable-verity.h"
#include "object-worker.h"

namespace bootc {

namespace {

// Together they fill the hash's lanes, and stay in the second-level cache from hashing to writing.
constexpr size_t kGroupObjects = 64;
constexpr size_t kGroupBytes = 512 << 10;

/// A file that is complete but for fs-verity.
struct Sealing {
  Fd reader;
  const WrittenObject* object;
  int algorithm;
};

}  // namespace

size_t ObjectWorker::GroupSize(const std::vector<ObjectTask>& batch, size_t first) const {
  size_t count = 0, bytes = 0;
  for (size_t at = first; at < batch.size() && count < kGroupObjects && bytes < kGroupBytes; at++, count++) {
    const ObjectTask& task = batch[at];
    if (task.kind != ObjectTask::Kind::put || !task.spec->named_by_verity) break;
    if (task.spec->verity_algorithm != batch[first].spec->verity_algorithm) break;
    bytes += task.piece.size;
  }
  return count > 0 ? count : 1;
}

void ObjectWorker::PutGroup(ObjectTask* tasks, size_t count) {
  const int algorithm = tasks[0].spec->verity_algorithm;
  if (!verity_batch_ || verity_batch_->algorithm() != algorithm) verity_batch_ = std::make_unique<VerityBatch>(algorithm);
  std::vector<VerityBatch::File> files;
  for (size_t i = 0; i < count; i++) files.push_back({tasks[i].piece.data, tasks[i].piece.size});
  std::vector<std::string> digests = verity_batch_->Run(files);

  std::vector<WrittenObject> results(count);
  std::vector<Sealing> sealing;
  for (size_t i = 0; i < count; i++) {
    const ObjectSpec& spec = *tasks[i].spec;
    WrittenObject& result = results[i];
    result.id = tasks[i].id;
    result.verity = std::move(digests[i]);
    result.size = tasks[i].piece.size;
    result.suffix = spec.suffix;
    if (IsThere(spec, &result)) continue;
    const std::string name = result.Name();
    Fd fd = shared_.staging.Create(name, (spec.mode & 0777) | 0200);
    if (!fd.valid()) continue;
    result.is_new = true;
    try {
      const std::string shown = shared_.staging.Path(name);
      iovec vector{const_cast<uint8_t*>(tasks[i].piece.data), tasks[i].piece.size};
      WriteAll(fd.get(), &vector, 1, shown);
      ApplyAttrs(fd.get(), spec.owner, spec.xattrs, spec.mode, shown);
      if (spec.zero_times) SetTimes(fd.get(), 0, shown);
      if (spec.verity_enable) {
        sealing.push_back({ReopenForReading(fd.get(), shown), &result, algorithm});
        // The kernel waits for a file's data before it builds the tree: let the disk begin with all of them.
        sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
      }
      if (fd.Close() < 0 && errno != EINTR) FailErrno("close", shown);
    } catch (...) {
      shared_.staging.Remove(name);
      throw;
    }
  }
  for (Sealing& file : sealing) {
    const std::string name = file.object->Name();
    EnableVerity(file.reader.get(), file.algorithm, file.object->verity, shared_.staging.Path(name));
    file.reader.Reset();
  }
  for (WrittenObject& result : results) shared_.Report(std::move(result));
}

bool ObjectWorker::IsThere(const ObjectSpec& spec, WrittenObject* result) const {
  const std::string name = result->Name();
  if (!spec.named_by_verity) return shared_.staging.Exists(name);
  Staging::Found found = shared_.staging.Find(name, result->size);
  result->replaces = found == Staging::Found::other_size;
  return found == Staging::Found::present;
}

}  // namespace bootc
