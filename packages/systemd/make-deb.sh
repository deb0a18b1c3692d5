#!/bin/bash
# A Debian package of what make-tree.sh writes: the same input gives the same bytes.
set -euo pipefail

usage() {
    cat <<USAGE
Usage: ${0##*/} OUTDIR [OPTION of make-tree.sh]...

Writes OUTDIR/bootc-sdk_VERSION_ARCH.deb and prints its path. ARCH is this machine's when the addon is built, else "all".
Needs dpkg-deb, and the command built (npm run setup).
USAGE
}

case ${1:-} in
    --help) usage; exit 0 ;;
    '' | -*) usage >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

"$here/make-tree.sh" "$@" "$tree"
mkdir -p "$tree/usr/share/doc/bootc-sdk" "$tree/DEBIAN"
mv "$tree/usr/lib/bootc-sdk/LICENSE" "$tree/usr/share/doc/bootc-sdk/copyright"
version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$here/../cli/package.json")
arch=all
if [[ -e $tree/usr/lib/bootc-sdk/node_modules/@bootc-sdk/native/build ]]; then arch=$(dpkg --print-architecture); fi
# libc6: the addon is built on this machine, and newer symbols than the image has would keep it from loading; the
# command then goes on without it.
cat >"$tree/DEBIAN/control" <<END
Package: bootc-sdk
Version: $version
Architecture: $arch
Maintainer: bootc-sdk <bootc-sdk@localhost>
Section: admin
Priority: optional
Depends: nodejs (>= 20), systemd
Recommends: dracut-core | initramfs-tools-core, fsverity
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f1)
Description: updates of image-based systems
 The command bootc-sdk, which installs, updates and rolls back systems that
 are built as container images, with the systemd units, the generator, the
 initramfs modules and the settings that an image needs. Nothing is enabled
 that changes a system by itself, except the health check of each boot.
END
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
deb=$out/bootc-sdk_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$deb" >/dev/null
echo "$deb"
