// Moves staged objects into a repository.
#include "publish.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "args.h"
#include "fd.h"
#include "promise-work.h"

namespace bootc {
namespace {

constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE

struct PublishJob {
  std::string staging_dir, objects_dir;
  std::vector<std::string> names, replace;
  bool sync = true;
  size_t moved = 0;

  void Run();

 private:
  using Range = std::pair<size_t, size_t>;  // of the sorted names: one XX directory
  void MoveDirectory(const Range& range);
  bool MoveWhole(const std::string& dir, size_t count);
  void MoveOne(const std::string& name);
  void ReplaceOne(const std::string& name);
  void MakeParent(const std::string& dir);
  void Sync(int fd, const std::string& shown);

  Fd staging_, objects_;
  std::vector<std::string> touched_;
  bool made_dir_ = false;
};

Fd OpenDir(int at, const std::string& path) {
  Fd fd(openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) FailErrno("open", path);
  return fd;
}

int RenameNoReplace(int from_dir, const char* from, int to_dir, const char* to) {
  return static_cast<int>(syscall(SYS_renameat2, from_dir, from, to_dir, to, kNoReplace));
}

void PublishJob::Run() {
  staging_ = OpenDir(AT_FDCWD, staging_dir);
  objects_ = OpenDir(AT_FDCWD, objects_dir);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (size_t start = 0; start < names.size();) {
    size_t end = start + 1;
    while (end < names.size() && names[end].compare(0, 3, names[start], 0, 3) == 0) end++;
    MoveDirectory({start, end});
    start = end;
  }
  for (const std::string& name : replace) ReplaceOne(name);

  if (!sync) return;
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (const std::string& dir : touched_) Sync(OpenDir(objects_.get(), dir).get(), dir);
  if (made_dir_) Sync(objects_.get(), objects_dir);
}

void PublishJob::Sync(int fd, const std::string& shown) {
  if (fsync(fd) < 0) FailErrno("fsync", shown);
}

void PublishJob::MoveDirectory(const Range& range) {
  std::string dir = names[range.first].substr(0, 2);
  touched_.push_back(dir);
  if (MoveWhole(dir, range.second - range.first)) {
    moved += range.second - range.first;
    made_dir_ = true;
    return;
  }
  MakeParent(dir);
  for (size_t i = range.first; i < range.second; i++) MoveOne(names[i]);
}

/// When the repository has no directory XX yet (a first import), the staged one becomes it: one rename instead of
/// hundreds. Only if it holds exactly the objects named.
bool PublishJob::MoveWhole(const std::string& dir, size_t count) {
  struct stat st;
  if (fstatat(objects_.get(), dir.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return false;
  Fd fd = OpenDir(staging_.get(), dir);
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd.get()), closedir);
  if (!stream) FailErrno("opendir", dir);
  fd.Release();
  size_t found = 0;
  auto first = names.begin(), last = names.end();
  while (dirent* entry = readdir(stream.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++found > count || !std::binary_search(first, last, dir + "/" + name)) return false;
  }
  return found == count && RenameNoReplace(staging_.get(), dir.c_str(), objects_.get(), dir.c_str()) == 0;
}

void PublishJob::MakeParent(const std::string& dir) {
  if (mkdirat(objects_.get(), dir.c_str(), 0775) == 0) {
    made_dir_ = true;
  } else if (errno != EEXIST) {
    FailErrno("mkdir", dir);
  }
}

void PublishJob::MoveOne(const std::string& name) {
  const char* path = name.c_str();
  int status = RenameNoReplace(staging_.get(), path, objects_.get(), path);
  if (status < 0 && (errno == EINVAL || errno == ENOSYS)) {
    // A file system without RENAME_NOREPLACE.
    status = linkat(staging_.get(), path, objects_.get(), path, 0);
    if (status == 0) unlinkat(staging_.get(), path, 0);
  }
  if (status == 0) {
    moved++;
  } else if (errno != EEXIST) {
    FailErrno("rename", name);
  } else if (unlinkat(staging_.get(), path, 0) < 0) {
    FailErrno("unlink", name);
  }
}

void PublishJob::ReplaceOne(const std::string& name) {
  MakeParent(name.substr(0, 2));
  touched_.push_back(name.substr(0, 2));
  if (renameat(staging_.get(), name.c_str(), objects_.get(), name.c_str()) < 0) FailErrno("rename", name);
  moved++;
}

std::vector<std::string> NameList(const Napi::Value& value, const char* what) {
  std::vector<std::string> names;
  if (value.IsUndefined()) return names;
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an array");
  auto list = value.As<Napi::Array>();
  names.reserve(list.Length());
  for (uint32_t i = 0; i < list.Length(); i++) {
    Napi::HandleScope scope(value.Env());
    names.push_back(PathArg(list.Get(i), what));
    const std::string& name = names.back();
    if (name.size() < 4 || name[2] != '/' || name.find('/', 3) != std::string::npos || name[0] == '.') {
      FailCode("ERR_INVALID_ARG_VALUE", "not an object's name: '" + name + "'");
    }
  }
  return names;
}

}  // namespace

Napi::Value Publish(const Napi::CallbackInfo& info) {
  auto job = std::make_shared<PublishJob>();
  job->staging_dir = PathArg(info[0], "stagingDir");
  job->objects_dir = PathArg(info[1], "objectsDir");
  job->names = NameList(info[2], "names");
  job->replace = NameList(info[3], "replace");
  job->sync = info[4].IsUndefined() || info[4].ToBoolean().Value();
  return PromiseWork::Start(
      info.Env(), [job] { job->Run(); },
      [job](Napi::Env env) -> Napi::Value {
        auto result = Napi::Object::New(env);
        result.Set("moved", Napi::Number::New(env, static_cast<double>(job->moved)));
        return result;
      });
}

}  // namespace bootc
