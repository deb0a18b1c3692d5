import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isBootcError } from '@bootc-sdk/core'
import type { SignType } from '../format/signatures.js'
import { badKey } from './errors.js'
import { publicKeysOfFile, revokedKeysOfFile, type PublicKey } from './keys.js'

/** Keys that count, without those that are revoked. */
export interface KeySet {
  readonly trusted: readonly PublicKey[]
  readonly revoked: ReadonlySet<string>
}

const maxKeyFileBytes = 1024 * 1024

/** Where a system keeps keys that are not one remote's. */
export function systemKeyDirs(systemRoot: string): string[] {
  return [join(systemRoot, 'etc/ostree'), join(systemRoot, 'usr/share/ostree')]
}

/**
 * `trusted.TYPE`, `trusted.TYPE.d/*` and the same with `revoked`. Trusted files that cannot be used give no key, as
 * in libostree; a revocation that cannot be read might revoke anything, so that one is an error.
 *
 * @param dirs base directories; those that do not exist have no keys
 * @throws BootcError `STORE_OSTREE_KEY`
 */
export async function loadSystemKeys(type: SignType, dirs: readonly string[]): Promise<KeySet> {
  const trusted: PublicKey[] = []
  const revoked = new Set<string>()
  for (const dir of dirs) {
    for (const file of await keyFiles(join(dir, `trusted.${type}`))) {
      try {
        trusted.push(...publicKeysOfFile(type, await readKeyFile(file), file))
      } catch (error) {
        if (!isBootcError(error, 'STORE_OSTREE_KEY')) throw error
      }
    }
    for (const file of await keyFiles(join(dir, `revoked.${type}`))) {
      const text = await readKeyFile(file)
      if (text.trim() === '') continue
      for (const { hex } of revokedKeysOfFile(type, text, file)) revoked.add(hex)
    }
  }
  return { trusted, revoked }
}

/** @throws BootcError `STORE_OSTREE_KEY` */
export async function readKeyFile(path: string): Promise<string> {
  return (await readKeyBytes(path)).toString('utf8')
}

/** @throws BootcError `STORE_OSTREE_KEY` */
export async function readKeyBytes(path: string): Promise<Buffer> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw badKey(path, 'cannot be read', cause)
  })
  if (bytes.length > maxKeyFileBytes) throw badKey(path, `${bytes.length} bytes are too many`)
  return bytes
}

/** Names of regular files in a directory, sorted; undefined when it is not one. */
export async function filesIn(dir: string): Promise<string[] | undefined> {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw badKey(dir, 'cannot be listed', error)
  }
}

/** A file and those in its `.d` that exist. */
async function keyFiles(path: string): Promise<string[]> {
  const own = await readFile(path).then(
    () => [path],
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw badKey(path, 'cannot be read', error)
    },
  )
  const more = (await filesIn(`${path}.d`)) ?? []
  return [...own, ...more.map((name) => join(`${path}.d`, name))]
}
