#!/bin/bash
# dracut module "bootc-sdk": boot a composefs deployment (docs/composefs-boot.md).
# shellcheck disable=SC2154  # variables of dracut

# Only where it is asked for: add_dracutmodules+=" bootc-sdk ".
check() { return 255; }

depends() { echo systemd; }

installkernel() {
    # Loop devices where the kernel cannot mount EROFS from a file; the hashes of fs-verity where they are modules.
    hostonly='' instmods erofs overlay loop sha256_generic sha512_generic
    hostonly='' instmods -o sha256-ssse3 sha512-ssse3 sha256-arm64 sha512-arm64 sha512-ce
}

install() {
    # dracut does not look at what this function returns, and a root that silently stays unmounted at the next boot is
    # worse than no initramfs.
    if dracut_module_included bootc; then
        dfatal "The dracut modules bootc and bootc-sdk do the same; name one of them"
        exit 1
    fi
    if ! find_binary fsverity >/dev/null; then
        dfatal "The dracut module bootc-sdk needs the command fsverity (package fsverity or fsverity-utils)"
        exit 1
    fi
    local helpers=/usr/lib/bootc-sdk/initramfs unit=bootc-sdk-root.service
    inst_multiple sh cat chmod fsverity ln mkdir mount mountpoint readlink rmdir tr umount
    inst_script "$moddir/setup-root.sh" "$helpers/setup-root.sh"
    inst_simple "$moddir/parse.sh" "$helpers/parse.sh"
    inst_simple "$moddir/$unit" "$systemdsystemunitdir/$unit"
    mkdir -p "$initdir$systemdsystemunitdir/initrd-root-fs.target.wants"
    ln_r "$systemdsystemunitdir/$unit" "$systemdsystemunitdir/initrd-root-fs.target.wants/$unit"
    # Settings of the image; the program does not look into an image that it has not checked.
    if [[ -e ${dracutsysrootdir-}/usr/lib/composefs/setup-root-conf.toml ]]; then
        inst_simple /usr/lib/composefs/setup-root-conf.toml
    fi
}
