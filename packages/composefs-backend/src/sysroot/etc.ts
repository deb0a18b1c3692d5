import type { DeploymentId, Dir, OpOptions, ReadTree } from '@bootc-sdk/core'
import { copyTree } from './copy-tree.js'
import { etcPath } from './layout.js'

/** Stamp of a finished first boot; without it systemd runs its updates of /etc for a new deployment. */
const stamp = '.updated'

/** Give a deployment its /etc: a copy of the image's. Whatever is there goes. */
export async function seedEtc(
  root: Dir,
  id: DeploymentId,
  image: ReadTree,
  options: OpOptions = {},
): Promise<void> {
  const path = etcPath(id)
  await root.remove(path)
  await root.mkdir(path, { mode: 0o755 })
  await copyTree(image, 'etc', root, path, { signal: options.signal, skip: new Set([stamp]) })
}

/** Local changes that were merged in may have brought the stamp back. */
export async function removeStamp(root: Dir, id: DeploymentId): Promise<void> {
  await root.remove(`${etcPath(id)}/${stamp}`)
}
