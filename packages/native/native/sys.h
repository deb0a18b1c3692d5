// System calls of `NativeSys`, in three groups.
#pragma once
#include <napi.h>

#include <string>

namespace bootc {
void DefineSysFile(Napi::Object exports);   // names: openat2, renameat2, linkat, mknodat, modes, owners, times
void DefineSysXattr(Napi::Object exports);  // extended attributes
void DefineSysFs(Napi::Object exports);     // whole files and file systems: clone, verity, flags, locks, sync

/// chmod without following a final symbolic link, on kernels before fchmodat2 as well. Returns 0 or -1 with errno.
int ChmodNoFollow(int dirfd, const char* path, unsigned mode);
}  // namespace bootc
