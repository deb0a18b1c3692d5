#include "pool.h"

#include <sys/mman.h>

#include <map>
#include <new>

namespace bootc {

namespace {
// Never destroyed: worker threads may outlive static destructors at exit.
std::mutex& RegistryMutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}
std::map<const uint8_t*, std::weak_ptr<BlockPool>>& Registry() {
  static auto* registry = new std::map<const uint8_t*, std::weak_ptr<BlockPool>>;
  return *registry;
}
}  // namespace

std::shared_ptr<BlockPool> BlockPool::Create(size_t block_bytes, size_t blocks) {
  void* base = mmap(nullptr, block_bytes * blocks, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  std::shared_ptr<BlockPool> pool(new BlockPool(static_cast<uint8_t*>(base), block_bytes, blocks));
  std::lock_guard<std::mutex> lock(RegistryMutex());
  Registry()[pool->base_] = pool;
  return pool;
}

BlockPool::BlockPool(uint8_t* base, size_t block_bytes, size_t blocks)
    : base_(base), block_bytes_(block_bytes), refs_(blocks) {
  // Lowest slots first, so that a small layer touches little memory.
  for (size_t i = blocks; i > 0; i--) free_.push_back(static_cast<int>(i - 1));
}

BlockPool::~BlockPool() {
  {
    std::lock_guard<std::mutex> lock(RegistryMutex());
    Registry().erase(base_);
  }
  munmap(base_, block_bytes_ * blocks());
}

std::shared_ptr<BlockPool> BlockPool::Find(const uint8_t* address) {
  std::lock_guard<std::mutex> lock(RegistryMutex());
  auto next = Registry().upper_bound(address);
  if (next == Registry().begin()) return nullptr;
  auto pool = std::prev(next)->second.lock();
  return pool && pool->Contains(address) ? pool : nullptr;
}

int BlockPool::Acquire() {
  std::unique_lock<std::mutex> lock(mutex_);
  freed_.wait(lock, [this] { return stopped_ || !free_.empty(); });
  if (stopped_) return -1;
  int slot = free_.back();
  free_.pop_back();
  refs_[static_cast<size_t>(slot)] = 1;
  return slot;
}

bool BlockPool::AddRefIfUsed(int slot) {
  auto& refs = refs_[static_cast<size_t>(slot)];
  int count = refs.load(std::memory_order_relaxed);
  while (count > 0) {
    if (refs.compare_exchange_weak(count, count + 1)) return true;
  }
  return false;
}

void BlockPool::Release(int slot) {
  if (refs_[static_cast<size_t>(slot)].fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(slot);
  freed_.notify_one();
  if (retired_) DiscardIfIdle();
}

void BlockPool::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  freed_.notify_all();
}

void BlockPool::Retire() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = retired_ = true;
  freed_.notify_all();
  DiscardIfIdle();
}

void BlockPool::DiscardIfIdle() {
  if (free_.size() == blocks()) madvise(base_, block_bytes_ * blocks(), MADV_DONTNEED);
}

}  // namespace bootc
