// Reads many small files at once.
#include "read-files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "args.h"
#include "fd.h"
#include "promise-work.h"

namespace bootc {
namespace {

// Two threads hide the latency of a cold disk; on a warm cache they halve the wall time.
constexpr size_t kThreads = 2;
constexpr size_t kFilesPerThread = 64;

struct ReadJob {
  std::string dir;
  std::vector<std::string> names;
  size_t max_bytes = 0;
  std::vector<std::optional<std::string>> contents;

  void Run() {
    Fd fd(open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) FailErrno("open", dir);
    contents.resize(names.size());
    std::thread helper;
    std::optional<Failure> helper_failure;
    if (kThreads > 1 && names.size() > 2 * kFilesPerThread) {
      try {
        helper = std::thread([&] { helper_failure = Work(fd.get()); });
      } catch (const std::system_error&) {
        // No more threads here: this one does it all.
      }
    }
    std::optional<Failure> failure = Work(fd.get());
    if (helper.joinable()) helper.join();
    if (failure) throw *failure;
    if (helper_failure) throw *helper_failure;
  }

 private:
  std::atomic<size_t> next_{0};

  std::optional<Failure> Work(int fd) {
    try {
      for (;;) {
        size_t start = next_.fetch_add(kFilesPerThread);
        if (start >= names.size()) return std::nullopt;
        for (size_t i = start; i < std::min(start + kFilesPerThread, names.size()); i++) ReadOne(fd, i);
      }
    } catch (const Failure& failure) {
      next_ = names.size();
      return failure;
    } catch (const std::bad_alloc&) {
      return Failure{ENOMEM, {}, {}, "malloc", {}};
    }
  }

  void ReadOne(int at, size_t index) {
    const std::string& name = names[index];
    Fd fd(openat(at, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) {
      if (errno == ENOENT) return;
      FailErrno("open", dir + "/" + name);
    }
    struct stat st;
    if (fstat(fd.get(), &st) < 0) FailErrno("fstat", dir + "/" + name);
    std::string& content = contents[index].emplace();
    // One byte more tells a file that grew from one that fits.
    content.resize(std::min(static_cast<size_t>(st.st_size), max_bytes) + 1);
    size_t used = 0;
    for (;;) {
      ssize_t got = read(fd.get(), content.data() + used, content.size() - used);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) FailErrno("read", dir + "/" + name);
      if (got == 0) break;
      used += static_cast<size_t>(got);
      if (used > max_bytes) throw Failure{EFBIG, {}, {}, "read", dir + "/" + name};
      if (used == content.size()) content.resize(std::min(used * 2, max_bytes + 1));
    }
    content.resize(used);
  }
};

}  // namespace

Napi::Value ReadFiles(const Napi::CallbackInfo& info) {
  auto job = std::make_shared<ReadJob>();
  job->dir = PathArg(info[0], "dir");
  if (!info[1].IsArray()) throw Napi::TypeError::New(info.Env(), "names must be an array");
  auto list = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    Napi::HandleScope scope(info.Env());
    job->names.push_back(PathArg(list.Get(i), "names"));
  }
  int64_t most = IntArg(info[2], "maxBytes");
  if (most < 0) FailCode("ERR_OUT_OF_RANGE", "maxBytes must not be negative");
  job->max_bytes = static_cast<size_t>(most);
  return PromiseWork::Start(
      info.Env(), [job] { job->Run(); },
      [job](Napi::Env env) -> Napi::Value {
        auto result = Napi::Array::New(env, job->contents.size());
        for (size_t i = 0; i < job->contents.size(); i++) {
          Napi::HandleScope scope(env);
          auto& content = job->contents[i];
          Napi::Value value = env.Undefined();
          if (content) value = Napi::Buffer<char>::Copy(env, content->data(), content->size());
          result.Set(static_cast<uint32_t>(i), value);
          content.reset();
        }
        return result;
      });
}

}  // namespace bootc
