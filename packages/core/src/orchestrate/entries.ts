import { parseBootCount } from '../bls/index.js'
import { BootcError } from '../errors.js'
import type { BootEntry, OpOptions } from '../interfaces/index.js'
import { withWriter, type Context } from './context.js'
import { sourcesOf } from './edit-kargs.js'
import { loadState } from './load.js'
import type { BootOnceResult, EntryFacts } from './kargs-types.js'

/** All boot entries in boot order, also those that no deployment answers to. */
export async function listEntries(context: Context, options: OpOptions): Promise<EntryFacts[]> {
  options.signal?.throwIfAborted()
  const current = await context.backends.current()
  if (current === undefined) return []
  const state = await loadState(context.sysroot, current)
  const { entries } = await current.loader.read()
  return entries.map((entry, index) => {
    const id = state.order.find((known) => known.entry?.fileName === entry.fileName)?.id
    return {
      ...{ entry, ...(id === undefined ? {} : { deployment: id }) },
      ...{ default: index === 0, booted: id !== undefined && id === state.booted?.id },
      sources: sourcesOf(entry.extra),
    }
  })
}

/**
 * Boot an entry next time only.
 *
 * @param which file name (with or without `.conf` and its count) or deployment id; none: take the choice back
 * @throws BootcError `BOOT_ENTRY_NOT_FOUND`, `BOOT_ONE_SHOT_UNSUPPORTED`, `BOOT_ONE_SHOT_FAILED`
 */
export function bootEntryOnce(
  context: Context,
  which: string | undefined,
  options: OpOptions,
): Promise<BootOnceResult> {
  return withWriter(context, options, async ({ loader, lock, state }) => {
    if (loader.bootOnce === undefined) {
      throw new BootcError(
        'BOOT_ONE_SHOT_UNSUPPORTED',
        `the boot loader ${loader.name} cannot boot an entry once, as it is set up here`,
        { details: { bootloader: loader.name } },
      )
    }
    if (which === undefined) {
      await loader.bootOnce(undefined, lock)
      return {}
    }
    const { entries } = await loader.read()
    const fileName = state.order.find(({ id }) => id === which)?.entry?.fileName
    const entry = entries.find((found) => found.fileName === fileName || isNamed(found, which))
    if (entry === undefined) {
      throw new BootcError('BOOT_ENTRY_NOT_FOUND', `there is no boot entry ${which}`, {
        details: { entry: which, entries: entries.map((each) => each.fileName) },
      })
    }
    await loader.bootOnce(entry, lock)
    return { entry }
  })
}

function isNamed({ fileName }: BootEntry, which: string): boolean {
  const { name } = parseBootCount(fileName)
  return [fileName, name, name.replace(/\.conf$/i, '')].includes(which)
}
