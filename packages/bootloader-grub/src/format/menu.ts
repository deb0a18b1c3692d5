import type { BootEntry } from '@bootc-sdk/core'
import { kernelWords, menuId, quoteWord } from './quote.js'
import { trialScript, type TrialScript } from './trial-script.js'

/** The first line of what this package generates. */
export const menuMark = '# Boot menu made by bootc-sdk from the entries beside it; changes are lost.'

export interface Menu extends Omit<TrialScript, 'hasFallback'> {
  /** In boot order, first = default. */
  readonly entries: readonly BootEntry[]
  /** Entries of other programs, behind ours. */
  readonly foreign: readonly BootEntry[]
}

/**
 * Configuration for a GRUB that cannot read entries itself: to be sourced with `root` set to the boot volume. It
 * needs the modules test, echo, linux, loadenv and chain, which signed programs have inside.
 */
export function printMenu({ entries, foreign, ...trial }: Menu): string {
  const blocks = [...entries, ...foreign].flatMap((entry) => printEntry(entry) ?? [])
  return [
    `${menuMark}\n`,
    trialScript({ ...trial, hasFallback: entries.length > 1 }),
    // Without one the menu waits for ever.
    'if [ -z "${timeout}" ]; then\n  set timeout=1\nfi\n',
    ...blocks,
  ].join('')
}

/**
 * @param before commands that come first
 * @returns undefined for an entry that starts nothing
 */
export function printEntry(entry: BootEntry, before: readonly string[] = []): string | undefined {
  const { fileName, title, options, linux, initrds, devicetree, extra } = entry
  const program = extra.find(([key]) => key === 'efi' || key === 'uki')?.[1]
  const lines = [...before]
  if (linux !== undefined) {
    lines.push(['linux', inVolume(linux), ...kernelWords(options)].map(command).join(' '))
    if (initrds.length > 0) lines.push(['initrd', ...initrds.map(inVolume)].map(command).join(' '))
    if (devicetree !== undefined) lines.push(['devicetree', inVolume(devicetree)].map(command).join(' '))
  } else if (program !== undefined) {
    lines.push(['chainloader', inVolume(program), ...kernelWords(options)].map(command).join(' '))
  } else return undefined
  // A word that starts with a dash would be an option.
  const shown = title.trim() === '' ? menuId(fileName) : title.replace(/^-/, ' -')
  const head = `menuentry ${quoteWord(shown)} --id ${quoteWord(menuId(fileName))} --unrestricted {`
  return `${[head, ...lines.map((line) => `  ${line}`), '}'].join('\n')}\n`
}

/** The first word is the name of a command. */
function command(word: string, index: number): string {
  return index === 0 ? word : quoteWord(word)
}

/** Paths in entries start at the root of the volume, also where they say so with no slash or several. */
function inVolume(path: string): string {
  return `/${path.replace(/^\/+/, '')}`
}
