import { quoteTitle, unquoteTitle } from './quote.js'

/** A menu entry that starts a unified kernel image. */
export interface UkiEntry {
  /** As shown: `<title>: (<id>)`. */
  readonly title: string
  /** On the ESP, from its root. */
  readonly path: string
  /** The block as it stands in the file. */
  readonly text: string
}

/** Title between double quotes, and a body in which braces are those of variables. */
const menuEntry = /^[ \t]*menuentry\s+"((?:[^"\\]|\\.)*)"[^{\n]*\{((?:[^{}]|\$\{\w+\})*)\}/gm

/** Lines at the start of the file, where bootc has these. */
const uuidLines = [
  '',
  'if [ -f ${config_directory}/efiuuid.cfg ]; then',
  '        source ${config_directory}/efiuuid.cfg',
  'fi',
  '',
].join('\n')

/**
 * Entries of `grub2/user.cfg`, in boot order. Only what the entry starts is looked at, as bootc does it.
 *
 * @see bootc 1.16.9 crates/lib/src/parsers/grub_menuconfig.rs
 */
export function parseUserCfg(text: string): UkiEntry[] {
  const entries: UkiEntry[] = []
  for (const match of text.matchAll(menuEntry)) {
    const [block, title, body] = match as unknown as [string, string, string]
    const path = /^[ \t]*chainloader[ \t]+(\S+)/m.exec(body)?.[1]
    if (path !== undefined) entries.push({ title: unquoteTitle(title), path, text: `${block}\n` })
  }
  return entries
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

export interface UserCfg {
  /** Blocks of `printUkiEntry`, first = default. */
  readonly entries: readonly string[]
  /** `GRUB2_PASSWORD=…` of grub2-setpassword, which has the same file. */
  readonly password?: string | undefined
  /** Choice of the default entry; bootc skips what comes before the first entry, and drops it. */
  readonly choice: string
}

export function printUserCfg({ entries, password, choice }: UserCfg): string {
  return [...(password === undefined ? [] : [`${password}\n`]), uuidLines, choice, ...entries].join('')
}

export function passwordOf(text: string): string | undefined {
  return /^GRUB2_PASSWORD=[\w.]+$/m.exec(text)?.[0]
}

/** `grub2/efiuuid.cfg`. */
export function printEfiUuid(uuid: string): string {
  return `set EFI_PART_UUID="${uuid}"`
}
