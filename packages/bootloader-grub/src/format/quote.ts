import { parseKarg, splitKargs } from '@bootc-sdk/core/kargs'

/**
 * A word of GRUB's script language that means these characters and nothing else: between single quotes no character
 * but the quote itself has a meaning. Control characters, which no menu can show, become spaces.
 *
 * @see GRUB 2.12 manual, "Quoting"; grub-core/script/yylex.l
 */
export function quoteWord(text: string): string {
  return `'${text.replace(/[\0-\x1f\x7f]/g, ' ').replaceAll("'", "'\\''")}'`
}

/** Between double quotes, as bootc writes titles of menu entries: backslash, quote and dollar are escaped. */
export function quoteTitle(text: string): string {
  return `"${text.replace(/[\0-\x1f\x7f]/g, ' ').replace(/["\\$]/g, '\\$&')}"`
}

/** Inverse of `quoteTitle`, without its quotes. */
export function unquoteTitle(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}

/**
 * Kernel arguments as words for GRUB's `linux`. Each is given without the quotes that are syntax: GRUB puts quotes
 * around a word with a space, which the kernel takes for those around a value. It has no way to pass on a quote or a
 * backslash that means itself: a backslash comes before it then.
 *
 * @see GRUB 2.12 grub-core/lib/cmdline.c; Linux lib/cmdline.c, next_arg
 */
export function kernelWords(options: string): string[] {
  return splitKargs(options).map((word) => {
    const { key, value } = parseKarg(word)
    return value === undefined ? key : `${key}=${value}`
  })
}

/** What names an entry in `default` and `next_entry`: no `>`, which parts submenus there, and nothing to quote. */
export function menuId(fileName: string): string {
  return fileName.replace(/\.conf$/, '').replace(/[^A-Za-z0-9._+:~-]/g, '_')
}
