#include "object-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"

namespace bootc {

namespace {
constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE

unsigned DirectoryIndex(const std::string& name) {
  auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  return (digit(name[0]) << 4 | digit(name[1])) & 255;
}
}  // namespace

Staging::Staging(std::string dir, const std::vector<std::string>& existing) : dir_(std::move(dir)) {
  dir_fd_ = Fd(open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir_fd_.valid()) FailErrno("open", dir_);
  for (const std::string& root : existing) {
    Fd fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd.valid()) {
      roots_.push_back(std::move(fd));
    } else if (errno != ENOENT) {
      FailErrno("open", root);
    }
  }
}

bool Staging::Exists(const std::string& name) const {
  struct stat st;
  for (const Fd& root : roots_) {
    if (fstatat(root.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno != ENOENT) FailErrno("stat", name);
  }
  return false;
}

Staging::Found Staging::Find(const std::string& name, uint64_t size) const {
  Found found = Found::absent;
  struct stat st;
  for (const Fd& root : roots_) {
    if (fstatat(root.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISREG(st.st_mode) && static_cast<uint64_t>(st.st_size) == size) return Found::present;
      found = Found::other_size;
    } else if (errno != ENOENT) {
      FailErrno("stat", name);
    }
  }
  return found;
}

void Staging::MakeParent(const std::string& name, bool again) {
  auto& made = made_[DirectoryIndex(name)];
  if (made && !again) return;
  if (mkdirat(dir_fd_.get(), name.substr(0, 2).c_str(), 0775) < 0 && errno != EEXIST) {
    FailErrno("mkdir", Path(name.substr(0, 2)));
  }
  made = true;
}

Fd Staging::Create(const std::string& name, mode_t mode) {
  MakeParent(name, false);
  for (int tries = 0;; tries++) {
    Fd fd(openat(dir_fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (fd.valid() || errno == EEXIST) return fd;
    if (errno != ENOENT || tries > 3) FailErrno("open", Path(name));
    MakeParent(name, true);  // publishing may have moved the directory as a whole
  }
}

bool Staging::Symlink(const std::string& name, const std::string& target) {
  MakeParent(name, false);
  for (int tries = 0;; tries++) {
    if (symlinkat(target.c_str(), dir_fd_.get(), name.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != ENOENT || tries > 3) FailErrno("symlink", Path(name));
    MakeParent(name, true);
  }
}

Fd Staging::CreateTemp(std::string* temp) {
  for (;;) {
    // The process id keeps writers of a forked child apart; the counter, threads.
    *temp = "tmp-" + std::to_string(getpid()) + "-" + std::to_string(temps_++);
    Fd fd(openat(dir_fd_.get(), temp->c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd.valid()) return fd;
    if (errno != EEXIST) FailErrno("open", Path(*temp));
  }
}

bool Staging::MoveIn(const std::string& temp, const std::string& name) {
  MakeParent(name, false);
  for (int tries = 0;; tries++) {
    long status = syscall(SYS_renameat2, dir_fd_.get(), temp.c_str(), dir_fd_.get(), name.c_str(), kNoReplace);
    if (status < 0 && (errno == ENOSYS || errno == EINVAL)) {
      // A file system without RENAME_NOREPLACE.
      status = linkat(dir_fd_.get(), temp.c_str(), dir_fd_.get(), name.c_str(), 0);
      if (status == 0) Remove(temp);
    }
    if (status == 0) return true;
    if (errno == EEXIST) {
      Remove(temp);
      return false;
    }
    if (errno != ENOENT || tries > 3) FailErrno("rename", Path(name));
    MakeParent(name, true);
  }
}

void Staging::Remove(const std::string& name) const { unlinkat(dir_fd_.get(), name.c_str(), 0); }

void WriteAll(int fd, iovec* vectors, int count, const std::string& shown) {
  while (count > 0) {
    if (vectors->iov_len == 0) {
      vectors++;
      count--;
      continue;
    }
    ssize_t done = writev(fd, vectors, count);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) FailErrno("write", shown);
    for (size_t left = static_cast<size_t>(done); left > 0;) {
      size_t part = left < vectors->iov_len ? left : vectors->iov_len;
      vectors->iov_base = static_cast<char*>(vectors->iov_base) + part;
      vectors->iov_len -= part;
      left -= part;
      if (vectors->iov_len == 0 && left > 0) {
        vectors++;
        count--;
      }
    }
  }
}

}  // namespace bootc
