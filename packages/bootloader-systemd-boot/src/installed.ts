import type { Dir, Volume } from '@bootc-sdk/core'
import { compareUapiVersions } from '@bootc-sdk/core/bls'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { loaderVersion } from './pe.js'

/** Directory of the loader's programs on an ESP. */
export const loaderHome = 'EFI/systemd'
export const removableHome = 'EFI/BOOT'

/** Programs on an ESP that are systemd-boot, with versions. */
export async function installedLoaders(dir: Dir): Promise<{ path: string; version: string }[]> {
  const found: { path: string; version: string }[] = []
  for (const [home, pattern] of [
    [loaderHome, /^systemd-boot.*\.efi$/i],
    [removableHome, /^BOOT[A-Z0-9]+\.EFI$/i],
  ] as const) {
    if (!(await isDirectory(dir, home))) continue
    for await (const { name, stat } of dir.list(home)) {
      if (stat.type !== 'file' || !pattern.test(name)) continue
      const version = await loaderVersion(dir, `${home}/${name}`)
      if (version !== undefined) found.push({ path: `${home}/${name}`, version })
    }
  }
  return found
}

/** The oldest version on any ESP: what is written must be understood by whichever starts. */
export async function installedVersion(esps: readonly Volume[]): Promise<string | undefined> {
  const versions: string[] = []
  for (const { dir } of esps) versions.push(...(await installedLoaders(dir)).map(({ version }) => version))
  return versions.sort(compareUapiVersions)[0]
}
