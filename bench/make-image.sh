#!/bin/bash
# The measuring image: a Debian system of about 1.2 GB and 41,000 entries in four layers (three large, one
# small), as an OCI layout with the tags zstd, gzip and zstd-v2 (zstd with another small layer).
set -euo pipefail
out=${1:?usage: make-image.sh OUTDIR (needs root, mmdebstrap, jq, zstd)}
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [[ -e $out/oci/index.json ]]; then exit 0; fi
root=$out/rootfs
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -E '/debian/?$' | head -n1)
if [[ ! -e $out/.bootstrapped ]]; then
    rm -rf "$root"
    mmdebstrap --quiet --variant=standard \
        --include=linux-image-amd64,gcc,g++,git,vim,python3-numpy,python3-scipy,systemd,systemd-sysv,ostree,ostree-boot,dracut-core,openssh-server,podman,cloud-init,network-manager,cmake,gdb,ruby \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "${SUITE:-trixie}" "$root" "$mirror"
    kver=$(ls "$root/usr/lib/modules")
    cp "$root/boot/vmlinuz-$kver" "$root/usr/lib/modules/$kver/vmlinuz"
    cp "$root/boot/initrd.img-$kver" "$root/usr/lib/modules/$kver/initramfs.img"
    for dir in var run tmp dev boot proc sys mnt srv home root; do
        find "$root/$dir" -xdev -mindepth 1 -delete
    done
    rm -f "$root"/{vmlinuz,initrd.img}{,.old}
    mkdir -p "$root/sysroot" "$root/usr/lib/ostree"
    ln -sfn sysroot/ostree "$root/ostree"
    printf '[composefs]\nenabled = maybe\n' >"$root/usr/lib/ostree/prepare-root.conf"
    touch "$out/.bootstrapped"
fi
echo "$(find "$root" -xdev | wc -l) entries, $(du -sm --apparent-size "$root" | cut -f1) MB"
work=$out/layers blobs=$out/oci/blobs/sha256
rm -rf "$work" "$out/oci"
mkdir -p "$work" "$blobs"
# shellcheck source=bench/layout.sh
. "$(dirname "$0")/layout.sh"
mapfile -t top < <(ls -A "$root")
pack "$root" "$work/base.tar" --anchored --exclude=usr/lib/modules --exclude='usr/lib/python3*' -- "${top[@]}"
pack "$root" "$work/kernel.tar" usr/lib/modules
mapfile -t python < <(cd "$root" && ls -d usr/lib/python3*)
pack "$root" "$work/python.tar" -- "${python[@]}"
for v in 1 2; do
    mkdir -p "$work/app$v/usr/share/app"
    for n in $(seq 200); do echo "version $v file $n" >"$work/app$v/usr/share/app/file-$n"; done
    (cd "$work/app$v" && tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -cf "$work/app$v.tar" usr)
done
# shellcheck disable=SC2034 # read by name
declare -A diff gz zst
for name in base kernel python app1 app2; do
    diff[$name]=sha256:$(sha256sum "$work/$name.tar" | cut -d' ' -f1)
    zstd -q -f -3 -T2 "$work/$name.tar" -o "$work/$name.zst"
    gzip -n -6 -c "$work/$name.tar" >"$work/$name.gz"
    rm "$work/$name.tar"
    zst[$name]=$(blob "$work/$name.zst" application/vnd.oci.image.layer.v1.tar+zstd)
    gz[$name]=$(blob "$work/$name.gz" application/vnd.oci.image.layer.v1.tar+gzip)
done
layers() { # TAG LAYERS-BY-NAME NAME…
    local tag=$1 layers='[]' diffs='[]' name
    local -n descriptors=$2
    shift 2
    for name in "$@"; do
        layers=$(jq -c --argjson l "${descriptors[$name]}" '.+[$l]' <<<"$layers")
        diffs=$(jq -c --arg d "${diff[$name]}" '.+[$d]' <<<"$diffs")
    done
    image "$tag" "$layers" "$diffs"
}
{
    layers zstd zst base kernel python app1
    layers gzip gz base kernel python app1
    layers zstd-v2 zst base kernel python app2
} | index "$out/oci"
rm -rf "$work"
du -sh "$out/oci"
