#!/bin/sh
# Mount the composefs image that the kernel command line names in the place of /sysroot, for systemd (or whatever the
# initramfs has) to switch to; in a running system, at the place from which systemd restarts user space.
#
#   composefs=HEX    fs-verity is required: of the image, whose digest HEX is, and of every object behind it
#   composefs=?HEX   fs-verity may be missing, unless the repository itself demands it
#
# Layout of the disk and the result are those of bootc's own initramfs program: the root is an overlay with the source
# "composefs:HEX", /etc and /var come from state/deploy/HEX, the physical root is at /sysroot, read-only.
# Nothing but sh, mount and fsverity is used, also those of busybox, and kernel features up to 6.7.
#
#   --sysroot DIR      where the initramfs has mounted the disk (default /sysroot)
#   --next-root DIR    the system is running: leave /sysroot as it is, and put the root at DIR (/run/nextroot)
#   --arguments TEXT   read this instead of the kernel command line
#   --config FILE      settings (default /usr/lib/composefs/setup-root-conf.toml)
#   --run DIR, --cmdline FILE   for tests
set -eu
export LC_ALL=C

sysroot=/sysroot run=/run/bootc-sdk-root
cmdline_file=/proc/cmdline config=/usr/lib/composefs/setup-root-conf.toml
arguments='' next=''
while [ "$#" -gt 1 ]; do
    case $1 in
        --sysroot) sysroot=$2 ;;
        --run) run=$2 ;;
        --cmdline) cmdline_file=$2 ;;
        --config) config=$2 ;;
        --next-root) next=$2 ;;
        --arguments) arguments=$2 ;;
    esac
    shift 2
done
# shellcheck source=parse.sh
. "${0%/*}/parse.sh"

refuse() { # WHAT WHAT-TO-DO
    printf 'bootc-sdk: cannot boot this composefs image: %s\n' "$1" >&2
    printf 'bootc-sdk: %s\n' "$2" >&2
    exit 1
}
note() { printf 'bootc-sdk: %s\n' "$1" >&2; }

# Another entry of the boot menu is what nearly always helps.
other_entry="choose another entry in the boot menu, or boot an installation medium and repair the disk"
edit_entry="correct it in the boot menu (key e)"
if [ -n "$next" ]; then
    other_entry="restart the machine instead"
    edit_entry=$other_entry
fi

# --- what is asked for ---
cmdline=$arguments
[ -n "$cmdline" ] || cmdline=$(cat "$cmdline_file")
found=$(candidates "$cmdline") || {
    # The subshell's variables are gone: parse again for the word and the reason.
    candidates "$cmdline" >/dev/null || :
    refuse "the kernel argument $word $problem" "$edit_entry"
}
[ -n "$found" ] || refuse "no composefs= argument on the kernel command line" "add it in the boot menu (key e)"
if [ -e "$config" ]; then
    read_config "$config" || refuse "$config: $problem" "correct the file in the image and build its initramfs again"
else
    read_config /dev/null
fi
mount_kinds "$cmdline" || refuse "$config: $problem" "correct the file in the image and build its initramfs again"

# --- the image ---
store=$sysroot/composefs id=
# Only what is linked in images/ may be mounted, and such a link names the object of its own digest: anything else could
# lead the kernel's file system parser to bytes that nobody vouched for.
while read -r demand id; do
    link=$store/images/$id
    if [ -L "$link" ]; then break; fi
    [ ! -e "$link" ] || refuse "images/$id is not a symbolic link" "$other_entry"
    missing=$id id=
done <<END
$found
END
[ -n "$id" ] || refuse "there is no image $missing on this disk ($store/images)" "$other_entry"
object=objects/${id%"${id#??}"}/${id#??}
[ "$(readlink "$link")" = "../$object" ] ||
    refuse "images/$id leads to $(readlink "$link") instead of ../$object" "$other_entry"
image=$store/$object
if [ ! -f "$image" ] || [ -L "$image" ]; then refuse "the file of the image, $object, is missing" "$other_entry"; fi
state=$sysroot/state/deploy/$id
[ -d "$state" ] || refuse "there is no state for the image, $state" "$other_entry"

# --- fs-verity ---
command -v fsverity >/dev/null ||
    refuse "fsverity is not in this initramfs" "install fsverity (fsverity-utils) in the image and build its initramfs again"
measure() { # FILE: "ALGORITHM:HEX" in $measured, or why not in $reason
    if measured=$(fsverity measure "$1" 2>&1); then
        measured=${measured%% *}
        return 0
    fi
    reason=${measured##*: } measured=
    return 1
}
# A repository is secure when its meta.json has fs-verity; then "?" does not switch it off. Otherwise who can write one
# byte of a boot entry could replace any file.
secure=no
if measure "$store/meta.json"; then secure=yes; fi
if [ "$demand $secure" = "optional yes" ]; then
    note "the repository demands fs-verity: the ? of the kernel argument counts for nothing"
    demand=required
fi
case ${#id} in 64) expected=sha256:$id ;; *) expected=sha512:$id ;; esac
verity=
if measure "$image"; then
    [ "$measured" = "$expected" ] ||
        refuse "its file has the fs-verity digest $measured, not $expected: it was replaced" "$other_entry"
    # Blocks are checked when they are read. Read now what will be needed anyway, for an error that can be understood.
    cat "$image" >/dev/null 2>&1 || refuse "its file $object is damaged: the kernel refuses to read it" "$other_entry"
elif [ "$demand" = required ]; then
    case $secure:$reason in
        yes:*) refuse "fs-verity is required, but its file has none: it was replaced" "$other_entry" ;;
        'no:No data available')
            refuse "fs-verity is required, but not enabled in the repository" \
                "boot with composefs=?$id once and run bootc-sdk composefs verity enable --repo /sysroot/composefs"
            ;;
        *)
            refuse "fs-verity is required, but the file system of $sysroot or the kernel has none ($reason)" \
                "on ext4 run tune2fs -O verity on the device and enable it for the repository, or boot with composefs=?$id"
            ;;
    esac
fi
# In a repository that does not demand it single objects may lack verity, whatever the image has.
if [ "$demand" = required ]; then verity=,verity=require; fi

# --- mounts ---
mkdir -p "$run" && chmod 0700 "$run"
undo() { # -l takes what is mounted below along
    for at in "$run"/*; do umount -l "$at" 2>/dev/null || :; done
    [ -z "$next" ] || umount -l "$run" 2>/dev/null || :
    rmdir "$run"/* "$run" 2>/dev/null || :
}
trap undo 0
# A mount cannot be moved out of a shared one. systemd itself makes all private when it switches root, but in a running
# system what others see must stay shared: there only the place where the pieces are put together is not.
if [ -z "$next" ]; then
    mount --make-rprivate /
else
    mount --bind "$run" "$run"
    mount --make-private "$run"
fi
attempt() { # WHAT COMMAND...: run, and refuse with its error
    what=$1
    shift
    error=$("$@" 2>&1) || refuse "$what: $error" "$other_entry"
}
transient() { # LOWER SOURCE TARGET: an overlay that forgets; its directories live in memory
    mkdir -p "$run/memory"
    attempt "memory for $3" mount -t tmpfs -o mode=0700 tmpfs "$run/memory"
    mkdir -m 0755 "$run/memory/upper"
    mkdir -m 0700 "$run/memory/work"
    attempt "transient overlay for $3" mount -t overlay \
        -o "lowerdir=$1,upperdir=$run/memory/upper,workdir=$run/memory/work" "$2" "$3"
    umount -l "$run/memory"
}

mkdir -p "$run/erofs" "$run/physical" "$run/root"
disk=$sysroot
if [ -n "$next" ]; then
    # The kernel keeps the image's file open. By way of /sysroot that would keep systemd from unmounting it.
    mkdir -p "$run/disk"
    attempt "the disk" mount --bind "$sysroot" "$run/disk"
    # There it is read-only for everybody, and /etc and /var are not.
    attempt "the disk, writable" mount -o remount,bind,rw "$run/disk"
    disk=$run/disk
fi
attempt "mounting the EROFS image" mount -t erofs -o ro "$disk/composefs/$object" "$run/erofs"
attempt "mounting the overlay" mount -t overlay \
    -o "ro,lowerdir=$run/erofs::$disk/composefs/objects,metacopy=on,redirect_dir=on$verity" "composefs:$id" "$run/root"
umount -l "$run/erofs"
root=$run/root
if [ "$root_transient" = true ]; then
    mkdir -p "$run/top"
    transient "$run/root" "transient:composefs=$id" "$run/top"
    umount -l "$run/root"
    root=$run/top
fi

attempt "the physical root" mount --bind "$sysroot" "$run/physical"
attempt "the physical root, read-only" mount -o remount,bind,ro "$run/physical"
mount_state() { # NAME KIND
    [ "$2" != none ] || return 0
    [ -d "$root/$1" ] || refuse "the image has no directory /$1" "$other_entry"
    case $2 in
        transient)
            transient "$root/$1" transient "$root/$1"
            return 0
            ;;
    esac
    # var is a link to what all deployments share. It must not lead out of the disk.
    source=$(readlink -f "$disk/state/deploy/$id/$1") || source=
    case $source in "$disk"/*) ;; *) source= ;; esac
    [ -d "$source" ] || refuse "there is no $state/$1" "$other_entry"
    case $2 in
        bind) attempt "/$1" mount --bind "$source" "$root/$1" ;;
        overlay)
            [ -d "$source/upper" ] || mkdir -m 0755 "$source/upper"
            [ -d "$source/work" ] || mkdir -m 0700 "$source/work"
            attempt "overlay for /$1" mount -t overlay \
                -o "lowerdir=$root/$1,upperdir=$source/upper,workdir=$source/work" overlay "$root/$1"
            ;;
    esac
}
mount_state etc "$etc_kind"
# A /var of its own is systemd's to mount, as ostree leaves it: it takes what is mounted already for what fstab means.
if [ "$var_kind" = bind ] && [ ! -L "$root/etc/fstab" ] && fstab_mounts "$root/etc/fstab" /var; then
    var_kind=none
    note "/var is in fstab"
fi
mount_state var "$var_kind"
if [ -d "$root/sysroot" ]; then
    attempt "the physical root at /sysroot" mount --move "$run/physical" "$root/sysroot"
else
    umount "$run/physical"
fi

# udev made this link because firmware and boot loader say that the machine started from this disk. systemd then looks
# for the disk's other partitions, which it finds for a root that is an overlay only when told here; bootc does the same.
# https://github.com/systemd/systemd/issues/35017
if [ -z "$next" ] && [ -b /dev/gpt-auto-root ] && [ ! -L /run/systemd/volatile-root ]; then
    mkdir -p /run/systemd
    ln -s "/dev/block/$(mountpoint -x /dev/gpt-auto-root)" /run/systemd/volatile-root
fi

if [ -n "$next" ]; then
    # Clones of shared mounts are shared with them: what is mounted in one system must not show up in the other.
    mount --make-rprivate "$root"
    mkdir -p "$next"
    attempt "the next root" mount --move "$root" "$next"
    note "next root is composefs:$id, fs-verity ${demand}"
    exit 0
fi
umount -l "$sysroot"
mount --move "$root" "$sysroot"
note "root is composefs:$id, fs-verity ${demand}"
