#!/bin/bash
# Build a bootable Debian 13 image that updates and heals itself, as an OCI layout.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<USAGE
Usage: ${0##*/} [options] OUTDIR

Builds OUTDIR/oci (an OCI image layout). Needs root, mmdebstrap, jq and the command built (npm run setup).

  --tag NAME            in the layout, and the image's version (default latest)
  --layer DIR           add this tree as a layer; may be repeated
  --extra PKG,PKG       more Debian packages
  --initramfs NAME      what makes it: dracut (default) or initramfs-tools
  --suite NAME          Debian suite (default trixie)
  --composefs VALUE     [composefs] enabled= in prepare-root.conf, for the OSTree store (default maybe)
  --enable-auto-update  fetch and apply updates by a timer
  --rebuild             bootstrap again even if OUTDIR/rootfs exists
  --help
USAGE
}

suite=trixie composefs=maybe extra='' initramfs=dracut rebuild=no tag=latest out=''
added=() tree_options=()
while (($#)); do
    case $1 in
        --tag) tag=$2; shift 2 ;;
        --layer) added+=("$(realpath "$2")"); shift 2 ;;
        --extra) extra=,$2; shift 2 ;;
        --initramfs) initramfs=$2; shift 2 ;;
        --suite) suite=$2; shift 2 ;;
        --composefs) composefs=$2; shift 2 ;;
        --enable-auto-update) tree_options+=("$1"); shift ;;
        --rebuild) rebuild=yes; shift ;;
        --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) out=$1; shift ;;
    esac
done
[[ -n $out && -n ${initramfs_packages[$initramfs]-} ]] || { usage >&2; exit 2; }

begin_image "$out" "$suite" "${initramfs_packages[$initramfs]}$extra" "$rebuild" "$composefs" --initramfs "$initramfs" \
    "${tree_options[@]}"
pack_base "$layers" "$out/rootfs" "$stage" "$kver" "$initramfs"
names=(base kernel image sdk)
for ((n = 0; n < ${#added[@]}; n++)); do
    cp -r --no-preserve=ownership "${added[n]}" "$stage/added-$n"
    pack_tree "$layers" "added-$n" "$stage/added-$n"
    names+=("added-$n")
done
begin_layout "$out/oci"
image "$out/oci" "$layers" "$kver" "$tag" "${names[@]}" | end_layout "$out/oci"
rm -rf "$stage"
echo "$out/oci:$tag"
