import { randomBytes } from 'node:crypto'
import { isBootcError } from '../../errors.js'
import type { Dir } from '../../interfaces/index.js'
import { joinPath, parentPath } from '../../names/index.js'
import { readText } from '../read-tree.js'

/** Where everything of the memory store lies, below the physical root. */
export const storeDir = 'memory'

export const storeDirs = ['objects', 'layers', 'images', 'refs', 'deploy', 'var', 'tmp'] as const

/** Make a directory and those above it. */
export async function makeDirs(dir: Dir, path: string): Promise<void> {
  if (path === '' || (await dir.stat(path)) !== undefined) return
  await makeDirs(dir, parentPath(path))
  try {
    await dir.mkdir(path, { mode: 0o755 })
  } catch (error) {
    if (!isBootcError(error, 'TREE_EXISTS')) throw error
  }
}

/** A name in `tmp` that nobody else uses. */
export function temporaryName(): string {
  return joinPath('tmp', randomBytes(8).toString('hex'))
}

/**
 * Write a record so that after a power cut it is whole or not there: content is durable before it gets its
 * name. (`Dir.write` alone may leave an empty file behind.)
 */
export async function writeRecord(store: Dir, path: string, record: unknown): Promise<void> {
  const temporary = temporaryName()
  await store.write(temporary, Buffer.from(JSON.stringify(record)), {
    mode: 0o644,
    atomic: false,
  })
  await store.sync()
  await store.rename(temporary, path)
}

export async function readRecord<T>(store: Dir, path: string): Promise<T | undefined> {
  const text = await readText(store, path)
  return text === undefined ? undefined : (JSON.parse(text) as T)
}

export async function* recordsIn<T>(store: Dir, path: string): AsyncIterable<{ name: string; record: T }> {
  if ((await store.stat(path)) === undefined) return
  for await (const { name } of store.list(path)) {
    if (!name.endsWith('.json')) continue
    const record = await readRecord<T>(store, joinPath(path, name))
    if (record !== undefined) yield { name: name.slice(0, -'.json'.length), record }
  }
}
