// Raw deflate (RFC 1951) as OSTree's archive mode has it: window 15, memory level 8.
#pragma once
#include <algorithm>
#include <cstring>

#include "failure.h"
#include "zlib-abi.h"

namespace bootc {

class Deflater {
 public:
  explicit Deflater(int level) : level_(level) {
    std::memset(&stream_, 0, sizeof stream_);
    if (deflateInit2_(&stream_, level, kZDeflated, -15, 8, 0, zlibVersion(), sizeof stream_) != kZOk) {
      throw Failure{ENOMEM, {}, {}, "deflateInit", {}};
    }
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  int level() const { return level_; }
  void Reset() { deflateReset(&stream_); }

  /// Calls `write(data, size)` with compressed bytes as they come. `last` ends the stream.
  template <typename Write>
  void Run(const uint8_t* data, size_t size, bool last, Write write) {
    static const uint8_t nothing = 0;
    if (!data) data = &nothing;
    do {
      size_t part = std::min(size, size_t{1} << 30);
      stream_.next_in = data;
      stream_.avail_in = static_cast<unsigned>(part);
      data += part;
      size -= part;
      int flush = last && size == 0 ? kZFinish : kZNoFlush;
      do {
        stream_.next_out = out_;
        stream_.avail_out = sizeof out_;
        deflate(&stream_, flush);  // cannot fail: the state is consistent and there is room
        if (stream_.avail_out != sizeof out_) write(out_, sizeof out_ - stream_.avail_out);
      } while (stream_.avail_out == 0);
    } while (size > 0);
  }

 private:
  int level_;
  z_stream stream_;
  uint8_t out_[64 << 10];
};

}  // namespace bootc
