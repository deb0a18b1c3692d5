import { parseBlsEntry } from '@bootc-sdk/core/bls'
import type { BootVersion } from '@bootc-sdk/core'
import { printEntry } from './menu.js'
import { menuId, quoteTitle, quoteWord, unquoteTitle } from './quote.js'

/** A menu entry that starts a unified kernel image. */
export interface UkiEntry {
  /** As shown: `<title>: (<id>)`. */
  readonly title: string
  /** On the ESP, from its root. */
  readonly path: string
  /** The block as it stands in the file. */
  readonly text: string
}

/** A kernel with an initramfs, in a menu that starts unified images too. */
export interface KernelEntry {
  readonly fileName: string
  /** Of the boot entry that it is made of. */
  readonly text: string
}

/** Title between double quotes, and a body in which braces are those of variables. */
const menuEntry = /^[ \t]*menuentry\s+"((?:[^"\\]|\\.)*)"[^{\n]*\{((?:[^{}]|\$\{\w+\})*)\}/gm

/** Of kernels: as the generated menu has them. */
const kernelEntry = /^menuentry '[^\n]* --id '([^'\n]*)' --unrestricted \{$/gm

/** Lines at the start of the file, where bootc has these. */
const uuidLines = [
  '',
  'if [ -f ${config_directory}/efiuuid.cfg ]; then',
  '        source ${config_directory}/efiuuid.cfg',
  'fi',
  '',
].join('\n')

/**
 * Entries of `grub2/user.cfg`, in boot order. Of unified images only what the entry starts is looked at, as bootc does
 * it; kernels are those that `printRecord` has written down.
 *
 * @see bootc 1.16.9 crates/lib/src/parsers/grub_menuconfig.rs
 */
export function parseUserCfg(text: string): (UkiEntry | KernelEntry)[] {
  const entries: { readonly at: number; readonly entry: UkiEntry | KernelEntry }[] = []
  for (const match of text.matchAll(menuEntry)) {
    const [block, title, body] = match as unknown as [string, string, string]
    const path = /^[ \t]*chainloader[ \t]+(\S+)/m.exec(body)?.[1]
    const entry = { title: unquoteTitle(title), path: path ?? '', text: `${block}\n` }
    if (path !== undefined) entries.push({ at: match.index, entry })
  }
  const kernels = new Map(parseRecord(text).kernels.map((entry) => [menuId(entry.fileName), entry]))
  for (const { index: at, 1: id } of text.matchAll(kernelEntry)) {
    const entry = kernels.get(id!)
    if (entry !== undefined) entries.push({ at, entry })
  }
  return entries.sort((a, b) => a.at - b.at).map(({ entry }) => entry)
}

/** One entry, byte for byte as bootc prints it. */
export function printUkiEntry(title: string, path: string): string {
  return [
    `menuentry ${quoteTitle(title)} {`,
    'insmod fat',
    'insmod chain',
    'search --no-floppy --set=root --fs-uuid "${EFI_PART_UUID}"',
    `chainloader ${path}`,
    '}',
    '',
  ].join('\n')
}

/**
 * One entry of a kernel.
 *
 * @param uuid of the boot volume; without it, it is on the one that GRUB's configuration lies on
 */
export function printKernelEntry({ fileName, text }: KernelEntry, uuid: string | undefined): string {
  const search = uuid === undefined ? [] : [`search --no-floppy --fs-uuid --set=root ${quoteWord(uuid)}`]
  return printEntry(parseBlsEntry(text, fileName), search) ?? ''
}

/** What a menu with kernels in it says of itself, as comments: GRUB's script does not hold all that entries say. */
export interface MenuRecord {
  readonly version?: BootVersion
  readonly kernels: readonly KernelEntry[]
}

function printRecord({ version, kernels }: MenuRecord): string[] {
  if (kernels.length === 0) return []
  // Between brackets, so that no line ends with a backslash.
  const lines = kernels.flatMap(({ fileName, text }) => [
    `# bootc-sdk entry <${fileName}>`,
    ...text
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => `# <${line}>`),
  ])
  return [`# bootc-sdk boot version ${version ?? 0}`, ...lines].map((line) => `${line}\n`)
}

export function parseRecord(text: string): MenuRecord {
  const version = /^# bootc-sdk boot version ([01])$/m.exec(text)?.[1]
  const kernels: KernelEntry[] = []
  for (const match of text.matchAll(/^# bootc-sdk entry <([^\n]*)>\n((?:# <[^\n]*>\n)*)/gm)) {
    const [, fileName, lines] = match as unknown as [string, string, string]
    kernels.push({ fileName, text: lines.replace(/^# <([^\n]*)>$/gm, '$1') })
  }
  return version === undefined ? { kernels } : { version: version === '1' ? 1 : 0, kernels }
}

export interface UserCfg {
  /** Blocks of `printUkiEntry` and `printKernelEntry`, first = default. */
  readonly entries: readonly string[]
  readonly record: MenuRecord
  /** `GRUB2_PASSWORD=…` of grub2-setpassword, which has the same file. */
  readonly password?: string | undefined
  /** Choice of the default entry; bootc skips what comes before the first entry, and drops it. */
  readonly choice: string
}

export function printUserCfg({ entries, record, password, choice }: UserCfg): string {
  return [
    ...(password === undefined ? [] : [`${password}\n`]),
    uuidLines,
    // Our configuration leaves out the menu beside the boot entries then.
    'set bootc_sdk_menu=user.cfg\n',
    ...printRecord(record),
    choice,
    ...entries,
  ].join('')
}

export function passwordOf(text: string): string | undefined {
  return /^GRUB2_PASSWORD=[\w.]+$/m.exec(text)?.[0]
}

/** `grub2/efiuuid.cfg`. */
export function printEfiUuid(uuid: string): string {
  return `set EFI_PART_UUID="${uuid}"`
}
