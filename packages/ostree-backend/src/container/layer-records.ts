import { isBootcError, type Digest } from '@bootc-sdk/core'
import { digestHex, isDigest } from '@bootc-sdk/core/oci'
import type { OstreeRepo } from '../repo/api.js'
import { readFile } from '../repo/io.js'
import { layerRefPrefix } from './names.js'
import { unescapeFromRef } from './ref-escape.js'

/**
 * What layers unpacked to when they were imported, a file for each: a config only claims that. libostree leaves
 * `extensions` to other programs.
 */
const directory = 'extensions/bootc-sdk/layers'

const pathOf = (digest: Digest): string => `${directory}/${digestHex(digest)}`

/** Remember a layer whose bytes were seen to have this digest, and unpacked this diffId. */
export async function recordLayer({ dir }: OstreeRepo, digest: Digest, diffId: Digest): Promise<void> {
  for (const path of ['extensions', 'extensions/bootc-sdk', directory]) {
    try {
      await dir.mkdir(path)
    } catch (error) {
      if (!isBootcError(error, 'TREE_EXISTS')) throw error
    }
  }
  await dir.write(pathOf(digest), Buffer.from(`${diffId}\n`), { mode: 0o644 })
}

/** Undefined for layers that another program imported. */
export async function recordedDiffId({ dir }: OstreeRepo, digest: Digest): Promise<Digest | undefined> {
  const text = (await readFile(dir, pathOf(digest), 4096))?.toString('latin1').trimEnd()
  return isDigest(text) ? text : undefined
}

/** Forget layers that are gone. @param refs of those that stay */
export async function pruneRecords({ dir }: OstreeRepo, refs: Iterable<string>): Promise<void> {
  if ((await dir.stat(directory)) === undefined) return
  const digests = [...refs].flatMap((ref) => unescapeFromRef(ref.slice(layerRefPrefix.length + 1)) ?? [])
  const kept = new Set(digests.filter(isDigest).map(digestHex))
  const gone: string[] = []
  for await (const { name } of dir.list(directory)) if (!kept.has(name)) gone.push(name)
  for (const name of gone) await dir.remove(`${directory}/${name}`)
}
