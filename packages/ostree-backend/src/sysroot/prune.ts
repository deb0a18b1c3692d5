import type { BootVersion, Dir } from '@bootc-sdk/core'
import type { OstreeRepo } from '../repo/api.js'
import { activeSubVersion } from './boot-links.js'
import { cleanTemporary } from './clean-temporary.js'
import { deploymentId, type DeploymentName } from './layout.js'
import { scanDeployments } from './scan.js'
import { removeDeployments } from './seal.js'

export interface PruneInput {
  /** Deployments to keep, a staged one first, then boot order. */
  readonly keep: readonly DeploymentName[]
  /** Active boot version. */
  readonly version: BootVersion
  /** Never removed, whatever is asked. */
  readonly running: DeploymentName | undefined
}

/**
 * Remove what is not in use: links of the other boot versions, then deployments that are not kept, then refs
 * that held their commits.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-cleanup.c
 */
export async function pruneDeployments(root: Dir, repo: OstreeRepo, input: PruneInput): Promise<void> {
  const { version } = input
  const sub = await activeSubVersion(root, version)
  const other = version === 0 ? 1 : 0
  for (const path of [`boot.${other}`, `boot.${other}.0`, `boot.${other}.1`])
    await root.remove(`ostree/${path}`)
  if (sub !== undefined) await root.remove(`ostree/boot.${version}.${sub === 0 ? 1 : 0}`)
  const kept = new Set(input.keep.map(deploymentId))
  if (input.running !== undefined) kept.add(deploymentId(input.running))
  const going: DeploymentName[] = []
  for await (const { name } of scanDeployments(root)) if (!kept.has(deploymentId(name))) going.push(name)
  await removeDeployments(root, going)
  await cleanTemporary(root)
  await writeDeploymentRefs(repo, input.keep, version, sub ?? 0)
}

/** `ostree/B/S/INDEX` for each kept deployment; all others below `ostree/0` and `ostree/1` go. */
async function writeDeploymentRefs(
  repo: OstreeRepo,
  keep: readonly DeploymentName[],
  version: BootVersion,
  sub: 0 | 1,
): Promise<void> {
  const wanted = new Map(keep.map(({ checksum }, index) => [`ostree/${version}/${sub}/${index}`, checksum]))
  const changes = new Map<string, string | undefined>()
  for (const prefix of ['ostree/0', 'ostree/1']) {
    for (const [ref, checksum] of await repo.listRefs(prefix)) {
      if (!wanted.has(ref)) changes.set(ref, undefined)
      else if (wanted.get(ref) === checksum) wanted.delete(ref)
    }
  }
  for (const [ref, checksum] of wanted) changes.set(ref, checksum)
  if (changes.size === 0) return
  await using transaction = await repo.begin()
  for (const [ref, checksum] of changes) transaction.setRef(ref, checksum)
  await transaction.commit()
}
