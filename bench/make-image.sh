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
pack() { # NAME ARGS…
    local name=$1
    shift
    (cd "$root" && tar --sort=name --mtime=@1700000000 --numeric-owner --xattrs --xattrs-include=security.capability \
        --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$work/$name.tar" "$@")
}
mapfile -t top < <(ls -A "$root")
pack base --anchored --exclude=usr/lib/modules --exclude='usr/lib/python3*' -- "${top[@]}"
pack kernel usr/lib/modules
mapfile -t python < <(cd "$root" && ls -d usr/lib/python3*)
pack python -- "${python[@]}"
for v in 1 2; do
    mkdir -p "$work/app$v/usr/share/app"
    for n in $(seq 200); do echo "version $v file $n" >"$work/app$v/usr/share/app/file-$n"; done
    (cd "$work/app$v" && tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -cf "$work/app$v.tar" usr)
done
blob() { # FILE MEDIATYPE
    local digest size
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$blobs/$digest"
    jq -nc --arg m "$2" --arg d "sha256:$digest" --argjson s "$size" '{mediaType:$m,digest:$d,size:$s}'
}
declare -A diff gz zst
for name in base kernel python app1 app2; do
    diff[$name]=sha256:$(sha256sum "$work/$name.tar" | cut -d' ' -f1)
    zstd -q -f -3 -T2 "$work/$name.tar" -o "$work/$name.zst"
    gzip -n -6 -c "$work/$name.tar" >"$work/$name.gz"
    rm "$work/$name.tar"
    zst[$name]=$(blob "$work/$name.zst" application/vnd.oci.image.layer.v1.tar+zstd)
    gz[$name]=$(blob "$work/$name.gz" application/vnd.oci.image.layer.v1.tar+gzip)
done
image() { # TAG KIND LAYER…
    local tag=$1 kind=$2 layers='[]' diffs='[]' name config
    shift 2
    for name in "$@"; do
        if [[ $kind == zstd ]]; then layers=$(jq -c --argjson l "${zst[$name]}" '.+[$l]' <<<"$layers"); else layers=$(jq -c --argjson l "${gz[$name]}" '.+[$l]' <<<"$layers"); fi
        diffs=$(jq -c --arg d "${diff[$name]}" '.+[$d]' <<<"$diffs")
    done
    jq -nc --arg t "$tag" --argjson d "$diffs" '{architecture:"amd64",os:"linux",created:"2023-11-14T22:13:20Z",
        config:{Labels:{"containers.bootc":"1","ostree.bootable":"1","org.opencontainers.image.version":$t}},
        rootfs:{type:"layers",diff_ids:$d},history:($d|map({created:"2023-11-14T22:13:20Z"}))}' >"$work/config"
    config=$(blob "$work/config" application/vnd.oci.image.config.v1+json)
    jq -nc --argjson c "$config" --argjson l "$layers" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",config:$c,layers:$l}' >"$work/manifest"
    blob "$work/manifest" application/vnd.oci.image.manifest.v1+json |
        jq -c --arg t "$tag" '.+{annotations:{"org.opencontainers.image.ref.name":$t}}'
}
{
    image zstd zstd base kernel python app1
    image gzip gzip base kernel python app1
    image zstd-v2 zstd base kernel python app2
} | jq -sc '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:.}' >"$out/index.json"
mv "$out/index.json" "$out/oci/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$out/oci/oci-layout"
rm -rf "$work"
du -sh "$out/oci"
