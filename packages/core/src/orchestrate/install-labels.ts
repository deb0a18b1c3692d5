import { BootcError, isBootcError } from '../errors.js'
import type { Dir, EntryType, ReadTree, Stat, Sysroot, Warning } from '../interfaces/index.js'
import { joinPath } from '../names/index.js'
import { labelAttribute, labelXattr, loadLabeler, probeLabels, type Labeler } from '../selinux/index.js'
import { alephPath } from './aleph.js'
import { hasPolicy } from './install-records.js'
import type { InstallOptions } from './install-types.js'

/*
 * SELinux at installation: may this process write labels of the new system, and labels of what lies beside the
 * deployments. Those of the deployments are the store's business.
 * @see bootc 1.16.9 crates/lib/src/lsm.rs, install.rs
 */

/** What is known of labels before the image is there. */
export interface LabelCheck {
  /** What kept the store from writing was a label, where labels are refused. */
  explain(error: unknown): never
  /** @throws BootcError `HOST_SELINUX_LABELS` */
  assertFor(tree: Pick<ReadTree, 'stat'>): Promise<void>
}

/**
 * On a machine with SELinux only processes in some domains (`install_t`, `spc_t`) may write labels that its own policy
 * does not have.
 */
export async function checkLabels(
  { root }: Pick<Sysroot, 'root'>,
  { aleph = {}, disableSelinux = false }: Pick<InstallOptions, 'aleph' | 'disableSelinux'>,
): Promise<LabelCheck> {
  const isAsked = aleph !== false && aleph.hostSelinux === true && !disableSelinux
  const cause = isAsked ? await probeLabels(root) : undefined
  const refusal = () =>
    new BootcError(
      'HOST_SELINUX_LABELS',
      "the image has an SELinux policy, and SELinux of this machine does not let this process write another system's labels",
      { cause },
    )
  return {
    explain(error) {
      if (
        cause !== undefined &&
        isBootcError(error) &&
        /^TREE_(?:IO|PERMISSION|UNSUPPORTED)$/.test(error.code)
      ) {
        throw refusal()
      }
      throw error
    },
    async assertFor(tree) {
      if (cause !== undefined && (await hasPolicy(tree))) throw refusal()
    },
  }
}

/**
 * Label what lies beside the deployments and has no label: directories of the store as /usr, /etc and /var of the
 * deployments and /boot by their own paths. Other mounts, and files of another system on the same root, are left alone.
 *
 * @param tree with the policy of the new system
 */
export async function labelPhysicalRoot(
  { root, boot }: Pick<Sysroot, 'root' | 'boot'>,
  tree: ReadTree,
  { disableSelinux = false, signal }: Pick<InstallOptions, 'disableSelinux' | 'signal'>,
): Promise<readonly Warning[]> {
  const labeler = disableSelinux ? undefined : await loadLabeler(tree)
  if (labeler === undefined) return []
  try {
    await labelEntry(root, '', '/usr', labeler)
    for (const name of ['ostree', 'composefs', 'state', 'etc', 'boot', alephPath]) {
      if (name === 'etc') await labelEntry(root, name, '/etc', labeler)
      else await labelTree(root, name, labeler, signal)
    }
    if (boot.bootPrefix === '/' && boot.dir.supports.xattrs) await labelBoot(boot.dir, labeler, signal)
    return []
  } catch (error) {
    signal?.throwIfAborted()
    if (!isBootcError(error)) throw error
    const message = `files beside the deployments have no SELinux labels: ${error.message}`
    return [{ code: 'install:labels-skipped', message, details: { ...error.details } }]
  }
}

async function labelTree(root: Dir, path: string, labeler: Labeler, signal?: AbortSignal): Promise<void> {
  const stat = await root.stat(path)
  if (stat === undefined) return
  const { dev } = (await root.stat(''))!
  const walk = async (path: string, stat: Stat): Promise<void> => {
    signal?.throwIfAborted()
    // Another file system.
    if (stat.dev !== dev || isOfDeployment(path)) return
    await labelEntry(root, path, policyPath(path), labeler, stat)
    if (stat.type !== 'directory') return
    for await (const child of root.list(path)) await walk(joinPath(path, child.name), child.stat)
  }
  await walk(path, stat)
}

async function labelBoot(dir: Dir, labeler: Labeler, signal?: AbortSignal): Promise<void> {
  await labelEntry(dir, '', '/usr', labeler)
  const list = async (path: string): Promise<void> => {
    for await (const { name, stat } of dir.list(path)) {
      signal?.throwIfAborted()
      const child = joinPath(path, name)
      await labelEntry(dir, child, `/boot/${child}`, labeler, stat)
      if (stat.type === 'directory') await list(child)
    }
  }
  await list('')
}

/** What the store has labelled: content by its attributes, and the roots that are checked out, but for their /etc. */
function isOfDeployment(path: string): boolean {
  return (
    /^ostree\/repo\/objects\/[0-9a-f]{2}\/[0-9a-f]{62}\.file$/.test(path) ||
    (/^ostree\/deploy\/[^/]+\/deploy\/[^/]+\.\d+\/./.test(path) && etcOf(path) === undefined)
  )
}

/** The path as the policy is to see it. */
function policyPath(path: string): string {
  const own = etcOf(path) ?? /^(?:ostree\/deploy\/[^/]+|state\/os\/[^/]+)(\/var(?:\/.*)?)$/.exec(path)?.[1]
  return own ?? (path.startsWith('boot/') ? `/${path}` : '/usr')
}

function etcOf(path: string): string | undefined {
  return /^(?:ostree\/deploy\/[^/]+\/deploy\/[^/]+\.\d+|state\/deploy\/[^/]+)(\/etc(?:\/.*)?)$/.exec(
    path,
  )?.[1]
}

/** S_IFMT of types that policies tell apart. */
const typeBits: Readonly<Record<EntryType, number>> = {
  ...{ file: 0o100000, directory: 0o040000, symlink: 0o120000, char: 0o020000 },
  ...{ block: 0o060000, fifo: 0o010000, socket: 0o140000 },
}

async function labelEntry(
  dir: Dir,
  path: string,
  asked: string,
  labeler: Labeler,
  known?: Stat,
): Promise<void> {
  const stat = known ?? (await dir.stat(path))
  if (stat === undefined) return
  const xattrs = await dir.xattrs(path)
  if (xattrs.some(({ name }) => name === labelAttribute)) return
  // As a directory, where /usr stands for it.
  const type = asked === '/usr' ? typeBits.directory : typeBits[stat.type]
  const label = labeler.label(asked, type | stat.mode)
  if (label !== undefined) await dir.setMeta(path, { xattrs: [...xattrs, labelXattr(label)] })
}
