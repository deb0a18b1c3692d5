"""Make a directory with everything an image can hold. Needs root and a file system with attributes."""
import os
import struct
import sys

root = os.fsencode(sys.argv[1])
os.umask(0)


def at(name):
    return root + b"/" + (name if isinstance(name, bytes) else name.encode())


def write(name, data, mode=0o644):
    with open(at(name), "wb") as file:
        file.write(data)
    os.chmod(at(name), mode)


for directory in ("usr", "usr/bin", "usr/lib", "etc", "dev", "odd", "many", "empty", "attributes"):
    os.mkdir(at(directory), 0o755)
write("usr/bin/tool", b"#!/bin/sh\n" + b"x" * 70000, 0o755)
write("usr/bin/su", bytes(range(256)) * 300, 0o4755)
write("usr/lib/same", b"x" * 5000)
write("usr/lib/same-too", b"x" * 5000, 0o600)
write("etc/empty", b"")
for size in (1, 63, 64, 65, 4095, 4096, 4097, 8192):
    write(f"etc/size-{size}", bytes((i * 7 + size) % 256 for i in range(size)))
os.link(at("usr/bin/tool"), at("usr/bin/alias"))
os.link(at("etc/size-1"), at("usr/lib/linked"))
os.symlink("../usr/bin/tool", at("etc/link"))
os.symlink("t" * 1000, at("etc/long-link"))
os.symlink("/absolute\n", at("etc/odd-link"))
os.link(at("etc/link"), at("etc/link-too"), follow_symlinks=False)
os.mknod(at("dev/null"), 0o20666, os.makedev(1, 3))
os.mknod(at("dev/high"), 0o20600, os.makedev(259, 70000))
os.mknod(at("dev/disk"), 0o60660, os.makedev(8, 1))
os.mkfifo(at("dev/fifo"), 0o600)
os.mknod(at("dev/socket"), 0o140755)
for name in (b" ", b"-", b"...", b"\xff\xfe", b"new\nline", b"back\\slash", "\u00e9\u6f22".encode(), b"n" * 255, b"ab"):
    write(b"odd/" + name, name)
for i in range(700):
    write(f"many/entry-{i:04}", b"%d" % i)
write("ab", b"a file whose name hides objects")
os.mkdir(at("cd"), 0o700)
os.mkdir(at("sticky"), 0o1777)
deep = "deep"
for _ in range(30):
    os.mkdir(at(deep), 0o755)
    deep += "/d"

write("attributes/file", b"inline")
write("attributes/external", b"e" * 300)
os.symlink("x", at("attributes/symlink"))
os.mkdir(at("attributes/directory"))
for name in ("file", "external", "symlink", "directory"):
    path = at("attributes/" + name)
    os.setxattr(path, "security.selinux", b"system_u:object_r:etc_t:s0\0", follow_symlinks=False)
    os.setxattr(path, "trusted.some", b"", follow_symlinks=False)
    os.setxattr(path, "trusted.overlay.origin", b"nested", follow_symlinks=False)
    if name != "symlink":
        os.setxattr(path, "user.bytes", bytes(range(256)))
        os.setxattr(path, "user.overlay.opaque", b"y")
os.setxattr(at("attributes/directory"), "trusted.overlay.opaque", b"y")
os.setxattr(at("usr/bin/su"), "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
acl = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, mode, who)
    for tag, mode, who in ((1, 6, 0xFFFFFFFF), (2, 4, 1000), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF))
)
os.setxattr(at("attributes/file"), "system.posix_acl_access", acl)

os.lchown(at("usr/bin/tool"), 1000, 1001)
os.lchown(at("etc/long-link"), 70000, 4000000000)
os.chmod(at("usr/bin/tool"), 0o755)
for index, name in enumerate(("usr", "etc/size-1", "etc/link", "dev/null", "empty")):
    os.utime(at(name), ns=(0, 1_700_000_000_000_000_000 + index * 1_234_567_891), follow_symlinks=False)
os.utime(at("etc/empty"), ns=(0, -1_500_000_000))
os.utime(at("etc/size-63"), ns=(0, 5_000_000_000 * 10**9))
