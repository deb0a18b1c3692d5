import { BootcError } from '@bootc-sdk/core'
import { createTarParser, type TarEntry } from '@bootc-sdk/core/tar'
import { baseName, joinPath, normalizePath, parentPath } from '@bootc-sdk/core/names'
import { TarSplitLines } from './tar-split-lines.js'

/** What a member of a layer does, with its name cleaned. */
export type LayerStep =
  | { readonly kind: 'entry'; readonly path: string; readonly entry: TarEntry }
  | { readonly kind: 'hardlink'; readonly path: string; readonly from: string }
  | { readonly kind: 'whiteout'; readonly path: string }
  | { readonly kind: 'opaque'; readonly path: string }
  /** Content of the `entry` before it, in pieces. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }

const whiteoutPrefix = '.wh.'
const metaPrefix = '.wh..wh.'

/** A tar cut into steps and tar-split data, synchronously over the bytes in hand. */
export interface LayerMembers {
  push(chunk: Uint8Array): void
  end(): void
  /** Steps since the last call; their bytes are their own. */
  steps(): LayerStep[]
  readonly split: TarSplitLines
  /** Owners of all members. */
  readonly uids: ReadonlySet<number>
  readonly gids: ReadonlySet<number>
}

/**
 * @throws BootcError (from `push`) `IMAGE_TAR_*`: beside what no tar may hold, names twice (tar-split data cannot make
 *   such a tar again, and readers refuse it)
 */
export function layerMembers(): LayerMembers {
  const split = new TarSplitLines()
  const uids = new Set<number>()
  const gids = new Set<number>()
  const seen = new Set<string>()
  let steps: LayerStep[] = []
  /** What data of the member in hand is: of a file that is kept, or bytes of the archive. */
  let current: 'file' | 'raw' | 'none' = 'none'
  const parser = createTarParser(
    {
      raw: (bytes) => split.raw(bytes),
      entry(entry) {
        if (entry.type === 'paxGlobal') {
          current = 'raw'
          return
        }
        split.begin(entry.name)
        const path = memberPath(entry.name)
        if (seen.has(path)) throw conflict(path)
        seen.add(path)
        uids.add(entry.uid)
        gids.add(entry.gid)
        const step = stepOf(entry, path)
        current = step?.kind === 'entry' && entry.type === 'file' ? 'file' : 'none'
        if (step !== undefined) steps.push(step)
        if (current === 'none' && entry.sizeBytes > 0) throw unsupported(entry, 'has data that is not kept')
      },
      data(chunk) {
        if (current === 'raw') return split.raw(chunk)
        split.data(chunk)
        steps.push({ kind: 'data', bytes: Uint8Array.from(chunk) })
      },
      end() {
        if (current === 'raw') return
        split.end()
        if (current === 'file') steps.push({ kind: 'end' })
      },
    },
    {},
  )
  return {
    push: (chunk) => parser.push(chunk),
    end() {
      parser.end()
      split.finish()
    },
    steps() {
      const taken = steps
      steps = []
      return taken
    },
    ...{ split, uids, gids },
  }
}

/** @returns undefined for what says nothing about the tree */
function stepOf(entry: TarEntry, path: string): LayerStep | undefined {
  const name = baseName(path)
  if (name === '.wh..wh..opq') return { kind: 'opaque', path: parentPath(path) }
  // What AUFS once kept beside a layer.
  if (path.split('/').some((part) => part.startsWith(metaPrefix))) return undefined
  if (name.startsWith(whiteoutPrefix)) {
    const hidden = name.slice(whiteoutPrefix.length)
    if (hidden === '' || hidden === '.' || hidden === '..') throw badPath(entry.name)
    return { kind: 'whiteout', path: joinPath(parentPath(path), hidden) }
  }
  if (entry.type === 'other') throw unsupported(entry, 'is of a type that cannot be kept')
  if (entry.type === 'hardlink') return { kind: 'hardlink', path, from: memberPath(entry.linkName) }
  return { kind: 'entry', path, entry }
}

/** Names are relative to the layer's root whether or not they start with `/` or `./`. */
function memberPath(name: string): string {
  try {
    return normalizePath(name.replace(/^\/+/, ''))
  } catch (cause) {
    throw badPath(name, cause)
  }
}

function badPath(name: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_TAR_PATH', `member ${JSON.stringify(name)} leads out of the layer`, {
    details: { name },
    cause,
  })
}

function conflict(path: string): BootcError {
  const message = `member ${JSON.stringify(path)} is twice in a layer, which storage of containers cannot keep`
  return new BootcError('IMAGE_TAR_CONFLICT', message, { details: { path } })
}

function unsupported({ name, type }: TarEntry, problem: string): BootcError {
  return new BootcError('IMAGE_TAR_UNSUPPORTED', `member ${JSON.stringify(name)} (${type}) ${problem}`, {
    details: { name, type },
  })
}
