import { parseDumpStream } from './dump/parse.js'
import { planErofs, type PlannedErofs } from './erofs/write.js'

/**
 * The image that `mkcomposefs --from-file` makes of a dump, byte for byte: of version 0, or 1 for a tree with whiteouts.
 * Digests in the dump are those of SHA-256.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_DUMP`, `STORE_COMPOSEFS_INVALID`
 */
export async function imageFromDump(
  dump: AsyncIterable<Uint8Array>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<PlannedErofs> {
  const tree = await parseDumpStream(dump, signal === undefined ? {} : { signal })
  return planErofs(tree, { version: { min: 0, max: 1 }, algorithm: 'sha256' })
}
