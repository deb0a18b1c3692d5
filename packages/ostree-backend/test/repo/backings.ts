import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bytes, Dir } from '@bootc-sdk/core'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import type { RepoMode } from '../../src/repo/index.js'

export interface Place extends AsyncDisposable {
  readonly dir: Dir
}

export interface Backing {
  readonly name: string
  readonly native: false | undefined
  make(): Promise<Place>
  /** Modes whose attributes this directory can hold. */
  holds(mode: RepoMode): boolean
}

const root = process.getuid?.() === 0

export async function temporaryDir(): Promise<Place & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'ostree-repo-'))
  return {
    path,
    dir: nodeDir(path),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

const probe = nodeDir(tmpdir()).supports

function nodeHolds(mode: RepoMode): boolean {
  if (mode === 'bare') return root && probe.xattrs && probe.chown
  // The golden tree has a file of mode 0000, which only root can read back there; the real tool fails too.
  if (mode === 'bare-user-only') return root
  return mode === 'bare-user' ? probe.xattrs : true
}

/** The same tests run on each: memory, Node's file system, Node's with the addon where it is built. */
export const backings: readonly Backing[] = [
  {
    name: 'a directory in memory',
    native: false,
    make: () => Promise.resolve({ dir: memoryDir(), [Symbol.asyncDispose]: () => Promise.resolve() }),
    holds: () => true,
  },
  { name: 'a directory through Node', native: false, make: temporaryDir, holds: nodeHolds },
  ...(getNative() === undefined
    ? []
    : [{ name: 'a directory with the addon', native: undefined, make: temporaryDir, holds: nodeHolds }]),
]

export async function* bytesOf(data: Uint8Array, chunkBytes = 100_000): Bytes {
  for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes)
}
