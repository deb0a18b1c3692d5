#include "verity-files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <thread>

namespace bootc {

namespace {

/// One hash of the second level covers 128 blocks with SHA-256, 64 with SHA-512: a piece makes one or two of them. It
/// stays in the second-level cache between reading and hashing.
constexpr size_t kPiece = 128 * kVerityBlock;
/// Files from here on are the work of all threads.
constexpr uint64_t kLarge = 32 * kPiece;
/// Small files that are hashed together.
constexpr size_t kTogether = 64;

/// 0, errno, or -1 for a file that ends too early.
int ReadAt(int fd, uint8_t* to, size_t size, uint64_t offset) {
  while (size > 0) {
    ssize_t got = pread(fd, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return -1;
    to += got;
    size -= static_cast<size_t>(got);
    offset += static_cast<uint64_t>(got);
  }
  return 0;
}

}  // namespace

void VerityFiles::Run() {
  InThreads([this] { TakeFiles(); });
  for (const Open& file : large_) HashLarge(file, false);
}

/// Runs the body in this thread and the others, as many as the system grants.
template <typename Body>
void VerityFiles::InThreads(Body body) {
  std::vector<std::thread> helpers;
  std::atomic<bool> no_memory{false};
  auto guarded = [&] {
    try {
      body();
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
  };
  try {
    while (helpers.size() + 1 < threads_) helpers.emplace_back(guarded);
  } catch (const std::system_error&) {
  }
  guarded();
  for (std::thread& helper : helpers) helper.join();
  if (no_memory) throw std::bad_alloc();
}

void VerityFiles::TakeFiles() {
  VerityBatch batch(algorithm_);
  std::unique_ptr<uint8_t[]> room(new uint8_t[2 * kPiece]);
  std::vector<Open> small;
  size_t used = 0;
  Open file{};
  while (OpenNext(&file)) {
    if (file.size > kPiece) {
      if (file.size < kLarge || threads_ == 1) {
        HashLarge(file, true);
      } else {
        std::lock_guard<std::mutex> lock(mutex_);
        large_.push_back(std::move(file));
      }
      continue;
    }
    used += file.size;
    small.push_back(std::move(file));
    // Another one fits in any case.
    if (used > kPiece || small.size() == kTogether) {
      HashSmall(small, room.get(), batch);
      small.clear();
      used = 0;
    }
  }
  HashSmall(small, room.get(), batch);
}

/// The next file that can be read; false when there are no more.
bool VerityFiles::OpenNext(Open* file) {
  for (size_t index; (index = next_++) < paths_.size();) {
    Result& result = results_[index];
    // Not waiting for the other end of a pipe.
    Fd fd(open(paths_[index].c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat st;
    if (!fd.valid() || fstat(fd.get(), &st) < 0) {
      result.error = errno;
    } else if (!S_ISREG(st.st_mode)) {
      result.error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    } else {
      result.size = static_cast<uint64_t>(st.st_size);
      *file = Open{index, std::move(fd), result.size};
      return true;
    }
  }
  return false;
}

void VerityFiles::HashSmall(const std::vector<Open>& files, uint8_t* room, VerityBatch& batch) {
  std::vector<VerityBatch::File> contents;
  std::vector<size_t> indexes;
  for (const Open& file : files) {
    const size_t size = static_cast<size_t>(file.size);
    if (int error = ReadAt(file.fd.get(), room, size, 0)) {
      results_[file.index].truncated = error < 0;
      results_[file.index].error = std::max(error, 0);
      continue;
    }
    contents.push_back({room, size});
    indexes.push_back(file.index);
    room += size;
  }
  std::vector<std::string> digests = batch.Run(contents);
  for (size_t i = 0; i < digests.size(); i++) results_[indexes[i]].digest = std::move(digests[i]);
}

void VerityFiles::HashLarge(const Open& file, bool alone) {
  BlockHasher hasher(algorithm_);
  const size_t digest = hasher.digest_size();
  const uint64_t covered = kVerityBlock / digest * kVerityBlock;  // bytes of the file under one hash
  Shared shared{file, std::vector<uint8_t>((file.size + covered - 1) / covered * digest)};
  posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  if (alone) {
    HashPieces(shared);
  } else {
    InThreads([&] { HashPieces(shared); });
  }
  Result& result = results_[file.index];
  result.error = shared.error;
  result.truncated = shared.truncated;
  if (result.error || result.truncated) return;
  std::vector<uint8_t> level = std::move(shared.hashes);
  while (level.size() > digest) level = VerityLevelAbove(hasher, level);
  result.digest = VerityDescriptorDigest(hasher, algorithm_, file.size, level.data());
}

void VerityFiles::HashPieces(Shared& shared) {
  BlockHasher hasher(algorithm_);
  std::vector<uint8_t> piece(kPiece);
  for (uint64_t number; (number = shared.next++) * kPiece < shared.file.size;) {
    const uint64_t offset = number * kPiece;
    piece.resize(static_cast<size_t>(std::min<uint64_t>(kPiece, shared.file.size - offset)));
    if (int error = ReadAt(shared.file.fd.get(), piece.data(), piece.size(), offset)) {
      shared.truncated = error < 0;
      shared.error = std::max(error, 0);
      shared.next = shared.file.size;  // nobody goes on
      return;
    }
    std::vector<uint8_t> hashes = VerityLevelAbove(hasher, VerityLevelAbove(hasher, piece));
    std::copy(hashes.begin(), hashes.end(),
              shared.hashes.begin() + static_cast<std::ptrdiff_t>(number * (kPiece / kVerityBlock) * hasher.digest_size() /
                                                                  kVerityBlock * hasher.digest_size()));
  }
}

}  // namespace bootc
