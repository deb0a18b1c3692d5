import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BootcError, type BiosTarget } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import { finalizeFileSystems, nodeHost, nodeSysroot } from '@bootc-sdk/core/node'
import type { Cli } from '../io.js'
import { enterInstallDomain } from './install-domain.js'
import {
  commonOptions,
  loaderOptions,
  type CommonInstallOptions,
  type InstallFlags,
} from './install-flags.js'
import {
  findBootMount,
  findPlace,
  rootKargsOf,
  runningRootKargs,
  type InstallPlace,
} from './install-place.js'
import { openParts } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { printInstalled } from './print-installed.js'
import { withProgress } from './with-progress.js'

interface TargetFlags extends InstallFlags {
  readonly replace?: 'wipe' | 'alongside'
  readonly acknowledgeDestructive?: boolean
  readonly bootMode?: 'uefi' | 'bios' | 'both'
}

interface FilesystemFlags extends TargetFlags {
  readonly rootMountSpec?: string
  readonly bootMountSpec?: string
  readonly skipFinalize?: boolean
}

/** `bootc-sdk install to-filesystem`. */
export async function installToFilesystem(cli: Cli, flags: FilesystemFlags, dir: string): Promise<void> {
  const common = await commonOptions(flags)
  await enterInstallDomain(flags)
  const place = await findPlace(resolve(dir))
  await installInto(cli, flags, place, {
    common,
    root: rootKargsOf(place),
    rootMountSpec: flags.rootMountSpec,
    bootMountSpec: flags.bootMountSpec,
    finalize: flags.replace !== 'alongside' && flags.skipFinalize !== true && place.mount !== undefined,
  })
}

/** `bootc-sdk install to-existing-root`. */
export async function installToExistingRoot(
  cli: Cli,
  flags: TargetFlags & { readonly cleanup?: boolean },
  dir: string | undefined,
): Promise<void> {
  const common = await commonOptions(flags)
  const path = resolve(dir ?? (existsSync('/target') ? '/target' : '/'))
  await enterInstallDomain(flags)
  await prepareForWrite(cli, { sysroot: path })
  const place = await findPlace(path)
  const cmdline = await nodeHost().cmdline()
  await installInto(cli, flags, place, {
    common,
    root: runningRootKargs(cmdline, place),
    cleanup: flags.cleanup === true,
    finalize: false,
  })
}

async function installInto(
  cli: Cli,
  flags: TargetFlags,
  place: InstallPlace,
  how: {
    readonly common: CommonInstallOptions
    readonly root: readonly string[]
    readonly rootMountSpec?: string | undefined
    readonly bootMountSpec?: string | undefined
    readonly cleanup?: boolean
    readonly finalize: boolean
  },
): Promise<void> {
  const { common } = how
  const sysroot =
    place.mountedBelow === '/'
      ? nodeSysroot('/')
      : nodeSysroot(place.physical, { mountedBelow: place.mountedBelow })
  const bootc = await openParts(cli, sysroot, flags, flags)
  const bootMount = await findBootMount(place, sysroot)
  const hasEsp = sysroot.esps.length > 0
  const bios = await findBios(flags, place, hasEsp)
  const { rootMountSpec, bootMountSpec } = how
  if (flags.json !== true) {
    await cli.out.write(`Installing image: ${displaySignedReference(common.source)}\n`)
  }
  if (place.isHostRoot && flags.acknowledgeDestructive !== true) await warnAndWait(cli)
  const result = await withProgress(cli, flags, flags.json !== true, (_progress, operation) =>
    bootc.install({
      ...common,
      ...operation,
      kargs: { ...common.kargs, root: how.root },
      ...(rootMountSpec === undefined ? {} : { rootMountSpec }),
      ...(bootMountSpec === undefined ? {} : { bootMountSpec }),
      ...(bootMount === undefined ? {} : { bootMount }),
      ...(flags.replace === undefined ? {} : { replace: flags.replace }),
      ...(how.cleanup === true ? { cleanup: true } : {}),
      loader: loaderOptions(flags, sysroot.host, { hasEsp, bios }),
    }),
  )
  const warnings = how.finalize ? await finalizeFileSystems(sysroot, { signal: cli.signal }) : []
  await printInstalled(cli, flags, result, { warnings })
}

/** For BIOS only where asked, or where there is no EFI system partition; the disk must have a place for it. */
async function findBios(
  { bootMode }: TargetFlags,
  { mount }: InstallPlace,
  hasEsp: boolean,
): Promise<BiosTarget | undefined> {
  if (mount === undefined || bootMode === 'uefi' || (bootMode === undefined && hasEsp)) return undefined
  const { biosTargetBeside } = await import('@bootc-sdk/disk-image')
  const found = await biosTargetBeside(mount.source)
  if (found !== undefined || bootMode === undefined) return found
  throw new BootcError(
    'SYSROOT_DISK_UNSUPPORTED',
    `boot mode ${bootMode}: the disk of ${mount.source} has no BIOS boot partition`,
    { details: { what: `boot mode ${bootMode}`, reason: 'there is no BIOS boot partition' } },
  )
}

const waitSeconds = 20

/** The last chance to think again. */
export async function warnAndWait(cli: Pick<Cli, 'err' | 'signal'>): Promise<void> {
  const dashes = '-'.repeat(28)
  await cli.err.write(
    `${dashes}\nWARNING: This operation will OVERWRITE THE BOOTED HOST ROOT FILESYSTEM and is NOT REVERSIBLE.\n` +
      `Waiting ${waitSeconds}s to continue; interrupt (Control-C) to cancel.\n${dashes}\n`,
  )
  // The timer has a reason of its own for ending early.
  await sleep(waitSeconds * 1000, undefined, { signal: cli.signal }).catch(() => undefined)
  cli.signal.throwIfAborted()
}
