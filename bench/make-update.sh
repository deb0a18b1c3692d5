#!/bin/bash
# The measuring image with everything in one layer, and again with one file of a hundred changed: an OCI layout with the
# tags v1 and v2. make-image.sh was run before. With `chunked` the same images as zstd:chunked, in a layout of their own, by
# skopeo 1.13 or newer (SKOPEO).
set -euo pipefail
out=${1:?usage: make-update.sh OUTDIR [chunked] (needs root, jq, zstd)}
out=$(cd "$out" && pwd)
layout=$out/update
if [[ ${2:-} == chunked ]]; then
    "$0" "$out"
    made=$out/update-chunked
    if [[ -e $made.done ]]; then exit 0; fi
    rm -rf "$made"
    read -ra skopeo <<<"${SKOPEO:-skopeo}"
    for tag in v1 v2; do
        # What is compressed already stays as it is.
        plain=$out/plain.work
        rm -rf "$plain"
        "${skopeo[@]}" --insecure-policy copy -q --dest-decompress "oci:$layout:$tag" "dir:$plain"
        "${skopeo[@]}" --insecure-policy copy -q --dest-compress-format zstd:chunked "dir:$plain" "oci:$made:$tag"
        rm -rf "$plain"
    done
    touch "$made.done"
    exit 0
fi
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

# shellcheck source=bench/layout.sh
. "$(dirname "$0")/layout.sh"
only() { # TAG ROOT: an image of one layer
    local diff layer
    pack "$2" "$work/layer.tar" .
    diff=sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
    zstd -q -f -3 -T2 "$work/layer.tar" -o "$work/layer.zst"
    layer=$(blob "$work/layer.zst" application/vnd.oci.image.layer.v1.tar+zstd)
    image "$1" "[$layer]" "[\"$diff\"]"
}
{
    only v1 "$out/rootfs"
    only v2 "$work/v2"
} | index "$layout"
rm -rf "$work"
