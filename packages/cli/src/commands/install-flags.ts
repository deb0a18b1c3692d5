import { readFile } from 'node:fs/promises'
import {
  BootcError,
  type BiosTarget,
  type Host,
  type InstallOptions,
  type SignedImageReference,
} from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { UsageError } from '../io.js'
import { imgrefOf, parseImgref } from '../imgref.js'
import { hasSelinux } from './install-domain.js'
import { runningImage, type RunningImage } from './running-image.js'
import type { NetworkOptions } from './open-system.js'
import type { ProgressOptions } from './with-progress.js'

/** What `installOptions()` parses. */
export interface InstallFlags extends NetworkOptions, ProgressOptions {
  readonly sourceImgref?: string
  readonly targetImgref?: string
  readonly targetTransport: string
  readonly enforceContainerSigpolicy?: boolean
  readonly runFetchCheck?: boolean
  readonly store?: string
  readonly composefsBackend?: boolean
  readonly allowMissingVerity?: boolean
  readonly requireVerity?: boolean
  readonly ukiAddon?: readonly string[]
  readonly bootloader?: string
  readonly bootupdSkipBootUuid?: boolean
  readonly genericImage?: boolean
  readonly stateroot?: string
  readonly karg?: readonly string[]
  readonly kargDelete?: readonly string[]
  readonly disableSelinux?: boolean
  readonly rootSshAuthorizedKeys?: string
  readonly boundImages?: 'stored' | 'pull' | 'skip'
  readonly json?: boolean
}

/** The part of the library's options that is the same wherever the system goes. */
export type CommonInstallOptions = Omit<InstallOptions, 'replace' | 'cleanup' | 'signal' | 'onProgress'>

/** @throws UsageError, BootcError `IMAGE_REFERENCE_INVALID`, `HOST_NO_FILE` */
export async function commonOptions(flags: InstallFlags): Promise<CommonInstallOptions> {
  const enforce = flags.enforceContainerSigpolicy === true
  const { source, target } = await sourceOf(flags)
  const { store, bootloader, stateroot, ukiAddon, disableSelinux, rootSshAuthorizedKeys } = flags
  if (flags.composefsBackend === true && store === 'ostree') {
    throw new UsageError('--composefs-backend contradicts --store ostree')
  }
  const chosenStore = flags.composefsBackend === true ? 'composefs' : store
  return {
    source,
    target: targetOf(flags, target, enforce),
    fetchCheck: flags.runFetchCheck === true,
    ...(chosenStore === undefined ? {} : { store: chosenStore }),
    ...(bootloader === undefined ? {} : { bootloader }),
    ...(stateroot === undefined ? {} : { stateroot }),
    ...(ukiAddon === undefined ? {} : { ukiAddons: ukiAddon }),
    ...(flags.boundImages === undefined ? {} : { boundImages: flags.boundImages }),
    ...(disableSelinux === true ? { disableSelinux } : {}),
    // Now, not when most of the work is done.
    ...(rootSshAuthorizedKeys === undefined
      ? {}
      : { rootSshAuthorizedKeys: await readKeys(rootSshAuthorizedKeys) }),
    kargs: { extra: flags.karg ?? [], delete: flags.kargDelete ?? [] },
    // Images have no /run: what lies there is of this machine.
    config: [{ tree: nodeDir('/'), path: 'run/bootc/install' }],
    aleph: { hostSelinux: hasSelinux() },
  }
}

/** How the loader goes on volumes of this machine. */
export function loaderOptions(
  flags: InstallFlags,
  host: Host,
  { hasEsp, bios }: { readonly hasEsp: boolean; readonly bios: BiosTarget | undefined },
): Exclude<InstallOptions['loader'], undefined> {
  const generic = flags.genericImage === true
  return {
    firmwareVariables: !generic && hasEsp && host.supports.root && host.supports.efivars,
    randomSeed: !generic,
    ...(bios === undefined ? {} : { bios }),
    ...(flags.bootupdSkipBootUuid === true ? { skipBootUuid: true } : {}),
  }
}

async function sourceOf({ sourceImgref }: InstallFlags): Promise<RunningImage> {
  if (sourceImgref !== undefined) {
    const source = parseImgref(sourceImgref)
    return { source, target: source }
  }
  const found = await runningImage()
  if (found !== undefined) return found
  throw new UsageError(
    'Either --source-imgref must be defined or this command must be executed inside a podman container.',
  )
}

function targetOf(
  { targetImgref, targetTransport }: InstallFlags,
  byDefault: SignedImageReference,
  enforce: boolean,
): SignedImageReference {
  const followed = targetImgref === undefined ? byDefault : named(targetTransport, targetImgref, enforce)
  return enforce ? { ...followed, signature: { kind: 'containerPolicy' } } : followed
}

function named(transport: string, name: string, enforce: boolean): SignedImageReference {
  const typed = transport === 'registry' && /^(docker:\/\/|ostree-[a-z-]+:)/.test(name)
  return typed ? parseImgref(name) : imgrefOf(transport, name, enforce)
}

async function readKeys(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BootcError('HOST_NO_FILE', `Reading ${path} failed`, { details: { path }, cause })
  })
}
