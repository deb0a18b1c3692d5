// Streaming decompressors that write into blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace bootc {

/// Where a codec puts its output. Both calls may throw (stopped, LIMIT).
class Sink {
 public:
  virtual ~Sink() = default;
  /// Room for at least one byte.
  virtual uint8_t* Space(size_t* size) = 0;
  /// This much of the room was filled.
  virtual void Produced(size_t size) = 0;
};

class Codec {
 public:
  virtual ~Codec() = default;
  /// Consumes all of the input. @throws Failure CORRUPT, LIMIT
  virtual void Decode(const uint8_t* data, size_t size, Sink& sink) = 0;
  /// The input has ended. @throws Failure TRUNCATED
  virtual void Finish() = 0;
};

/// RFC 1952: all members; zero bytes may follow the last one, nothing else.
std::unique_ptr<Codec> MakeGzipCodec();
/// RFC 8878: all frames, skippable ones dropped, window at most 128 MiB.
std::unique_ptr<Codec> MakeZstdCodec();

}  // namespace bootc
