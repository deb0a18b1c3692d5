import { readText } from '@bootc-sdk/core/store-kit'
import type { BootEntry, BootSpec, Dir, Sysroot } from '@bootc-sdk/core'
import { parseBlsEntry, sortForGrub } from '@bootc-sdk/core/bls'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { holdsEntries, menuName, readSet, renderEntries, type EntryFile } from './entries.js'
import { grubDir } from './environment-file.js'
import { printMenu } from './format/menu.js'
import type { SetLayout } from './layout.js'
import { isMenuWanted, type MenuMode } from './menu-wanted.js'
import { trialIdOf } from './trial.js'

/** What a set of entries is to hold. */
export interface SetContents {
  readonly files: readonly EntryFile[]
  /** Generated menu for a GRUB that does not read entries; undefined where none is wanted. */
  readonly menu?: string
  /** Entries and other files of other programs, which move along. */
  readonly kept: readonly string[]
}

/** Contents for these specs, with what other programs have in the active set. */
export async function contentsFor(
  sysroot: Sysroot,
  layout: SetLayout,
  specs: readonly BootSpec[],
  mode: MenuMode,
): Promise<SetContents> {
  const { dir, bootPrefix } = sysroot.boot
  const files = renderEntries(specs, bootPrefix)
  const taken = new Set(files.map(({ fileName }) => fileName))
  const { foreign } = await readSet(dir, await layout.activeDir())
  const kept = foreign.filter(({ fileName }) => !taken.has(fileName))
  const names = kept.map(({ fileName }) => fileName)
  if (files.length === 0 || !(await isMenuWanted(sysroot, mode))) return { files, kept: names }
  const entries = files.map(({ fileName, text }) => parseBlsEntry(text, fileName))
  const others = sortForGrub(kept.flatMap(({ entry }) => entry ?? []))
  return { files, kept: names, menu: await menuFor(sysroot, entries, others, files[0]!.text) }
}

async function menuFor(
  { boot: { dir, bootPrefix } }: Sysroot,
  entries: readonly BootEntry[],
  foreign: readonly BootEntry[],
  first: string,
): Promise<string> {
  const environment = `"(\${root})${bootPrefix}${await grubDir(dir)}/grubenv"`
  return printMenu({ entries, foreign, environment, trialId: trialIdOf(first) })
}

/** Whether a directory holds exactly this. A menu that is not wanted does no harm. */
export async function holdsContents(
  dir: Dir,
  entriesDir: string | undefined,
  { files, menu }: SetContents,
): Promise<boolean> {
  if (entriesDir === undefined || !holdsEntries(await readSet(dir, entriesDir), files)) return false
  return menu === undefined || (await readMenu(dir, entriesDir)) === menu
}

/** Fill an empty set. */
export async function writeContents(
  dir: Dir,
  layout: SetLayout,
  entriesDir: string,
  { files, menu, kept }: SetContents,
): Promise<void> {
  for (const { fileName, text } of files) {
    await dir.write(`${entriesDir}/${fileName}`, Buffer.from(text), { mode: 0o644, atomic: false })
  }
  const active = await layout.activeDir()
  for (const name of kept) await dir.copy(`${active}/${name}`, `${entriesDir}/${name}`, { atomic: false })
  if (menu !== undefined) {
    await dir.write(menuPath(entriesDir), Buffer.from(menu), { mode: 0o644, atomic: false })
  }
}

async function readMenu(dir: Dir, entriesDir: string): Promise<string | undefined> {
  if (!(await isDirectory(dir, entriesDir))) return undefined
  return readText(dir, menuPath(entriesDir))
}

/** Where libostree puts its own menu; sets that are exchanged have no other place that is switched with them. */
function menuPath(entriesDir: string): string {
  return entriesDir.replace(/^(loader\.[01])\/entries$/, '$1').concat(`/${menuName}`)
}
