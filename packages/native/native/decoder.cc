#include "decoder.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

namespace bootc {

namespace {
constexpr size_t kMaxQueuedInput = 4 << 20;
constexpr size_t kFileChunk = 256 << 10;  // small enough to stay in the second-level cache until it is hashed

bool Starts(const Chunk& chunk, std::initializer_list<uint8_t> magic) {
  return chunk.size >= magic.size() && std::equal(magic.begin(), magic.end(), chunk.data.get());
}

Compression Detect(const Chunk& start) {
  if (Starts(start, {0x1f, 0x8b})) return Compression::gzip;
  if (Starts(start, {0x28, 0xb5, 0x2f, 0xfd})) return Compression::zstd;
  // Skippable frames: 0x184D2A50 to 0x184D2A5F, little-endian.
  if (start.size >= 4 && (start.data[0] & 0xf0) == 0x50 && start.data[1] == 0x2a && start.data[2] == 0x4d &&
      start.data[3] == 0x18) {
    return Compression::zstd;
  }
  return Compression::none;
}
}  // namespace

Decoder::Decoder(const DecoderSettings& settings, std::shared_ptr<Notifier> notifier)
    : settings_(settings),
      notifier_(std::move(notifier)),
      pool_(BlockPool::Create(settings.block_bytes, settings.blocks)),
      thread_([this] { Run(); }) {}

void Decoder::Push(const uint8_t* data, size_t size) {
  if (size == 0) return;
  auto chunk = std::make_shared<Chunk>(size);
  std::memcpy(chunk->data.get(), data, size);
  std::lock_guard<std::mutex> lock(mutex_);
  if (input_ended_ || from_file_) FailCode("ERR_INVALID_STATE", "push after end or readFile");
  if (state_ != State::pending) return;  // it failed or was closed: nobody will read this
  input_bytes_queued_ += size;
  input_.push_back(std::move(chunk));
  input_changed_.notify_one();
}

bool Decoder::WantsInput() {
  std::lock_guard<std::mutex> lock(mutex_);
  return state_ != State::pending || input_bytes_queued_ < kMaxQueuedInput;
}

void Decoder::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  input_ended_ = true;
  input_changed_.notify_one();
}

void Decoder::ReadFile(std::string path, uint64_t offset, uint64_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (input_ended_ || from_file_ || !input_.empty()) FailCode("ERR_INVALID_STATE", "readFile after other input");
  file_path_ = std::move(path);
  file_offset_ = offset;
  file_left_ = size;
  from_file_ = true;
  input_changed_.notify_one();
}

Decoder::State Decoder::Take(ReadyBlock* block) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (state_ == State::stopped || ready_.empty()) return state_;
  *block = std::move(ready_.front());
  ready_.pop_front();
  return State::block;
}

void Decoder::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    state_ = State::stopped;
    input_changed_.notify_one();
  }
  pool_->Stop();
  hashes_.Abort();
  if (thread_.joinable()) thread_.join();
  ready_.clear();
  input_.clear();
  current_ = BlockRef();
  pool_->Retire();
}

void Decoder::Run() {
  State state = State::done;
  Failure failure;
  try {
    DecodeAll();
  } catch (const Stopped&) {
    return;
  } catch (const Failure& caught) {
    state = State::failed;
    failure = caught;
  } catch (const std::bad_alloc&) {
    state = State::failed;
    failure = Failure{ENOMEM, {}, {}, "malloc", {}};
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (state_ == State::stopped) return;
    state_ = state;
    failure_ = failure;
    input_.clear();
  }
  current_ = BlockRef();
  notifier_->Wake();
}

void Decoder::DecodeAll() {
  std::shared_ptr<Chunk> chunk = FirstInput();
  Compression kind = settings_.compression;
  if (kind == Compression::automatic) kind = chunk ? Detect(*chunk) : Compression::none;
  std::unique_ptr<Codec> codec;
  if (kind == Compression::gzip) codec = MakeGzipCodec();
  if (kind == Compression::zstd) codec = MakeZstdCodec();

  for (; chunk; chunk = NextInput()) {
    total_in_ += chunk->size;
    if (codec) {
      // Plain data is hashed once, as output.
      if (!hashes_.AddInput(chunk)) throw Stopped();
      codec->Decode(chunk->data.get(), chunk->size, *this);
      continue;
    }
    for (size_t done = 0; done < chunk->size;) {
      size_t room = 0;
      uint8_t* space = Space(&room);
      size_t part = std::min(room, chunk->size - done);
      std::memcpy(space, chunk->data.get() + done, part);
      Produced(part);
      done += part;
    }
  }
  if (codec) codec->Finish();
  if (current_used_ > 0) Emit();
  if (!hashes_.Finish()) throw Stopped();

  Result result;
  Sha256Digest digest = hashes_.output.Final();
  result.output_hash = Hex(digest.data(), digest.size());
  if (codec) digest = hashes_.input.Final();
  result.input_hash = Hex(digest.data(), digest.size());
  result.input_bytes = total_in_;
  result.output_bytes = total_out_;
  std::lock_guard<std::mutex> lock(mutex_);
  result_ = result;
}

/// The first chunk, at least four bytes long (what detection needs) unless the input is shorter.
std::shared_ptr<Chunk> Decoder::FirstInput() {
  auto first = NextInput();
  while (first && first->size < 4) {
    auto more = NextInput();
    if (!more) break;
    auto joined = std::make_shared<Chunk>(first->size + more->size);
    std::memcpy(joined->data.get(), first->data.get(), first->size);
    std::memcpy(joined->data.get() + first->size, more->data.get(), more->size);
    first = joined;
  }
  return first;
}

std::shared_ptr<Chunk> Decoder::NextInput() {
  std::shared_ptr<Chunk> chunk;
  bool wake = false;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    input_changed_.wait(lock, [this] {
      return state_ == State::stopped || from_file_ || input_ended_ || !input_.empty();
    });
    if (state_ == State::stopped) throw Stopped();
    if (!from_file_) {
      if (input_.empty()) return nullptr;
      chunk = std::move(input_.front());
      input_.pop_front();
      wake = input_bytes_queued_ >= kMaxQueuedInput;
      input_bytes_queued_ -= chunk->size;
      wake = wake && input_bytes_queued_ < kMaxQueuedInput;
    }
  }
  if (wake) notifier_->Wake();
  return chunk ? chunk : NextFromFile();
}

std::shared_ptr<Chunk> Decoder::NextFromFile() {
  if (!file_.valid()) {
    file_ = Fd(open(file_path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) FailErrno("open", file_path_);
    posix_fadvise(file_.get(), static_cast<off_t>(file_offset_), static_cast<off_t>(file_left_), POSIX_FADV_SEQUENTIAL);
  }
  if (file_left_ == 0) return nullptr;
  auto chunk = std::make_shared<Chunk>(std::min<uint64_t>(file_left_, kFileChunk));
  ssize_t got;
  do {
    got = pread(file_.get(), chunk->data.get(), chunk->size, static_cast<off_t>(file_offset_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) FailErrno("read", file_path_);
  if (got == 0) FailCode("TRUNCATED", "file ends before its stated size: " + file_path_);
  chunk->size = static_cast<size_t>(got);
  file_offset_ += chunk->size;
  file_left_ -= chunk->size;
  return chunk;
}

uint8_t* Decoder::Space(size_t* size) {
  if (!current_.valid()) {
    int slot = pool_->Acquire();
    if (slot < 0) throw Stopped();
    current_ = BlockRef(pool_, slot);
    current_used_ = 0;
  }
  *size = settings_.block_bytes - current_used_;
  return current_.data() + current_used_;
}

void Decoder::Produced(size_t size) {
  total_out_ += size;
  if (total_out_ > settings_.max_output_bytes) {
    FailCode("LIMIT", "decompressed data is larger than " + std::to_string(settings_.max_output_bytes) + " bytes");
  }
  current_used_ += size;
  if (current_used_ == settings_.block_bytes) Emit();
}

void Decoder::Emit() {
  hashes_.AddOutput(current_.Share(), current_used_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (state_ == State::stopped) throw Stopped();
    ready_.push_back(ReadyBlock{std::move(current_), current_used_});
  }
  current_ = BlockRef();
  current_used_ = 0;
  notifier_->Wake();
}

}  // namespace bootc
