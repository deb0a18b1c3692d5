import type { Provider, ReadTree, StoreBackend, Warning } from '../interfaces/index.js'
import { readText } from '../store-kit/read-text.js'
import type { Writer } from './context.js'
import { mountsAtBoot } from './fstab.js'
import { withEtcAtRoot } from './merged-etc-view.js'

/**
 * What stands against booting a root from the store of a provider, which need not be laid out yet: for any system, and for
 * one whose fstab has a file system of its own at /var.
 */
export async function moveNotes(
  to: Provider<StoreBackend>,
  tree: ReadTree,
  system: Pick<Writer, 'store' | 'state'>,
): Promise<Warning[]> {
  const root = await withEtcAtRoot(tree)
  const notes = [...((await to.bootNotes?.(root)) ?? [])]
  if (to.ownVarNotes !== undefined && mountsAtBoot(await fstabOfNext(root, system), '/var')) {
    notes.push(...(await to.ownVarNotes(root)))
  }
  return notes
}

/** As merging /etc will have it: the machine's own where it was changed, else the image's. */
async function fstabOfNext(
  root: ReadTree,
  { store: { deployments }, state }: Pick<Writer, 'store' | 'state'>,
): Promise<string> {
  const current = state.anchor && (await deployments.currentEtc(state.anchor.id))
  if (state.anchor !== undefined && current !== undefined) {
    const own = await readText(current, 'fstab')
    const shipped = await readText(await deployments.defaults(state.anchor.id), 'fstab')
    if (own !== shipped) return own ?? ''
  }
  return (await readText(root, 'etc/fstab')) ?? ''
}
