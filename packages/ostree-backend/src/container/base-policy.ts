import type { ReadTree } from '@bootc-sdk/core'
import { parseKeyfile } from '@bootc-sdk/core/keyfile'

const configPaths = ['etc/ostree/prepare-root.conf', 'usr/lib/ostree/prepare-root.conf'] as const
const maxConfigBytes = 1 << 20

/**
 * Can a base image hold what lies outside /usr, /etc and /var? Only when its root is made for every boot
 * (transient) or comes from composefs; else layers lose such paths.
 *
 * @see bootc 1.16.9, ostree-ext container/store.rs; ostree 2026.4 prepare-root.conf
 */
export async function baseAllowsNonUsr(base: Pick<ReadTree, 'stat' | 'read'>): Promise<boolean> {
  for (const path of configPaths) {
    const stat = await base.stat(path)
    if (stat?.type !== 'file') continue
    return configAllowsNonUsr(await readText(base, path))
  }
  return false
}

/** @param text of prepare-root.conf */
export function configAllowsNonUsr(text: string): boolean {
  const config = parseKeyfile(text)
  const transient = config.get('root', 'transient')?.trim()
  if (transient === 'true' || transient === '1') return true
  const enabled = config.get('composefs', 'enabled')?.trim()
  return enabled !== undefined && ['signed', 'verity', 'yes', 'true', '1', 'maybe'].includes(enabled)
}

async function readText(tree: Pick<ReadTree, 'read'>, path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path, { start: 0, end: maxConfigBytes })) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
