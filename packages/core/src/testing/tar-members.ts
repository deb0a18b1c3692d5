import { createTarParser, type TarEntry } from '../tar/index.js'

/** A whole archive that is not compressed, member by member. */
export function tarMembers(archive: Uint8Array): { entry: TarEntry; data: Buffer }[] {
  const found: { entry: TarEntry; chunks: Buffer[] }[] = []
  const parser = createTarParser({
    entry: (entry) => void found.push({ entry, chunks: [] }),
    data: (chunk) => void found.at(-1)!.chunks.push(Buffer.from(chunk)),
    end: () => undefined,
  })
  parser.push(archive)
  parser.end()
  return found.map(({ entry, chunks }) => ({ entry, data: Buffer.concat(chunks) }))
}
