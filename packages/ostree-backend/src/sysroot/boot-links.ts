import type { BootVersion, Dir } from '@bootc-sdk/core'
import { isStateroot, parseDirectory, rootPath, type DeploymentName } from './layout.js'

/** What `ostree=` on a kernel command line says. */
export interface BootLink {
  readonly version: BootVersion
  readonly stateroot: string
  /** SHA-256 of kernel, initramfs and device tree. */
  readonly bootChecksum: string
  /** Number among deployments with the same kernel. */
  readonly bootSerial: number
}

const kargPattern = /^\/ostree\/boot\.([01])\/([^/]+)\/([0-9a-f]{64})\/(0|[1-9][0-9]{0,8})$/

/** Value of the `ostree` argument: `/ostree/boot.1/default/SHA256/0`. */
export function bootLinkPath(link: BootLink): string {
  return `/ostree/boot.${link.version}/${link.stateroot}/${link.bootChecksum}/${link.bootSerial}`
}

export function parseBootLink(path: string): BootLink | undefined {
  const match = kargPattern.exec(path)
  if (match === null || !isStateroot(match[2]!)) return undefined
  return {
    version: match[1] === '1' ? 1 : 0,
    stateroot: match[2]!,
    bootChecksum: match[3]!,
    bootSerial: Number(match[4]),
  }
}

/** The link a command line selects: the last `ostree=`, as libostree reads boot entries. */
export function bootLinkOf(cmdline: string): BootLink | undefined {
  const values = cmdline
    .split(/\s+/)
    .filter((word) => word.startsWith('ostree='))
    .map((word) => word.slice('ostree='.length))
  const last = values.at(-1)
  return last === undefined ? undefined : parseBootLink(last)
}

/** Which tree `ostree/boot.B` points at: S of `boot.B.S`; undefined when there is no such link. */
export async function activeSubVersion(root: Dir, version: BootVersion): Promise<0 | 1 | undefined> {
  const path = `ostree/boot.${version}`
  if ((await root.stat(path))?.type !== 'symlink') return undefined
  const target = await root.readlink(path)
  return target === `boot.${version}.0` ? 0 : target === `boot.${version}.1` ? 1 : undefined
}

/** Follow a link to its deployment; undefined when it leads nowhere. */
export async function followBootLink(root: Dir, link: BootLink): Promise<DeploymentName | undefined> {
  const sub = await activeSubVersion(root, link.version)
  if (sub === undefined) return undefined
  const { version, stateroot, bootChecksum, bootSerial } = link
  const path = `ostree/boot.${version}.${sub}/${stateroot}/${bootChecksum}/${bootSerial}`
  if ((await root.stat(path))?.type !== 'symlink') return undefined
  return deploymentOfTarget(await root.readlink(path))
}

/** All links of the active tree of a boot version, with their deployments. */
export async function* listBootLinks(
  root: Dir,
  version: BootVersion,
): AsyncGenerator<{ readonly link: BootLink; readonly name: DeploymentName }> {
  const sub = await activeSubVersion(root, version)
  if (sub === undefined) return
  const top = `ostree/boot.${version}.${sub}`
  if ((await root.stat(top))?.type !== 'directory') return
  for await (const stateroot of root.list(top)) {
    if (stateroot.stat.type !== 'directory') continue
    for await (const kernel of root.list(`${top}/${stateroot.name}`)) {
      if (kernel.stat.type !== 'directory') continue
      const directory = `${top}/${stateroot.name}/${kernel.name}`
      for await (const { name: serial, stat } of root.list(directory)) {
        const link = parseBootLink(`/ostree/boot.${version}/${stateroot.name}/${kernel.name}/${serial}`)
        if (link === undefined || stat.type !== 'symlink') continue
        const name = deploymentOfTarget(await root.readlink(`${directory}/${serial}`))
        if (name !== undefined) yield { link, name }
      }
    }
  }
}

/**
 * Make `boot.B.S` for these links and point `boot.B` at it. S is 1 where `boot.B` does not exist, else the
 * other one. Synchronises before and after the switch, which is a rename.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, swap_bootlinks
 */
export async function writeBootLinks(
  root: Dir,
  version: BootVersion,
  links: readonly { readonly link: BootLink; readonly name: DeploymentName }[],
): Promise<void> {
  const current = `ostree/boot.${version}`
  const active = await activeSubVersion(root, version)
  const sub = active === undefined ? 1 : active === 0 ? 1 : 0
  const top = `ostree/boot.${version}.${sub}`
  await root.remove(top)
  await root.mkdir(top, { mode: 0o755 })
  const made = new Set<string>()
  for (const { link, name } of links) {
    const directory = `${top}/${link.stateroot}/${link.bootChecksum}`
    for (const path of [`${top}/${link.stateroot}`, directory]) {
      if (made.has(path)) continue
      await root.mkdir(path, { mode: 0o755 })
      made.add(path)
    }
    await root.symlink(
      `../../../${rootPath(name).slice('ostree/'.length)}`,
      `${directory}/${link.bootSerial}`,
    )
  }
  await root.sync()
  const temporary = `${current}.tmp`
  await root.remove(temporary)
  await root.symlink(`boot.${version}.${sub}`, temporary)
  await root.rename(temporary, current)
  await root.sync()
}

const targetPattern = /^(?:\.\.\/)*deploy\/([^/]+)\/deploy\/([^/]+)\/?$/

function deploymentOfTarget(target: string): DeploymentName | undefined {
  const match = targetPattern.exec(target)
  return match === null ? undefined : parseDirectory(match[1]!, match[2]!)
}
