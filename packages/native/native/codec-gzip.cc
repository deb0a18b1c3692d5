#include <algorithm>
#include <cstring>
#include <string>

#include "codec.h"
#include "failure.h"
#include "zlib-abi.h"

namespace bootc {
namespace {

class GzipCodec : public Codec {
 public:
  GzipCodec() {
    std::memset(&stream_, 0, sizeof stream_);
    // 15 + 16: largest window, gzip wrapper (with its CRC and length check).
    if (inflateInit2_(&stream_, 15 + 16, zlibVersion(), sizeof stream_) != kZOk) {
      throw Failure{ENOMEM, {}, {}, "inflateInit", {}};
    }
  }
  ~GzipCodec() override { inflateEnd(&stream_); }

  void Decode(const uint8_t* data, size_t size, Sink& sink) override {
    constexpr size_t kMost = size_t{1} << 30;  // avail_in has 32 bits
    while (size > 0) {
      if (!in_member_ && !StartMember(*data)) {
        data++;
        size--;
        continue;
      }
      size_t part = std::min(size, kMost);
      size_t used = Inflate(data, part, sink);
      data += used;
      size -= used;
    }
  }

  void Finish() override {
    if (in_member_) FailCode("TRUNCATED", "gzip data ends inside a member");
  }

 private:
  /// Between members: false for a padding byte.
  bool StartMember(uint8_t first) {
    if (first == 0) {
      padding_ = true;
      return false;
    }
    if (first != 0x1f || padding_) FailCode("CORRUPT", "garbage after the gzip data");
    inflateReset(&stream_);
    in_member_ = true;
    return true;
  }

  size_t Inflate(const uint8_t* data, size_t size, Sink& sink) {
    stream_.next_in = data;
    stream_.avail_in = static_cast<unsigned>(size);
    for (;;) {
      size_t room = 0;
      stream_.next_out = sink.Space(&room);
      room = std::min(room, size_t{1} << 30);
      stream_.avail_out = static_cast<unsigned>(room);
      int status = inflate(&stream_, kZNoFlush);
      sink.Produced(room - stream_.avail_out);
      if (status == kZStreamEnd) {
        in_member_ = false;
        break;
      }
      if (status == kZMemError) throw Failure{ENOMEM, {}, {}, "inflate", {}};
      if (status != kZOk && status != kZBufError) {
        FailCode("CORRUPT", std::string("gzip data is corrupt: ") + (stream_.msg ? stream_.msg : "invalid data"));
      }
      if (stream_.avail_in == 0 && stream_.avail_out != 0) break;  // everything was flushed
    }
    return size - stream_.avail_in;
  }

  z_stream stream_;
  bool in_member_ = true;  // empty input is truncated input
  bool padding_ = false;
};

}  // namespace

std::unique_ptr<Codec> MakeGzipCodec() { return std::make_unique<GzipCodec>(); }

}  // namespace bootc
