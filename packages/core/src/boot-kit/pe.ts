import type { ReadTree } from '../interfaces/index.js'

/** Headers of kernel images and loaders lie in the first blocks. */
const headBytes = 64 << 10
/** Command lines and versions are short. */
const maxTextBytes = 64 << 10

/**
 * Text of a section of a PE file (`.cmdline`, `.sdmagic`, `.sbat`); undefined when it is no PE file or has none.
 *
 * @see Microsoft PE format; UAPI.5 Unified Kernel Image
 */
export async function peText(tree: ReadTree, path: string, section: string): Promise<string | undefined> {
  const head = await readRange(tree, path, 0, headBytes)
  if (head.length < 0x40) return undefined
  const pe = head.readUInt32LE(0x3c)
  if (pe + 24 > head.length || head.toString('latin1', pe, pe + 4) !== 'PE\0\0') return undefined
  const table = pe + 24 + head.readUInt16LE(pe + 20)
  const end = table + head.readUInt16LE(pe + 6) * 40
  if (end > head.length) return undefined
  for (let at = table; at < end; at += 40) {
    if (head.toString('latin1', at, at + 8).replace(/\0+$/, '') !== section) continue
    const [sizeBytes, start] = [head.readUInt32LE(at + 8), head.readUInt32LE(at + 20)]
    if (start === 0 || sizeBytes > maxTextBytes) return undefined
    return (await readRange(tree, path, start, start + sizeBytes)).toString('utf8').replace(/\0+$/, '')
  }
  return undefined
}

export async function readRange(tree: ReadTree, path: string, start: number, end: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path, { start, end })) chunks.push(chunk)
  return Buffer.concat(chunks)
}
