#!/bin/bash
# The measuring image with everything in one layer, and again with one file of a hundred changed: an OCI layout with the
# tags v1 and v2. make-image.sh was run before.
set -euo pipefail
out=${1:?usage: make-update.sh OUTDIR (needs root, jq, zstd)}
out=$(cd "$out" && pwd)
layout=$out/update
if [[ -e $layout/index.json ]]; then exit 0; fi
work=$out/update.work blobs=$layout/blobs/sha256
rm -rf "$layout" "$work"
mkdir -p "$work" "$blobs"
cp -a --reflink=auto "$out/rootfs" "$work/v2"
# In the middle and at the end, as a new build differs.
(cd "$work/v2" && find . -xdev -type f -size +64c -links 1 | LC_ALL=C sort | awk 'NR % 100 == 50' >"$work/changed")
while IFS= read -r file; do
    middle=$(($(stat -c %s "$work/v2/$file") / 2))
    printf 'another build' | dd of="$work/v2/$file" bs=1 seek="$middle" conv=notrunc status=none
    printf 'the end\n' >>"$work/v2/$file"
done <"$work/changed"
echo "$(wc -l <"$work/changed") files changed"

blob() { # FILE MEDIATYPE
    local digest size
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$blobs/$digest"
    jq -nc --arg m "$2" --arg d "sha256:$digest" --argjson s "$size" '{mediaType:$m,digest:$d,size:$s}'
}
image() { # TAG ROOT
    local diff layer config
    tar -C "$2" --sort=name --mtime=@1700000000 --numeric-owner --xattrs --xattrs-include=security.capability \
        --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$work/layer.tar" .
    diff=sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
    zstd -q -f -3 -T2 "$work/layer.tar" -o "$work/layer.zst"
    layer=$(blob "$work/layer.zst" application/vnd.oci.image.layer.v1.tar+zstd)
    jq -nc --arg t "$1" --arg d "$diff" '{architecture:"amd64",os:"linux",created:"2023-11-14T22:13:20Z",
        config:{Labels:{"containers.bootc":"1","ostree.bootable":"1","org.opencontainers.image.version":$t}},
        rootfs:{type:"layers",diff_ids:[$d]},history:[{created:"2023-11-14T22:13:20Z"}]}' >"$work/config"
    config=$(blob "$work/config" application/vnd.oci.image.config.v1+json)
    jq -nc --argjson c "$config" --argjson l "$layer" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",config:$c,layers:[$l]}' >"$work/manifest"
    blob "$work/manifest" application/vnd.oci.image.manifest.v1+json |
        jq -c --arg t "$1" '.+{annotations:{"org.opencontainers.image.ref.name":$t}}'
}
{
    image v1 "$out/rootfs"
    image v2 "$work/v2"
} | jq -sc '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:.}' >"$work/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
mv "$work/index.json" "$layout/index.json"
rm -rf "$work"
