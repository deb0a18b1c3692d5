#!/bin/bash
# dracut module "bootc-sdk-emergency": with rd.emergency=reboot on the kernel command line the initramfs restarts the
# machine where it would wait for a person. dracut's own shell knows that argument, but minimal initramfs images have
# systemd's emergency mode only, which does not.
# shellcheck disable=SC2154  # variables of dracut

check() {
    require_binaries systemctl || return 1
    return 0
}

depends() { echo systemd; }

install() {
    local unit=bootc-sdk-initrd-emergency.service
    inst_multiple sh sleep systemctl
    inst_script "$moddir/emergency.sh" /usr/lib/bootc-sdk/initramfs/emergency.sh
    inst_simple "$moddir/$unit" "$systemdsystemunitdir/$unit"
    mkdir -p "$initdir$systemdsystemunitdir/emergency.target.wants"
    ln_r "$systemdsystemunitdir/$unit" "$systemdsystemunitdir/emergency.target.wants/$unit"
}
