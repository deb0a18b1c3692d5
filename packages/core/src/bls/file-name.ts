import type { BootCount } from '../interfaces/bootloader.js'

/** Kept in the file name of an entry: `+LEFT` or `+LEFT-DONE` before `.conf`. */
export type { BootCount }

/** What `ostree-N.conf` says. */
export interface OstreeEntryName {
  /** N: the number of deployments minus the entry's index, so the highest is the default. */
  readonly number: number
  readonly count?: BootCount
  /** Older versions and `bootloader-naming-1` put the stateroot in. */
  readonly stateroot?: string
}

/**
 * Parse `ostree-N[+LEFT[-DONE]][-STATEROOT].conf` (the stateroot may also stand before the count); undefined
 * for other names.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c
 */
export function parseOstreeEntryName(fileName: string): OstreeEntryName | undefined {
  const match =
    /^ostree-([0-9]{1,9})(?:-([^+]+))?(?:\+([0-9]{1,9})(?:-([0-9]{1,9}))?)?(?:-([^+]+))?\.conf$/.exec(
      fileName,
    )
  if (match === null) return undefined
  const [, number, before, left, done, after] = match
  const stateroot = before ?? after
  return {
    number: Number(number),
    ...(left === undefined ? {} : { count: { left: Number(left), done: Number(done ?? 0) } }),
    ...(stateroot === undefined ? {} : { stateroot }),
  }
}

/** Inverse of `parseOstreeEntryName`; the count comes last, where boot loaders look for it. */
export function printOstreeEntryName({ number, count, stateroot }: OstreeEntryName): string {
  return `ostree-${number}${stateroot === undefined ? '' : `-${stateroot}`}${printCount(count)}.conf`
}

/**
 * Count and the rest of any Type #1 file name: `a+3-0.conf` is `a.conf` with 3 left and none done.
 *
 * @see UAPI.1 "Boot counting"
 */
export function parseBootCount(fileName: string): { name: string; count?: BootCount } {
  const match = /^(.+)\+([0-9]{1,9})(?:-([0-9]{1,9}))?\.conf$/.exec(fileName)
  if (match === null) return { name: fileName }
  const [, base, left, done] = match
  return { name: `${base}.conf`, count: { left: Number(left), done: Number(done ?? 0) } }
}

/** Inverse of `parseBootCount`. systemd-boot writes `+LEFT-DONE`, and `+LEFT` before the first try. */
export function printBootCount({ name, count }: { name: string; count?: BootCount | undefined }): string {
  if (count === undefined) return name
  const suffix = count.done === 0 ? `+${count.left}` : `+${count.left}-${count.done}`
  return `${name.replace(/\.conf$/, '')}${suffix}.conf`
}

function printCount(count: BootCount | undefined): string {
  if (count === undefined || (count.left === 0 && count.done === 0)) return ''
  return count.done === 0 ? `+${count.left}` : `+${count.left}-${count.done}`
}
