# Functions that build a bootable Debian image as an OCI layout without a container engine: bootstrap, initramfs,
# reproducible layers, manifests. Sourced by build.sh here and by e2e/make-image.sh, which adds layers of its own.
# shellcheck shell=bash

base_image=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=$(cd "$base_image/../../packages" && pwd)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}

# What both stores, both boot loaders and the command need.
base_packages=systemd,systemd-sysv,udev,kmod,util-linux,e2fsprogs,dosfstools,ostree,ostree-boot
base_packages+=,systemd-resolved,login,passwd,systemd-boot,systemd-boot-efi,grub-common,grub2-common,grub-pc-bin,fsverity,dbus,ca-certificates,zstd,nodejs
# What makes the initramfs.
# shellcheck disable=SC2034 # read by build.sh
declare -A initramfs_packages=([dracut]=dracut-core [initramfs-tools]=initramfs-tools-core)
dracut_modules="systemd systemd-initrd systemd-udevd systemd-journald systemd-modules-load systemd-sysctl"
dracut_modules+=" systemd-tmpfiles systemd-emergency udev-rules fs-lib ostree bootc-sdk bootc-sdk-emergency"
dracut_drivers="virtio_blk virtio_scsi nvme ahci sd_mod vfat nls_ascii nls_cp437 erofs overlay loop ext4 qemu_fw_cfg"

# begin_image OUT SUITE PACKAGES REBUILD COMPOSEFS [OPTION-OF-make-tree...]: root file system and stage of an image;
# sets $out (absolute), $layers, $stage, $kver
begin_image() {
    mkdir -p "$1/layers"
    out=$(realpath "$1") layers=$out/layers stage=$out/stage
    exec 9>"$out/lock" # others may want to build there at the same time
    flock 9
    bootstrap "$out/rootfs" "$2" "$3" "$4"
    kver=$(ls "$out/rootfs/usr/lib/modules")
    rm -rf "$stage"
    stage_base "$stage" "${@:5}"
}

# bootstrap ROOT SUITE PACKAGES REBUILD: the root file system with these packages more, kept while nothing changes
bootstrap() {
    local root=$1 suite=$2 include=$base_packages,$3 rebuild=$4 mirror want
    want="$suite $include $(sha256sum <"$base_image/hook.sh" | cut -c1-16)"
    if [[ $rebuild == no && $(cat "$root/.done" 2>/dev/null) == "$want" ]]; then return; fi
    # The mirror is whatever this machine's apt already uses.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -E '/debian/?$' | head -n1)
    [[ -n $mirror ]] || { echo "no Debian mirror among the apt sources" >&2; return 1; }
    rm -rf --one-file-system "$root"
    mmdebstrap --quiet --variant=minbase --include="$include" \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/grub/*' \
        --customize-hook="'$base_image/hook.sh' \"\$1\"" \
        "$suite" "$root" "$mirror"

    # Image conventions: empty /var /run /tmp /dev /boot, top level links for a read-only root, package database
    # under /usr.
    mkdir -p "$root/usr/lib/sysimage"
    mv "$root/var/lib/dpkg" "$root/usr/lib/sysimage/dpkg"
    local dir
    for dir in var run tmp dev boot proc sys mnt srv home root opt; do
        find "$root/$dir" -xdev -mindepth 1 -delete
    done
    rmdir "$root"/{mnt,srv,home,root,opt}
    ln -s var/mnt "$root/mnt"
    ln -s var/srv "$root/srv"
    ln -s var/home "$root/home"
    ln -s var/opt "$root/opt"
    ln -s var/roothome "$root/root"
    rm -f "$root"/etc/{resolv.conf,fstab,.pwd.lock} "$root"/etc/*-
    : >"$root/etc/machine-id"
    echo "$want" >"$root/.done"
}

# stage_base STAGE COMPOSEFS [OPTION-OF-make-tree...]: the trees STAGE/image (what makes Debian an image) and STAGE/sdk
stage_base() {
    local stage=$1 composefs=$2
    shift 2
    mkdir -p "$stage/image/usr/lib/ostree" "$stage/image/sysroot" "$stage/image/efi"
    cp -r --no-preserve=ownership "$base_image/rootfs/." "$stage/image/"
    printf '[composefs]\nenabled = %s\n[sysroot]\nreadonly = true\n' "$composefs" \
        >"$stage/image/usr/lib/ostree/prepare-root.conf"
    ln -s sysroot/ostree "$stage/image/ostree"
    "$packages/systemd/make-tree.sh" "$@" "$stage/sdk"
}

# contents STAGE NAME...: a hash of names, modes, links and bytes
contents() {
    (
        cd "$1" || exit
        shift
        find "$@" -printf '%p %m %l\n' | sort
        find "$@" -type f -print0 | sort -z | xargs -0 sha256sum
    ) | sha256sum | cut -d' ' -f1
}

# kernel_key ROOT STAGE GENERATOR: a hash of all that an initramfs comes from
kernel_key() {
    local modules
    case $3 in
        dracut) modules=usr/lib/dracut ;;
        *) modules="usr/share/$3 usr/lib/bootc-sdk/initramfs" ;;
    esac
    # shellcheck disable=SC2086 # two paths
    echo "$(base_key "$1")-$(contents "$2/sdk" $modules)-$(contents "$2" image)-$(declare -p dracut_modules dracut_drivers |
        cat - <(declare -f make_initramfs "make_with_$3") | sha256sum | cut -d' ' -f1)"
}

# make_initramfs ROOT STAGE KVER GENERATOR FILE: in a view of the layers, so that the root stays as it was bootstrapped
make_initramfs() {
    local root=$1 stage=$2 kver=$3 generator=$4 file=$5 view=$1.view key
    key=$(kernel_key "$root" "$stage" "$generator")
    if [[ -e $file && $(cat "$root.$generator" 2>/dev/null) == "$key" ]]; then return; fi
    mkdir -p "$view"/{upper,work,root}
    # shellcheck disable=SC2016
    unshare --mount bash -euo pipefail -c '
        stage=$1 root=$2 kver=$3 view=$4 file=$5 make=$6
        mount -t overlay -o "lowerdir=$stage/sdk:$stage/image:$root,upperdir=$view/upper,workdir=$view/work" overlay "$view/root"
        mount -t proc proc "$view/root/proc"
        mount --rbind /dev "$view/root/dev"
        mount --rbind /sys "$view/root/sys"
        mkdir -p "$view/root/var/roothome"
        mount -t tmpfs tmpfs "$view/root/tmp"
        eval "$make"
        cp "$view/root/tmp/initramfs.img" "$file"' \
        _ "$stage" "$root" "$kver" "$view" "$file" "$(
            declare -p dracut_modules dracut_drivers
            declare -f "make_with_$generator"
            echo "make_with_$generator"
        )"
    rm -rf "$view"
    chmod 644 "$file"
    echo "$key" >"$root.$generator"
}

# The initramfs of $kver as /tmp/initramfs.img of the view
make_with_dracut() {
    chroot "$view/root" dracut --force --quiet --no-hostonly --no-hostonly-cmdline --reproducible \
        --no-early-microcode --gzip --tmpdir /tmp --modules "$dracut_modules" --add-drivers "$dracut_drivers" \
        --filesystems "ext4 erofs overlay vfat" /tmp/initramfs.img "$kver" 2>&1 |
        { grep -vE "^Creating (user|group) " || :; }
}
make_with_initramfs-tools() {
    echo 'export BOOTC_SDK=y' >"$view/root/etc/initramfs-tools/conf.d/bootc-sdk"
    TMPDIR=/tmp chroot "$view/root" mkinitramfs -o /tmp/initramfs.img "$kver"
}

# pack LAYERS NAME KEY DIR [tar args]: a reproducible layer, and its hash before compression; kept while KEY is the same
pack() {
    local layers=$1 name=$2 key=$3 dir=$4
    shift 4
    if [[ -n $key && -e $layers/$name.tar.gz && $(cat "$layers/$name.key" 2>/dev/null) == "$key" ]]; then return; fi
    (cd "$dir" && tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime --numeric-owner \
        --xattrs --xattrs-include=security.capability \
        --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
        -cf "$layers/$name.tar" "$@")
    sha256sum "$layers/$name.tar" | cut -d' ' -f1 >"$layers/$name.diffid"
    gzip -nf -6 "$layers/$name.tar"
    echo "$key" >"$layers/$name.key"
}

base_key() { # ROOT
    echo "$(sha256sum <"$1/.done" | cut -d' ' -f1)-$(stat -c %Y "$1/.done")"
}

# pack_base LAYERS ROOT STAGE KVER GENERATOR: the layers base, kernel, image and sdk; makes the initramfs
pack_base() {
    local layers=$1 root=$2 stage=$3 kver=$4 generator=$5 top
    make_initramfs "$root" "$stage" "$kver" "$generator" "$root/usr/lib/modules/$kver/initramfs.img"
    mapfile -t top < <(ls -A "$root")
    pack "$layers" base "$(base_key "$root")" "$root" --anchored --exclude=.done --exclude="usr/lib/modules/*" -- "${top[@]}"
    pack "$layers" kernel "$(kernel_key "$root" "$stage" "$generator")" "$root" -- "usr/lib/modules/$kver"
    pack_tree "$layers" image "$stage/image"
    pack_tree "$layers" sdk "$stage/sdk"
}

# pack_tree LAYERS NAME DIR: a layer of a whole tree, owned by root
pack_tree() {
    local top
    chown -Rh 0:0 "$3"
    chmod -R u=rwX,go=rX "$3"
    mapfile -t top < <(ls -A "$3")
    pack "$1" "$2" "$(contents "$3" .)" "$3" -- "${top[@]}"
}

# blob OCI FILE MEDIATYPE: link into the layout, print its descriptor
blob() {
    local digest size
    digest=$(sha256sum "$2" | cut -d' ' -f1)
    size=$(stat -c %s "$2")
    ln -f "$2" "$1/blobs/sha256/$digest"
    jq -nc --arg m "$3" --arg d "sha256:$digest" --argjson s "$size" '{mediaType:$m,digest:$d,size:$s}'
}

# image OCI LAYERS KVER TAG LAYER...: print the manifest's descriptor
image() {
    local oci=$1 work=$2 kver=$3 tag=$4 name layers='[]' diffs='[]' config created scratch
    shift 4
    created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
    for name in "$@"; do
        layers=$(jq -c --argjson l "$(blob "$oci" "$work/$name.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip)" '.+[$l]' <<<"$layers")
        diffs=$(jq -c --arg d "sha256:$(cat "$work/$name.diffid")" '.+[$d]' <<<"$diffs")
    done
    scratch=$(mktemp -d "$work/image.XXXXXX")
    jq -nc --arg created "$created" --arg v "${tag#v}" --arg kver "$kver" --argjson d "$diffs" \
        --argjson h "$(printf '%s\n' "$@" | jq -R . | jq -sc --arg c "$created" 'map({created:$c,created_by:.})')" '
        {architecture:"amd64",os:"linux",created:$created,
         config:{Cmd:["/sbin/init"],Labels:{"containers.bootc":"1","ostree.bootable":"1","ostree.linux":$kver,
                 "org.opencontainers.image.version":$v}},
         rootfs:{type:"layers",diff_ids:$d},history:$h}' >"$scratch/config"
    config=$(blob "$oci" "$scratch/config" application/vnd.oci.image.config.v1+json)
    jq -nc --argjson c "$config" --argjson l "$layers" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",config:$c,layers:$l}' >"$scratch/manifest"
    blob "$oci" "$scratch/manifest" application/vnd.oci.image.manifest.v1+json |
        jq -c --arg t "$tag" '.+{annotations:{"org.opencontainers.image.ref.name":$t}}'
    rm -r "$scratch"
}

# begin_layout OCI / end_layout OCI: descriptors on stdin
begin_layout() {
    rm -rf "$1"
    mkdir -p "$1/blobs/sha256"
}
end_layout() {
    jq -sc '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:.}' >"$1/index.json.new"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    mv "$1/index.json.new" "$1/index.json"
}
