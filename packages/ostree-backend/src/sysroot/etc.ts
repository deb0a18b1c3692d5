import { BootcError, type Dir, type OpOptions } from '@bootc-sdk/core'
import type { OstreeRepo } from '../repo/api.js'
import { etcPath, rootPath, type DeploymentName } from './layout.js'

/**
 * Give a fresh deployment its /etc: a real copy of the commit's /usr/etc, never hard links into the repository.
 *
 * @throws BootcError `DEPLOY_ETC` for an image with content in /etc beside or instead of /usr/etc
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, prepare_deployment_etc
 */
export async function seedEtc(
  repo: OstreeRepo,
  root: Dir,
  name: DeploymentName,
  options: OpOptions = {},
): Promise<void> {
  const etc = etcPath(name)
  const hasDefaults = (await root.stat(`${rootPath(name)}/usr/etc`))?.type === 'directory'
  const own = await root.stat(etc)
  if (own !== undefined) {
    const empty = own.type === 'directory' && (await isEmpty(root, etc))
    if (!empty || !hasDefaults) {
      const reason = hasDefaults ? 'both /etc and /usr/etc' : '/etc instead of /usr/etc'
      throw new BootcError('DEPLOY_ETC', `the image has ${reason}`, { details: { checksum: name.checksum } })
    }
    await root.remove(etc)
  }
  if (!hasDefaults) return
  await repo.checkout(name.checksum, root, { ...options, path: etc, subpath: 'usr/etc', forceCopy: true })
}

/** A sealed deployment has the immutable flag on its root directory; without it entries can come and go. */
export async function clearImmutable(root: Dir, path: string): Promise<void> {
  if (!root.supports.immutable || root.setImmutable === undefined) return
  if ((await root.stat(path)) !== undefined) await root.setImmutable(path, false)
}

export async function isEmpty(root: Pick<Dir, 'list'>, path: string): Promise<boolean> {
  for await (const _ of root.list(path)) return false
  return true
}
