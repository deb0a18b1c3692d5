import type { ReadTree } from '@bootc-sdk/core'
import { parseKeyfile } from '@bootc-sdk/core/keyfile'
import { loadLabeler, type Labeler } from '@bootc-sdk/core/selinux'
import type { OstreeRepo } from '../repo/api.js'

/** What a base image decides about the ordinary layers on top of it. */
export interface BaseRules {
  readonly allowNonUsr: boolean
  readonly labeler: Labeler | undefined
}

/**
 * @param base commit of the base image, complete; none where every layer is an ordinary one
 * @param policyFrom commit whose SELinux policy stands in for that of a base
 */
export async function loadBaseRules(
  repo: OstreeRepo,
  base: string | undefined,
  policyFrom: string | undefined,
): Promise<BaseRules> {
  const commit = base ?? policyFrom
  if (commit === undefined) return { allowNonUsr: true, labeler: undefined }
  const tree = await repo.openCommit(commit)
  return {
    allowNonUsr: base === undefined || (await baseAllowsNonUsr(tree)),
    // Such repositories hold no attributes.
    labeler: repo.mode === 'bare-user-only' ? undefined : await loadLabeler(tree),
  }
}

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
