#!/bin/bash
# Runs inside mmdebstrap, after the packages are installed: hook.sh ROOT
# Kernel and signed boot loaders are only unpacked: no maintainer scripts, no /boot, no generated initramfs.
set -euo pipefail
root=$1
chroot "$root" sh -euc '
    cd /tmp
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/^ *Depends: \(linux-image-[0-9].*\)/\1/p" | head -n1)
    # Newer suites keep the files in packages of their own.
    parts=$(apt-cache depends "$kernel" | sed -n "s/^ *Depends: \(linux-\(base\|binary\|modules\)-[0-9].*\)/\1/p")
    apt-get -q download "$kernel" $parts grub-efi-amd64-signed shim-signed shim-helpers-amd64-signed >/dev/null
    for deb in linux-*.deb; do dpkg-deb -x "$deb" kernel; done
    for deb in grub-*.deb shim-*.deb; do dpkg-deb -x "$deb" loaders; done
    rm ./*.deb'
kver=$(ls "$root/tmp/kernel/usr/lib/modules")
mkdir -p "$root/usr/lib/modules" "$root/usr/lib/grub"
mv "$root/tmp/kernel/usr/lib/modules/$kver" "$root/usr/lib/modules/"
if [[ ! -e $root/usr/lib/modules/$kver/vmlinuz ]]; then
    mv "$root/tmp/kernel/boot/vmlinuz-$kver" "$root/usr/lib/modules/$kver/vmlinuz"
fi
# Where Debian has them. The images for removable media and network are not for installed systems.
mv "$root/tmp/loaders/usr/lib/grub/x86_64-efi-signed" "$root/usr/lib/grub/"
rm -f "$root"/usr/lib/grub/x86_64-efi-signed/{gcd,grubnet}x64*
mv "$root/tmp/loaders/usr/lib/shim" "$root/usr/lib/"
rm -rf "$root/tmp/kernel" "$root/tmp/loaders"
chroot "$root" depmod "$kver"
