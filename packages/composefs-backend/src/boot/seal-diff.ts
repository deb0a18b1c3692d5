import { isBootcError } from '@bootc-sdk/core'
import { parseDump } from '../format/dump/parse.js'
import { diffTrees } from '../tree/diff.js'
import type { FileTree } from '../tree/inode.js'
import { find } from '../tree/lookup.js'
import { baseName } from '@bootc-sdk/core/names'
import { toBytes } from '../tree/names.js'
import { isRegular } from '../tree/read-file.js'
import type { Seal, SealCheck } from './seal.js'

/** A dump of a large system is 20 MB. Lines may be short, and each takes several times as much memory. */
const maxDumpBytes = 64 << 20

/**
 * What differs between the root that a kernel image was sealed for and ours, one line each, at most
 * `maxDiffLines` and one that says there are more. Undefined when the image ships no dump (`/boot/NAME.dump` for
 * `NAME.efi`), or one of more than 64 MiB.
 */
export async function explainMismatch(
  seal: Seal,
  check: SealCheck,
  ours: FileTree,
): Promise<string[] | undefined> {
  if (seal.path === undefined) return undefined
  const name = toBytes(baseName(seal.path)).replace(/\.efi$/, '.dump')
  const file = find(check.tree, `boot/${name}`)
  if (file === undefined || !isRegular(file) || file.size > maxDumpBytes) return undefined
  const limit = check.maxDiffLines ?? 50
  const lines: string[] = []
  try {
    const sealed = parseDump(await check.readFile(file, maxDumpBytes))
    for (const line of diffTrees(sealed, ours)) {
      if (lines.length === limit) {
        lines.push('… and more')
        break
      }
      lines.push(line)
    }
  } catch (error) {
    // A dump that cannot be read explains nothing; the mismatch is what matters.
    if (!isBootcError(error)) throw error
    return [`/boot/${name} is of no help: ${error.message}`]
  }
  return lines
}
