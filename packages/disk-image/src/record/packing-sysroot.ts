import type { Dir, Host, Sysroot, Volume } from '@bootc-sdk/core'

export interface PackingSysrootOptions {
  /** Becomes the root partition. */
  readonly root: Dir
  /** Becomes the EFI system partition. */
  readonly esp?: Dir
  /** Becomes the /boot partition; without it /boot is a directory of the root. */
  readonly xbootldr?: { readonly dir: Dir; readonly fsType: 'vfat' | 'ext4' }
  /** Anything that may be thrown away afterwards. */
  readonly run: Dir
  /** Of this machine; with the architecture of the disk. */
  readonly host: Host
  /** Of the file systems that are going to be (from the plan). */
  readonly uuids?: { readonly root?: string; readonly esp?: string; readonly xbootldr?: string }
}

/**
 * A sysroot to install on, that is going to be a disk: give it to `openBootc`, then pack its directories with `packDisk`.
 * Makes `boot` where there is none.
 */
export async function packingSysroot(options: PackingSysrootOptions): Promise<Sysroot> {
  const { root, esp, xbootldr, run, host, uuids = {} } = options
  if ((await root.stat('boot')) === undefined) await root.mkdir('boot', { mode: 0o755 })
  const named = (uuid: string | undefined) => (uuid === undefined ? {} : { uuid })
  const boot: Volume =
    xbootldr === undefined
      ? { dir: root.sub('boot'), fsType: 'ext4', bootPrefix: '/boot/', ...named(uuids.root) }
      : { dir: xbootldr.dir, fsType: xbootldr.fsType, bootPrefix: '/', ...named(uuids.xbootldr) }
  const sysroot: Sysroot = {
    // On a recording everybody is root: stores must not spare owners because of who runs them.
    host: { ...host, supports: { ...host.supports, root: true, loop: false, mount: false, efivars: false } },
    root,
    run,
    live: false,
    readOnly: false,
    boot,
    esps: esp === undefined ? [] : [{ dir: esp, fsType: 'vfat', bootPrefix: '/', ...named(uuids.esp) }],
    async lock(lockOptions = {}) {
      const held = await root.lock('', { ...lockOptions, exclusive: true })
      return { sysroot, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
    },
  }
  return Object.freeze(sysroot)
}
