import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bytes, Dir } from '@bootc-sdk/core'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'

export interface Place extends AsyncDisposable {
  readonly dir: Dir
}

export interface Backing {
  readonly name: string
  readonly native: false | undefined
  make(): Promise<Place>
}

export async function temporaryDir(): Promise<Place & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'composefs-repo-'))
  return {
    path,
    dir: nodeDir(path),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

const inMemory = (options: Parameters<typeof memoryDir>[0] = {}): Promise<Place> =>
  Promise.resolve({ dir: memoryDir(options), [Symbol.asyncDispose]: () => Promise.resolve() })

/** The same tests run on each: memory with and without fs-verity, Node's file system, that with the addon. */
export const backings: readonly Backing[] = [
  { name: 'a directory in memory', native: false, make: () => inMemory() },
  {
    name: 'a directory in memory with fs-verity',
    native: false,
    make: () => inMemory({ supports: { verity: true } }),
  },
  { name: 'a directory through Node', native: false, make: temporaryDir },
  ...(getNative() === undefined
    ? []
    : [{ name: 'a directory with the addon', native: undefined, make: temporaryDir }]),
]

export async function* bytesOf(data: Uint8Array, chunkBytes = 100_000): Bytes {
  for (let at = 0; at < data.length; at += chunkBytes) yield data.subarray(at, at + chunkBytes)
}

export async function readAll(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}
