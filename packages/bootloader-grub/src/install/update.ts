import type { Dir, LoaderProgram, ReadTree, Volume } from '@bootc-sdk/core'
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
    if (old !== undefined && next !== undefined && isOlder(old, next)) await replaceOnFat(esp, to, data)
  }
}

/** Programs on every ESP that say what they are, beside those that an image brings for their places. */
export async function programsOn(
  esps: readonly Volume[],
  files: readonly EspFile[],
): Promise<LoaderProgram[]> {
  const programs: LoaderProgram[] = []
  for (const [index, { dir }] of esps.entries()) {
    const volume = dir.hostPath ?? `ESP ${index + 1}`
    for (const path of await programFiles(dir)) {
      const installed = await versionOf(dir, path)
      if (installed === undefined) continue
      const file = files.find(({ to }) => to.toLowerCase() === path.toLowerCase())
      const shipped = file && (await versionOf(memoryFile(file.data), ''))
      programs.push({
        ...{ volume, path, version: installed.version, ...(shipped && { shipped: shipped.version }) },
        outdated: shipped !== undefined && isOlder(installed, shipped),
      })
    }
  }
  return programs
}

async function programFiles(esp: Dir): Promise<string[]> {
  const found: string[] = []
  if (!(await isDirectory(esp, 'EFI'))) return found
  for await (const { name, stat } of esp.list('EFI')) {
    if (stat.type !== 'directory') continue
    for await (const file of esp.list(`EFI/${name}`)) {
      if (/\.efi$/i.test(file.name) && file.stat.type === 'file') found.push(`EFI/${name}/${file.name}`)
    }
  }
  return found
}

function isOlder(old: ProgramVersion, next: ProgramVersion): boolean {
  if (old.component !== next.component) return false
  return (compareUapiVersions(old.version, next.version) || old.generation - next.generation) < 0
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
