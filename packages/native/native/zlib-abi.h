// zlib as exported by the node binary. Declared here because zlib.h is not always beside Node's headers; the
// structure and the calls are zlib's public ABI, unchanged since 1.2 (Chromium's fork keeps it: the size and the
// major version are checked by the *Init2_ calls themselves).
#pragma once

extern "C" {
typedef void* (*zlib_alloc)(void* opaque, unsigned items, unsigned size);
typedef void (*zlib_free)(void* opaque, void* address);
struct z_stream {
  const unsigned char* next_in;
  unsigned avail_in;
  unsigned long total_in;
  unsigned char* next_out;
  unsigned avail_out;
  unsigned long total_out;
  const char* msg;
  void* state;
  zlib_alloc zalloc;
  zlib_free zfree;
  void* opaque;
  int data_type;
  unsigned long adler;
  unsigned long reserved;
};
const char* zlibVersion(void);
int inflateInit2_(z_stream* stream, int window_bits, const char* version, int stream_size);
int inflate(z_stream* stream, int flush);
int inflateReset(z_stream* stream);
int inflateEnd(z_stream* stream);
int deflateInit2_(z_stream* stream, int level, int method, int window_bits, int mem_level, int strategy,
                  const char* version, int stream_size);
int deflate(z_stream* stream, int flush);
int deflateReset(z_stream* stream);
int deflateEnd(z_stream* stream);
}

constexpr int kZNoFlush = 0, kZFinish = 4;
constexpr int kZOk = 0, kZStreamEnd = 1, kZDataError = -3, kZMemError = -4, kZBufError = -5;
constexpr int kZDeflated = 8;
