// A fixed set of equal blocks outside the JS heap, counted by their users.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace bootc {

/// The address range stays mapped while anyone (a JS Buffer too) refers to the pool; the memory itself goes back
/// to the system as soon as the pool is retired and no block is in use. A late reader then sees zeros, never
/// memory of somebody else.
class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
  static std::shared_ptr<BlockPool> Create(size_t block_bytes, size_t blocks);
  ~BlockPool();

  /// The live pool that contains this address, if any.
  static std::shared_ptr<BlockPool> Find(const uint8_t* address);

  size_t block_bytes() const { return block_bytes_; }
  size_t blocks() const { return refs_.size(); }
  uint8_t* data(int slot) const { return base_ + block_bytes_ * static_cast<size_t>(slot); }
  bool Contains(const uint8_t* address) const { return address >= base_ && address < base_ + block_bytes_ * blocks(); }
  int SlotOf(const uint8_t* address) const { return static_cast<int>(static_cast<size_t>(address - base_) / block_bytes_); }

  /// Waits for a free block and returns it with one reference; -1 after Stop.
  int Acquire();
  void AddRef(int slot) { refs_[static_cast<size_t>(slot)].fetch_add(1, std::memory_order_relaxed); }
  /// Adds a reference unless the block is free.
  bool AddRefIfUsed(int slot);
  void Release(int slot);
  /// Ends waiting in Acquire.
  void Stop();
  /// No block will be acquired any more: give memory back when the last one is released.
  void Retire();

 private:
  BlockPool(uint8_t* base, size_t block_bytes, size_t blocks);
  void DiscardIfIdle();

  uint8_t* base_;
  size_t block_bytes_;
  std::vector<std::atomic<int>> refs_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<int> free_;
  bool stopped_ = false;
  bool retired_ = false;
};

/// One counted use of a block.
class BlockRef {
 public:
  BlockRef() = default;
  /// Takes over a reference that was counted already.
  BlockRef(std::shared_ptr<BlockPool> pool, int slot) : pool_(std::move(pool)), slot_(slot) {}
  BlockRef(BlockRef&& other) noexcept : pool_(std::move(other.pool_)), slot_(std::exchange(other.slot_, -1)) {}
  BlockRef& operator=(BlockRef&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~BlockRef() {
    if (pool_) pool_->Release(slot_);
  }
  BlockRef Share() const {
    if (pool_) pool_->AddRef(slot_);
    return BlockRef(pool_, slot_);
  }
  bool valid() const { return pool_ != nullptr; }
  int slot() const { return slot_; }
  uint8_t* data() const { return pool_->data(slot_); }

 private:
  std::shared_ptr<BlockPool> pool_;
  int slot_ = -1;
};

}  // namespace bootc
