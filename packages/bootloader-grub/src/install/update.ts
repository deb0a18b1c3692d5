import type { Dir, ReadTree } from '@bootc-sdk/core'
import { compareUapiVersions } from '@bootc-sdk/core/bls'
import { isDirectory, peText, replaceOnFat } from '@bootc-sdk/core/boot-kit'
import { memoryFile } from './memory-file.js'
import type { EspFile } from './payload.js'

/** What a program says that it is, in its section `.sbat`. @see shim 16 SBAT.md */
interface ProgramVersion {
  /** `shim`, `grub`. */
  readonly component: string
  readonly generation: number
  readonly version: string
}

/**
 * Replace programs on an ESP that are the same component in an older version, and nothing else. Versions are those of
 * the distribution where the program names them.
 */
export async function updateFiles(esp: Dir, files: readonly EspFile[]): Promise<void> {
  for (const { to, data } of files) {
    const parent = to.slice(0, to.lastIndexOf('/'))
    if (!(await isDirectory(esp, parent)) || (await esp.stat(to))?.type !== 'file') continue
    const [old, next] = [await versionOf(esp, to), await versionOf(memoryFile(data), '')]
    if (old === undefined || next === undefined || old.component !== next.component) continue
    const order = compareUapiVersions(old.version, next.version) || old.generation - next.generation
    if (order < 0) await replaceOnFat(esp, to, data)
  }
}

/** Undefined for files that do not say. */
export async function versionOf(tree: ReadTree, path: string): Promise<ProgramVersion | undefined> {
  const rows = (await peText(tree, path, '.sbat'))?.split('\n').map((line) => line.split(',')) ?? []
  const main = rows.find(([name = '']) => /^(?:shim|grub)$/.test(name))
  if (main === undefined) return undefined
  const [component, generation, , , version = ''] = main as [string, string, ...string[]]
  const vendor = rows.find(([name = '']) => name.startsWith(`${component}.`))
  return { component, generation: Number(generation) || 0, version: vendor?.[4] ?? version }
}
