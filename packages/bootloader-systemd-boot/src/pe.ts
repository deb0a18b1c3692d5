import type { ReadTree } from '@bootc-sdk/core'
import { peText, readRange } from '@bootc-sdk/core/boot-kit'

/**
 * Version of a systemd-boot program; undefined for other programs.
 *
 * @see systemd 257 src/boot/boot.c (`#### LoaderInfo: systemd-boot VERSION ####`)
 */
export async function loaderVersion(tree: ReadTree, path: string): Promise<string | undefined> {
  const marker = (text: string) => /#### LoaderInfo: systemd-boot ([^\s#]+) ####/.exec(text)?.[1]
  const magic = await peText(tree, path, '.sdmagic')
  if (magic !== undefined) return marker(magic)
  // Old versions have the marker among their data.
  const stat = await tree.stat(path)
  if (stat?.type !== 'file' || stat.sizeBytes > 8 << 20) return undefined
  return marker((await readRange(tree, path, 0, stat.sizeBytes)).toString('latin1'))
}
