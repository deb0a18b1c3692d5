#include "enable-verity.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>

#include <cstring>
#include <ctime>

#include "failure.h"
#include "sha256.h"

namespace bootc {

namespace {

// A process forked from another thread has our descriptors until it runs its program: writers are open for a moment.
constexpr int kBusyTries = 10;
constexpr long kFirstWaitNs = 1000000;

}  // namespace

std::optional<MeasuredVerity> MeasureVerityOf(int fd, const std::string& shown) {
  union {
    fsverity_digest digest;
    uint8_t room[sizeof(fsverity_digest) + 64];
  } arg;
  std::memset(&arg, 0, sizeof arg);
  arg.digest.digest_size = 64;
  if (ioctl(fd, FS_IOC_MEASURE_VERITY, &arg) < 0) {
    if (errno == ENODATA) return std::nullopt;
    FailErrno("ioctl(FS_IOC_MEASURE_VERITY)", shown);
  }
  const uint8_t* digest = arg.room + sizeof(fsverity_digest);
  return MeasuredVerity{arg.digest.digest_algorithm, {digest, digest + arg.digest.digest_size}};
}

Fd ReopenForReading(int fd, const std::string& shown) {
  Fd reader(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader.valid()) FailErrno("open", shown);
  return reader;
}

void EnableVerity(int fd, int algorithm, const std::string& digest, const std::string& shown) {
  fsverity_enable_arg arg;
  std::memset(&arg, 0, sizeof arg);
  arg.version = 1;
  arg.hash_algorithm = static_cast<uint32_t>(algorithm);
  arg.block_size = 4096;
  for (int tries = 0; ioctl(fd, FS_IOC_ENABLE_VERITY, &arg) < 0; tries++) {
    if (errno == EINTR) continue;
    if (errno != ETXTBSY || tries >= kBusyTries) FailErrno("ioctl(FS_IOC_ENABLE_VERITY)", shown);
    timespec wait{0, kFirstWaitNs << tries};
    if (wait.tv_nsec > 500000000) wait.tv_nsec = 500000000;
    nanosleep(&wait, nullptr);
  }
  const auto verity = MeasureVerityOf(fd, shown);
  const std::string measured = verity ? Hex(verity->digest.data(), verity->digest.size()) : "nothing";
  if (measured != digest) FailCode("CORRUPT", shown + ": the kernel measures " + measured + ", not " + digest);
}

}  // namespace bootc
