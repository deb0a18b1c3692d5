import type { Host } from '../interfaces/index.js'

/** @see systemd, Boot Loader Interface */
const vendor = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'

/** What the boot loader told the system that it started. Plain data. */
export interface RunningLoader {
  /** `systemd-boot 257.9-1~deb13u1`, `GRUB 2.12`. */
  readonly info: string
  /** File name of the entry that was chosen. */
  readonly entry?: string
  /** File of the entry on trial, with its count as it was before this boot: `/loader/entries/a+2-1.conf`. */
  readonly countPath?: string
}

/** From EFI variables; undefined where the loader set none, or there are none. */
export async function runningLoader(host: Host): Promise<RunningLoader | undefined> {
  const info = await variable(host, 'LoaderInfo')
  if (info === undefined) return undefined
  const entry = await variable(host, 'LoaderEntrySelected')
  const countPath = await variable(host, 'LoaderBootCountPath')
  return {
    info,
    ...(entry === undefined ? {} : { entry }),
    ...(countPath === undefined ? {} : { countPath: countPath.replaceAll('\\', '/') }),
  }
}

/** Text in UTF-16, with or without a NUL at its end. */
async function variable(host: Host, name: string): Promise<string | undefined> {
  const data = await host.efiVariable?.(`${name}-${vendor}`)
  if (data === undefined) return undefined
  const text = Buffer.from(data.subarray(0, data.length & ~1)).toString('utf16le')
  const [value = ''] = text.split('\0')
  return value === '' ? undefined : value
}
