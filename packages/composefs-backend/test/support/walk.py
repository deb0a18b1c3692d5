"""Print a JSON line for each entry of a tree: what lstat, readlink, getxattr and read say. Bytes are latin1."""
import hashlib
import json
import os
import stat
import sys


def text(value):
    return os.fsencode(value).decode("latin1")


def walk(path, name):
    st = os.lstat(path)
    entry = {
        "path": text(name),
        "mode": st.st_mode,
        "uid": st.st_uid,
        "gid": st.st_gid,
        "mtimeNs": str(st.st_mtime_ns),
        "nlink": st.st_nlink,
        "ino": f"{st.st_dev}:{st.st_ino}",
        "xattrs": {
            text(key): os.getxattr(path, key, follow_symlinks=False).decode("latin1")
            for key in sorted(os.listxattr(path, follow_symlinks=False))
        },
    }
    if stat.S_ISREG(st.st_mode):
        entry["size"] = st.st_size
        with open(path, "rb") as file:
            entry["sha256"] = hashlib.sha256(file.read()).hexdigest()
    elif stat.S_ISLNK(st.st_mode):
        entry["target"] = text(os.readlink(path))
        entry["size"] = st.st_size
    elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        entry["rdev"] = f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"
    print(json.dumps(entry))
    if stat.S_ISDIR(st.st_mode):
        for child in sorted(os.listdir(path)):
            walk(path + b"/" + child, name + b"/" + child)


walk(os.fsencode(sys.argv[1]), b"")
