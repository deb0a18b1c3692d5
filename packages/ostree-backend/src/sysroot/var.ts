import { posix } from 'node:path'
import type { Dir, OpOptions } from '@bootc-sdk/core'
import { joinPath, normalizePath, parentPath } from '@bootc-sdk/core/names'
import type { Labeler } from '@bootc-sdk/core/selinux'
import { selinuxXattr, storedLabel, withLabel } from '../container/labels.js'
import type { OstreeRepo } from '../repo/api.js'
import { isEmpty } from './etc.js'
import { rootPath, varPath, type DeploymentName } from './layout.js'

/**
 * Where the /var of a stateroot is: its own directory, or, on a system that came from another store, the one
 * that its link leads to.
 */
export async function varDirectory(root: Dir, stateroot: string): Promise<string> {
  const path = varPath(stateroot)
  if ((await root.stat(path))?.type !== 'symlink') return path
  // Refuses what leads out of the root.
  return normalizePath(posix.join(parentPath(path), await root.readlink(path)))
}

/** Stamp of libostree: /var was labelled once. */
export const selabeledStamp = '.ostree-selabeled'

/**
 * Fill a stateroot's /var from the commit, only while it is completely empty (the first deployment). Images
 * without tmpfiles.d also get the directories that systemd would make.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, prepare_deployment_var
 */
export async function seedVar(
  repo: OstreeRepo,
  root: Dir,
  name: DeploymentName,
  options: OpOptions,
): Promise<void> {
  const target = await varDirectory(root, name.stateroot)
  const own = `${rootPath(name)}/var`
  if ((await root.stat(own))?.type !== 'directory') return
  if (!(await isEmpty(root, target))) return
  try {
    await repo.checkout(name.checksum, root, {
      ...options,
      path: target,
      subpath: 'var',
      overwrite: 'union-files',
      forceCopy: true,
    })
    if ((await root.stat(`${rootPath(name)}/usr/lib/tmpfiles.d`)) === undefined) await legacyVar(root, target)
  } catch (error) {
    // What is there would be taken for a system's own, and the rest would never come.
    await clear(root, target)
    throw error
  }
}

async function clear(root: Dir, path: string): Promise<void> {
  const names: string[] = []
  for await (const { name } of root.list(path)) names.push(name)
  for (const name of names) await root.remove(`${path}/${name}`)
}

async function legacyVar(root: Dir, target: string): Promise<void> {
  for (const [name, mode] of [
    ['tmp', 0o1777],
    ['lib', 0o755],
    ['log', 0o755],
  ] as const) {
    const path = `${target}/${name}`
    if ((await root.stat(path)) === undefined) await root.mkdir(path, { mode })
  }
  for (const name of ['run', 'lock']) {
    const path = `${target}/${name}`
    if ((await root.stat(path)) === undefined) {
      await root.symlink(name === 'run' ? '../run' : '../run/lock', path)
    }
  }
}

/** Label /var by the policy of a deployment, once for each stateroot, and leave the stamp (also without a policy). */
export async function labelVar(root: Dir, stateroot: string, labeler: Labeler | undefined): Promise<void> {
  const top = await varDirectory(root, stateroot)
  const stamp = `${top}/${selabeledStamp}`
  if ((await root.stat(stamp)) !== undefined) return
  if (labeler !== undefined && root.supports.xattrs) await labelTree(root, top, '/var', labeler)
  const context = labeler && labeler.label(`/var/${selabeledStamp}`, 0o100644)
  await root.write(stamp, new Uint8Array(0), {
    mode: 0o644,
    // Nothing to be torn, and no temporary file to be left in /var.
    atomic: false,
    ...(context !== undefined && root.supports.xattrs ? { xattrs: withLabel([], context) } : {}),
  })
}

const typeBits = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const

async function labelTree(root: Dir, path: string, shown: string, labeler: Labeler): Promise<void> {
  const stat = await root.stat(path)
  if (stat === undefined || !(stat.type in typeBits)) return
  const mode = typeBits[stat.type as keyof typeof typeBits] | stat.mode
  const context = labeler.label(shown, mode)
  if (context !== undefined) {
    const xattrs = await root.xattrs(path)
    if (storedLabel(xattrs) !== context) {
      await root.setMeta(path, {
        xattrs: withLabel(
          xattrs.filter(({ name }) => name !== selinuxXattr),
          context,
        ),
      })
    }
  }
  if (stat.type !== 'directory') return
  const names: string[] = []
  for await (const { name } of root.list(path)) names.push(name)
  for (const name of names) await labelTree(root, joinPath(path, name), `${shown}/${name}`, labeler)
}
