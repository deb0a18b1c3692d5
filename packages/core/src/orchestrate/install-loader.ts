import { BootcError } from '../errors.js'
import type { LoaderName } from '../install-config/index.js'
import type { ReadTree, Sysroot } from '../interfaces/index.js'
import { followPath } from '../store-kit/index.js'

/** Loaders that an image brings. */
export interface ShippedLoaders {
  /** bootupd and what it is to install: GRUB in all distributions so far. */
  readonly bootupd: boolean
  readonly systemdBoot: boolean
  readonly grub: boolean
}

export interface LoaderChoice {
  /** Name of the provider; undefined: whichever the caller registered. */
  readonly provider: string | undefined
  /** Put the loader itself on the machine, not only its entries. */
  readonly program: boolean
  /** In words. */
  readonly reason: string
  /** By option or configuration. */
  readonly named: boolean
}

export interface LoaderQuestion {
  /** A provider's name or one of bootc's. */
  readonly asked?: string | undefined
  readonly configured?: LoaderName | undefined
  /** Loader of entries that stay. */
  readonly inUse?: string | undefined
  /** Names of what is registered. */
  readonly providers: readonly string[]
  readonly shipped: ShippedLoaders
  /** The image boots by a unified kernel image. */
  readonly uki: boolean
  readonly volumes: Pick<Sysroot, 'boot' | 'esps'>
}

const grub = 'grub'
const systemdBoot = 'systemd-boot'
/** bootc's names for ours. */
const aliases: Readonly<Record<string, string>> = { systemd: systemdBoot }

/**
 * Which loader a new system gets: what was asked for, what the image's configuration says, that of entries that stay,
 * GRUB where the image has bootupd, else systemd-boot; but GRUB where the image brings nothing else, or where no
 * volume is there that systemd-boot could read.
 *
 * @throws BootcError `BOOT_LOADER_UNSUPPORTED`, `SYSROOT_UNKNOWN_PROVIDER`
 * @see bootc 1.16.9 crates/lib/src/install.rs, PostFetchState; the exceptions are ours
 */
export function chooseLoader(question: LoaderQuestion): LoaderChoice {
  const { asked, configured, inUse, providers } = question
  if (asked !== undefined) return named(asked, 'it was asked for', question)
  if (configured !== undefined) return named(configured, "the image's configuration says so", question)
  if (inUse !== undefined) return choice(inUse, 'entries of it are there already')
  if (!providers.includes(grub) && !providers.includes(systemdBoot)) {
    return choice(providers[0], 'no other was given')
  }
  const [wanted, reason] = byImage(question)
  if (providers.includes(wanted)) return choice(wanted, reason)
  return choice(wanted === grub ? systemdBoot : grub, `no ${wanted} was given, although ${reason}`)
}

function byImage({ shipped, volumes, uki }: LoaderQuestion): [name: string, reason: string] {
  const hasFat = volumes.esps.length > 0 || volumes.boot.fsType === 'vfat'
  if (shipped.bootupd && !uki) return [grub, 'the image brings bootupd']
  if (!hasFat) return [grub, 'no EFI system partition is mounted, without which systemd-boot cannot start']
  if (shipped.systemdBoot) return [systemdBoot, 'the image brings systemd-boot']
  if (uki) return [systemdBoot, 'the image boots by a unified kernel image']
  if (shipped.grub) return [grub, 'the image brings GRUB and no other loader']
  return [systemdBoot, 'the image brings no loader, and there is an EFI system partition']
}

function named(name: string, reason: string, question: LoaderQuestion): LoaderChoice {
  if (name === 'grub-cc') {
    throw new BootcError(
      'BOOT_LOADER_UNSUPPORTED',
      'the loader grub-cc is not supported; grub and systemd are',
      {
        details: { name },
      },
    )
  }
  if (name !== 'none') return { ...choice(aliases[name] ?? name, reason), named: true }
  const { volumes, uki } = question
  // Entries must be where some loader finds them.
  const onFat = volumes.boot.fsType === 'vfat' || (uki && volumes.esps.length > 0)
  return {
    provider: onFat ? systemdBoot : grub,
    program: false,
    reason: `no loader was wanted (${reason}), so there are entries only`,
    named: true,
  }
}

function choice(provider: string | undefined, reason: string): LoaderChoice {
  return { provider, program: true, reason, named: false }
}

type Tree = Pick<ReadTree, 'stat' | 'list' | 'readlink'>

export async function shippedLoaders(tree: Tree): Promise<ShippedLoaders> {
  const hasAny = async (paths: readonly string[]): Promise<boolean> => {
    for (const path of paths) if ((await followPath(tree, path)) !== undefined) return true
    return false
  }
  const bootupctl = ['usr/bin/bootupctl', 'usr/sbin/bootupctl']
  return {
    bootupd: (await hasAny(['usr/lib/bootupd/updates'])) && (await hasAny(bootupctl)),
    systemdBoot: await bringsSystemdBoot(tree),
    grub: await hasAny([
      ...['usr/lib/grub', 'usr/lib/grub2', 'usr/share/grub2', 'usr/lib/efi/grub2'],
      ...['usr/sbin/grub-install', 'usr/sbin/grub2-install', 'usr/bin/grub-install', 'usr/bin/grub2-install'],
    ]),
  }
}

async function bringsSystemdBoot(tree: Tree): Promise<boolean> {
  const directory = await followPath(tree, 'usr/lib/systemd/boot/efi')
  if (directory === undefined || (await tree.stat(directory))?.type !== 'directory') return false
  for await (const { name } of tree.list(directory)) {
    if (/^systemd-boot[a-z0-9]+\.efi(?:\.signed)?$/.test(name)) return true
  }
  return false
}
