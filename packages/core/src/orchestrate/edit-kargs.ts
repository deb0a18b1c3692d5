import type { OpOptions } from '../interfaces/index.js'
import { editKargs, forgetKept, kargSources, parseKargsText, setKargSource } from '../kargs/index.js'
import { changeKargs, kargsBase } from './change-kargs.js'
import type { Context } from './context.js'
import { withEtcKargs } from './image-kargs.js'
import { emptyState, loadState } from './load.js'
import type { KargsEditOptions, KargsFacts, KargsResult } from './kargs-types.js'

/** Arguments of what a change would be about. @throws BootcError `DEPLOY_NOT_BOOTED` */
export async function readKargs(context: Context, options: OpOptions): Promise<KargsFacts> {
  options.signal?.throwIfAborted()
  const current = await context.backends.current()
  const state =
    current === undefined ? emptyState(context.sysroot) : await loadState(context.sysroot, current)
  const base = kargsBase({ state })
  const role = base.staged ? 'staged' : base.id === state.booted?.id ? 'booted' : 'default'
  return { deployment: base.id, role, kargs: base.kargs, sources: sourcesOf(base.extra) }
}

/**
 * `bootc-sdk kargs`: change arguments by hand.
 *
 * @throws BootcError `BOOT_KARG_INVALID`, `BOOT_KARG_NOT_FOUND`, `BOOT_KARG_AMBIGUOUS`, `BOOT_KARG_RESERVED`,
 *   `BOOT_UKI_KARGS`, and with `fromEtc` `IMAGE_KARGS_INVALID`
 */
export function changeKargsByHand(context: Context, options: KargsEditOptions): Promise<KargsResult> {
  return changeKargs(
    context,
    async (current, { writer, base, image }) => {
      const start = options.set?.flatMap(parseKargsText) ?? current.kargs
      const edited = forgetKept({ kargs: editKargs(start, options), extra: current.extra })
      if (options.fromEtc !== true) return edited
      const { store, state, sysroot } = writer
      // What is staged gets the /etc of the system that runs.
      const etcOf = base.staged ? (state.stagedRecord?.mergeFrom ?? base.id) : base.id
      return withEtcKargs(store.deployments, edited, etcOf, image, sysroot.host.arch)
    },
    options,
  )
}

/**
 * `bootc-sdk loader-entries set-options-for-source`: let a source own exactly these arguments.
 *
 * @param text none or empty: the source is dropped
 * @throws BootcError `BOOT_KARG_SOURCE_INVALID` and those of `changeKargsByHand`
 */
export function changeKargsForSource(
  context: Context,
  source: string,
  text: string | undefined,
  options: OpOptions,
): Promise<KargsResult> {
  return changeKargs(
    context,
    (current, { image }) => setKargSource(current, source, parseKargsText(text ?? ''), image),
    options,
  )
}

export function sourcesOf(extra: Parameters<typeof kargSources>[0]): KargsFacts['sources'] {
  return [...kargSources(extra)].map(([source, kargs]) => ({ source, kargs }))
}
