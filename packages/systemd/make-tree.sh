#!/bin/bash
# Everything that an image needs to run bootc-sdk, as one directory tree: COPY it, or make a package of it.
set -euo pipefail

usage() {
    cat <<USAGE
Usage: ${0##*/} [--enable-auto-update] [--initramfs GENERATOR] DIR

Writes into DIR (made when missing): the bundled command with the addon, to be run by the image's node (20 or later),
as /usr/bin/bootc-sdk; units, generator, settings; modules for what makes the initramfs. Needs the command built
(npm run setup).

  --initramfs GENERATOR   dracut, initramfs-tools or mkinitcpio; may be repeated. Default: those that are in DIR, and
                          when there are none, all
USAGE
}

options=() out='' generators=()
while (($#)); do
    case $1 in
        --enable-auto-update) options+=("$1"); shift ;;
        --initramfs)
            case ${2-} in
                dracut | initramfs-tools | mkinitcpio) generators+=("$2") ;;
                *) usage >&2; exit 2 ;;
            esac
            options+=("$1" "$2")
            shift 2
            ;;
        --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) out=$1; shift ;;
    esac
done
[[ -n $out ]] || { usage >&2; exit 2; }
packages=$(cd "$(dirname "$0")/.." && pwd)
[[ -e $packages/cli/dist/main.js ]] || { echo "the command is not built: npm run setup" >&2; exit 1; }

# As npm would lay it out: the bundle, and beside it what the bundle loads on demand.
if [[ ${#generators[@]} -eq 0 ]]; then
    if [[ -e $out/usr/lib/dracut/dracut-init.sh ]]; then generators+=(dracut); fi
    if [[ -e $out/usr/share/initramfs-tools/hook-functions ]]; then generators+=(initramfs-tools); fi
    if [[ -e $out/usr/lib/initcpio/functions ]]; then generators+=(mkinitcpio); fi
    if [[ ${#generators[@]} -eq 0 ]]; then generators=(dracut initramfs-tools mkinitcpio); fi
fi
own=$out/usr/lib/bootc-sdk
modules=$own/node_modules
mkdir -p "$own/dist" "$own/initramfs" "$out/usr/bin" "$modules/@bootc-sdk/native"
cp -r --no-preserve=ownership "$packages/cli/bin" "$packages/cli/package.json" "$own/"
cp --no-preserve=ownership "$packages"/cli/dist/{main.js,chunk-*.js,THIRD-PARTY.txt} "$own/dist/"
cp --no-preserve=ownership "$packages/../LICENSE" "$own/"
ln -sfn ../lib/bootc-sdk/bin/bootc-sdk.js "$out/usr/bin/bootc-sdk"
chmod 755 "$own/bin/bootc-sdk.js"
cp -rL --no-preserve=ownership "$packages"/../node_modules/{undici,yaml} "$modules/"
cp --no-preserve=ownership "$packages"/native/{package.json,load.cjs} "$modules/@bootc-sdk/native/"
cp -r --no-preserve=ownership "$packages/native/dist" "$modules/@bootc-sdk/native/"
# Without the addon everything works, more slowly.
if [[ -e $packages/native/build/Release/bootc_native.node ]]; then
    mkdir -p "$modules/@bootc-sdk/native/build/Release"
    cp --no-preserve=ownership "$packages/native/build/Release/bootc_native.node" "$modules/@bootc-sdk/native/build/Release/"
fi
find "$modules" \( -name '*.d.ts' -o -name '*.map' -o -name '*.md' -o -name '.tsbuildinfo' \) -delete

# What mounts composefs roots: for soft reboots as it is, and for whatever makes the initramfs.
cp --no-preserve=ownership "$packages"/composefs-backend/dracut/51bootc-sdk/{setup-root.sh,parse.sh,bootc-sdk-root.service} \
    "$own/initramfs/"
for generator in "${generators[@]}"; do
    case $generator in
        dracut) from=dracut to=$out/usr/lib/dracut/modules.d ;;
        initramfs-tools) from=initramfs-tools to=$out/usr/share/initramfs-tools ;;
        mkinitcpio) from=mkinitcpio to=$out/usr/lib/initcpio ;;
    esac
    mkdir -p "$to"
    cp -r --no-preserve=ownership "$packages/composefs-backend/$from/." "$to/"
done
node "$packages/cli/bin/bootc-sdk.js" internals install-units "${options[@]}" "$out" >/dev/null
chmod -R u=rwX,go=rX "$out"
