import { posix } from 'node:path'
import { BootcError, type OpOptions, type Sysroot } from '@bootc-sdk/core'
import { parentPath } from '@bootc-sdk/core/names'
import type { OstreeRepo } from '../repo/api.js'
import { planImage, type ComposefsFormat } from './composefs-image.js'
import { isEmpty, seedEtc } from './etc.js'
import { bootChecksum, findKernel } from './kernel.js'
import { originPath, rootPath, statePath, varPath, type DeploymentName } from './layout.js'
import { nextDeploySerial } from './scan.js'
import { seedVar } from './var.js'

/**
 * Check out a commit as a new deployment: root with hard links into the repository and its composefs image,
 * /etc copied from its defaults, /var of a fresh stateroot seeded, and last the origin, which makes it complete.
 *
 * @throws BootcError `DEPLOY_NO_KERNEL`, `DEPLOY_ETC`, and those of `planImage`
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, sysroot_initialize_deployment
 */
export async function createDeployment(
  sysroot: Sysroot,
  repo: OstreeRepo,
  target: {
    readonly stateroot: string
    readonly checksum: string
    readonly origin: string
    /** /var of the system so far, when another store has it. */
    readonly varFrom?: string | undefined
    readonly composefs?: (() => Promise<ComposefsFormat>) | undefined
  },
  options: OpOptions,
): Promise<{ readonly name: DeploymentName; readonly bootChecksum: string }> {
  const { root } = sysroot
  const { stateroot, checksum, origin } = target
  if (!(await repo.has('commit', checksum))) {
    throw new BootcError('DEPLOY_NO_IMAGE', `commit ${checksum} is not in the repository`, {
      details: { checksum },
    })
  }
  const writeImage = await planImage(repo, checksum, target.composefs)
  await makeStateroot(sysroot, stateroot, target.varFrom)
  const deploySerial = await nextDeploySerial(root, stateroot, checksum)
  const name: DeploymentName = { stateroot, checksum, deploySerial }
  const path = rootPath(name)
  try {
    await repo.checkout(checksum, root, { ...options, path, passthroughWhiteouts: true })
    const tree = root.sub(path)
    const digest = await bootChecksum(tree, await findKernel(tree))
    options.signal?.throwIfAborted()
    await writeImage?.(root, path, options)
    await seedEtc(repo, root, name, options)
    await seedVar(repo, root, name, options)
    options.signal?.throwIfAborted()
    await root.write(originPath(name), Buffer.from(origin), { mode: 0o644 })
    return { name, bootChecksum: digest }
  } catch (error) {
    await root.remove(originPath(name))
    await root.remove(path)
    throw error
  }
}

/**
 * Directories of a stateroot, as `ostree admin stateroot-init` makes them. Repeatable.
 *
 * @param varFrom directory below the physical root that a new stateroot shares as its /var
 */
export async function makeStateroot({ root }: Sysroot, stateroot: string, varFrom?: string): Promise<void> {
  const absent = async (path: string): Promise<boolean> => (await root.stat(path)) === undefined
  if (await absent(statePath(stateroot))) await root.mkdir(statePath(stateroot), { mode: 0o755 })
  const own = varPath(stateroot)
  if (varFrom !== undefined && (await root.stat(own))?.type === 'directory' && (await isEmpty(root, own))) {
    await root.remove(own)
  }
  if (await absent(own)) {
    if (varFrom === undefined) await root.mkdir(own, { mode: 0o755 })
    else await root.symlink(posix.relative(parentPath(own), varFrom), own)
  }
  const deploy = `${statePath(stateroot)}/deploy`
  if (await absent(deploy)) await root.mkdir(deploy, { mode: 0o755 })
}
