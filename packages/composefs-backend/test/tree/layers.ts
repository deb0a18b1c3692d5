import { isBootcError } from '@bootc-sdk/core'
import { packTar } from '@bootc-sdk/core/tar'
import type { TarMember } from '@bootc-sdk/core/tar'
import { VerityHasher } from '../../src/format/verity.js'
import { applyTar } from '../../src/tree/apply-tar.js'
import type { FileTree, Inode } from '../../src/tree/inode.js'
import { LayerApplier } from '../../src/tree/layer-applier.js'
import type { TreeLimits } from '../../src/tree/limits.js'
import { find } from '../../src/tree/lookup.js'

/** The tree of layers, each a list of members or a finished archive. */
export async function layered(
  layers: readonly (readonly TarMember[] | Uint8Array)[],
  limits: TreeLimits = {},
): Promise<FileTree> {
  const applier = new LayerApplier(limits)
  for (const [index, layer] of layers.entries()) {
    const tar = layer instanceof Uint8Array ? layer : packTar(layer)
    await applyTar(applier, `layer-${index}`, tar, () => new VerityHasher('sha256'))
  }
  return applier.finish()
}

export function dir(name: string, more: Partial<TarMember> = {}): TarMember {
  return { name, type: 'directory', ...more }
}

export function file(name: string, data = '', more: Partial<TarMember> = {}): TarMember {
  return { name, data, ...more }
}

/** Names in a directory, in byte order. */
export function names(tree: FileTree, path: string): string[] {
  return [...at(tree, path).children!.keys()].sort()
}

export function at(tree: FileTree, path: string): Inode {
  const inode = find(tree, path)
  if (inode === undefined) throw new Error(`${path} is not there`)
  return inode
}

export function textOf(inode: Inode): string {
  return Buffer.from(inode.content ?? new Uint8Array(0)).toString('latin1')
}

/** Code and reason of what a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<{ code: string; reason: unknown }> {
  try {
    await promise
  } catch (error) {
    if (!isBootcError(error)) throw error
    const { reason, problem } = error.details as { reason?: unknown; problem?: unknown }
    return { code: error.code, reason: reason ?? problem }
  }
  return { code: 'none', reason: undefined }
}
