import { runningLoader } from '../boot-kit/index.js'
import { BootcError } from '../errors.js'
import type { Bootloader, LoaderProgram, OpOptions, ReadTree } from '../interfaces/index.js'
import type { Backends } from './backends.js'
import { withWriter, type Context } from './context.js'
import { loadState } from './load.js'
import type { LoaderStatus, LoaderUpdateResult } from './loader-types.js'

/** The loader as installed, beside what the running (else the default) deployment brings. */
export async function loaderStatus(context: Context, options: OpOptions): Promise<LoaderStatus> {
  options.signal?.throwIfAborted()
  const current = await context.backends.current()
  if (current === undefined) {
    throw new BootcError('SYSROOT_NOT_INITIALIZED', 'nothing is deployed on this sysroot')
  }
  const { sysroot } = context
  const programs = await programsOf(current.loader, await rootOf(context, current))
  const running = sysroot.live ? await runningLoader(sysroot.host) : undefined
  return {
    bootloader: current.loader.name,
    programs,
    updateAvailable: programs.some(({ outdated }) => outdated),
    ...(running === undefined ? {} : { running }),
  }
}

/**
 * Replace the loader's programs where the running (else the default) deployment brings newer ones, on every volume
 * that has them. Nothing does this by itself: a loader that fails takes all deployments with it.
 *
 * @throws BootcError `BOOT_LOADER_UNMANAGED`
 */
export function updateLoader(context: Context, options: OpOptions): Promise<LoaderUpdateResult> {
  return withWriter(context, options, async (writer) => {
    const { loader, lock } = writer
    if (loader.install === undefined) {
      throw new BootcError(
        'BOOT_LOADER_UNMANAGED',
        `the boot loader ${loader.name} was installed by other programs, which have to update it`,
        { details: { bootloader: loader.name } },
      )
    }
    const tree = await rootOf(context, writer)
    const before = await programsOf(loader, tree)
    const { signal } = options
    const warnings = await loader.install(lock, {
      ...{ update: true, ...(tree === undefined ? {} : { tree }) },
      ...(signal === undefined ? {} : { signal }),
    })
    const programs = await programsOf(loader, tree)
    return { bootloader: loader.name, programs, updated: replaced(before, programs), warnings }
  })
}

async function rootOf(context: Context, backends: Backends): Promise<ReadTree | undefined> {
  const { anchor } = await loadState(context.sysroot, backends)
  return anchor === undefined ? undefined : backends.store.deployments.root(anchor.id)
}

async function programsOf(loader: Bootloader, tree: ReadTree | undefined): Promise<readonly LoaderProgram[]> {
  return (await loader.programs?.(tree)) ?? []
}

function replaced(
  before: readonly LoaderProgram[],
  after: readonly LoaderProgram[],
): LoaderUpdateResult['updated'] {
  return after.flatMap((program) => {
    const old = before.find(({ volume, path }) => volume === program.volume && path === program.path)
    return old === undefined || old.version === program.version ? [] : [{ ...program, before: old.version }]
  })
}
