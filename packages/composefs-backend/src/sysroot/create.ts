import type { DeploymentId, OpOptions, ReadTree, Sysroot } from '@bootc-sdk/core'
import { BootcError } from '@bootc-sdk/core'
import { ensureDirs } from './ensure-dirs.js'
import { seedEtc } from './etc.js'
import { deployRoot, originPath, statePath, varLink } from './layout.js'
import { readSetupRootConf } from './setup-root-conf.js'
import { seedVar } from './var.js'

/**
 * Lay out a deployment: /etc copied from the image, the shared /var, and last the origin, which makes it one.
 * What an earlier attempt left is replaced.
 *
 * @throws BootcError `DEPLOY_ETC`
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/state.rs
 */
export async function createDeployment(
  { root }: Pick<Sysroot, 'root'>,
  target: {
    readonly id: DeploymentId
    readonly image: ReadTree
    readonly origin: string
    readonly varFrom?: string | undefined
  },
  options: OpOptions,
): Promise<void> {
  const { id, image, origin, varFrom } = target
  await assertEtcMode(image)
  const path = statePath(id)
  await ensureDirs(root, deployRoot)
  try {
    await removeState(root, [id])
    await root.mkdir(path, { mode: 0o755 })
    await seedEtc(root, id, image, options)
    options.signal?.throwIfAborted()
    await seedVar(root, image, varFrom, options)
    await root.symlink(varLink, `${path}/var`)
    options.signal?.throwIfAborted()
    await root.write(originPath(id), Buffer.from(origin), { mode: 0o644 })
  } catch (error) {
    await removeState(root, [id])
    throw error
  }
}

/**
 * Remove deployments for good. Without its origin one does not count, and that is on disk before any of its files
 * go, so that a half-removed one never looks whole.
 */
export async function removeState(root: Sysroot['root'], ids: readonly DeploymentId[]): Promise<void> {
  let counted = false
  for (const id of ids) {
    if ((await root.stat(statePath(id)))?.type !== 'directory') continue
    if ((await root.stat(originPath(id))) === undefined) continue
    await root.remove(originPath(id))
    counted = true
  }
  if (counted) await root.sync()
  for (const id of ids) await root.remove(statePath(id))
}

/** An update would have to write the upper layer of an overlay, whiteouts and all. */
async function assertEtcMode(image: ReadTree): Promise<void> {
  const { etc } = await readSetupRootConf(image)
  if (etc !== 'overlay') return
  throw new BootcError(
    'DEPLOY_ETC',
    'setup-root-conf.toml of the image asks for an overlay on /etc, whose changes no update could carry over',
    { details: { mount: etc } },
  )
}
