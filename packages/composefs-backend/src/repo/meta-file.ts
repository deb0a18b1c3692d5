import { BootcError, isBootcError, type Dir } from '@bootc-sdk/core'
import {
  badMeta,
  maxMetaJsonBytes,
  newMetaJson,
  parseMetaJson,
  printMetaJson,
  type MetaJson,
} from '../format/meta-json.js'
import type { VerityAlgorithm } from '../format/types.js'
import { verityError } from './errors.js'
import { listNames, readFile } from './io.js'
import { isObjectId } from './links.js'
import { Staging } from './staging.js'
import { enableVerity, measureVerity } from './verity-fs.js'

export const metaFile = 'meta.json'

/** @returns undefined when there is none. @throws BootcError `STORE_COMPOSEFS_BAD_META` */
export async function readMetaFile(dir: Dir): Promise<MetaJson | undefined> {
  let bytes: Awaited<ReturnType<typeof readFile>>
  try {
    bytes = await readFile(dir, metaFile, maxMetaJsonBytes)
  } catch (error) {
    if (isBootcError(error, 'TREE_NOT_FILE') || isBootcError(error, 'TREE_ESCAPE')) {
      throw badMeta('is not a regular file', error)
    }
    throw error
  }
  if (bytes === 'missing') return undefined
  if (bytes === 'too-large') throw badMeta(`is larger than ${maxMetaJsonBytes} bytes`)
  return parseMetaJson(bytes)
}

/**
 * Put meta.json in place unless there is one. With `verity`, fs-verity is on the file before it has its name:
 * that it is there makes the repository a secure one.
 *
 * @throws BootcError `STORE_COMPOSEFS_VERITY` when the file system cannot; `TREE_EXISTS`
 */
export async function writeMetaFile(dir: Dir, meta: MetaJson, verity: boolean): Promise<void> {
  const staging = await Staging.create(dir)
  try {
    const temporary = staging.next('meta')
    await dir.write(temporary, printMetaJson(meta), { mode: 0o644, atomic: false })
    if (verity) await requireEnabled(dir, temporary, meta.algorithm)
    await dir.sync()
    await dir.rename(temporary, metaFile, { noReplace: true })
    await dir.sync()
  } finally {
    await staging.remove()
  }
}

async function requireEnabled(dir: Dir, path: string, algorithm: VerityAlgorithm): Promise<void> {
  let outcome: string
  try {
    outcome = await enableVerity(dir, path, algorithm)
  } catch (error) {
    throw verityError(metaFile, 'fs-verity cannot be enabled', error)
  }
  if (outcome === 'unsupported') throw verityError(metaFile, 'the file system has no fs-verity')
  if ((await measureVerity(dir, path)) === undefined) {
    throw verityError(metaFile, 'fs-verity was enabled and is not there')
  }
}

/**
 * What an old repository without meta.json is: the algorithm by the length of the first object's name,
 * fs-verity by looking at that object. EROFS format 1, as composefs-rs decides.
 *
 * @throws BootcError `STORE_COMPOSEFS_NOT_A_REPO` when there is no object
 */
export async function inferMeta(dir: Dir): Promise<{ meta: MetaJson; verity: boolean }> {
  for (const prefix of await listNames(dir, 'objects')) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue
    for (const name of await listNames(dir, `objects/${prefix}`)) {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        if (!isObjectId(prefix + name, algorithm)) continue
        const path = `objects/${prefix}/${name}`
        if ((await dir.stat(path))?.type !== 'file') continue
        const measured = await measureVerity(dir, path)
        return { meta: newMetaJson(algorithm, 1), verity: measured !== undefined }
      }
    }
  }
  throw notARepo('no meta.json, and no objects to tell what it would say')
}

export function notARepo(reason: string): BootcError<'STORE_COMPOSEFS_NOT_A_REPO'> {
  return new BootcError('STORE_COMPOSEFS_NOT_A_REPO', `not a composefs repository: ${reason}`, {
    details: { reason },
  })
}
