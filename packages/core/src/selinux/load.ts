import { BootcError } from '../errors.js'
import type { Warning } from '../interfaces/common.js'
import type { ReadTree } from '../interfaces/tree.js'
import { encodeName } from '../names/index.js'
import { parseFileContexts, parseSubstitutions, substitute } from './file-contexts.js'
import type { Spec, Substitution } from './file-contexts.js'
import type { Labeler } from './labeler.js'
import { SpecTable } from './lookup.js'

type PolicyTree = Pick<ReadTree, 'stat' | 'list' | 'read'>

/** The parts of a policy that decide about files. */
export interface FilePolicy {
  readonly specs: readonly Spec[]
  /** The machine's own (.subs), applied before the distribution's. */
  readonly subs: readonly Substitution[]
  readonly distSubs: readonly Substitution[]
  readonly warnings: readonly Warning[]
}

const maxFileBytes = 32 << 20

/**
 * The labeler of a root file system's own SELinux policy, from `etc/selinux` or else `usr/etc/selinux`.
 *
 * @returns undefined when there is no policy or it is switched off
 * @throws BootcError `IMAGE_SELINUX_INVALID` when a policy is configured but files of it are missing
 * @see libostree 2026.4 src/libostree/ostree-sepolicy.c, selabel_file(5)
 */
export async function loadLabeler(tree: PolicyTree): Promise<Labeler | undefined> {
  for (const base of ['etc/selinux', 'usr/etc/selinux']) {
    if ((await tree.stat(base))?.type !== 'directory') continue
    const config = await readText(tree, `${base}/config`)
    const type = config === undefined ? undefined : activePolicy(config)
    return type === undefined ? undefined : createLabeler(await readPolicy(tree, `${base}/${type}`))
  }
  return undefined
}

/** A labeler for specifications in hand. */
export function createLabeler(policy: FilePolicy): Labeler {
  const table = new SpecTable(policy.specs)
  return {
    warnings: policy.warnings,
    label(path, mode) {
      const asked = path === '/proc' ? '/mnt' : clean(toBytes(path))
      const local = substitute(asked, policy.subs) ?? asked
      return table.find(substitute(local, policy.distSubs) ?? local, mode)?.context
    },
  }
}

/** Name of the policy that a config switches on. */
function activePolicy(config: string): string | undefined {
  let type: string | undefined
  let isActive = false
  for (const line of config.split('\n')) {
    if (line.startsWith('SELINUXTYPE=')) type = line.slice('SELINUXTYPE='.length).trim()
    if (line.startsWith('SELINUX='))
      isActive = /^(?:enforcing|permissive)/i.test(line.slice('SELINUX='.length))
  }
  if (!isActive || type === undefined || type === '') return undefined
  if (type.includes('/') || type.includes('\0') || type === '.' || type === '..') {
    throw invalid('config', `policy ${JSON.stringify(type)} is not a name`)
  }
  return type
}

async function readPolicy(tree: PolicyTree, dir: string): Promise<FilePolicy> {
  if (!(await hasBinaryPolicy(tree, `${dir}/policy`))) throw invalid(`${dir}/policy`, 'holds no policy file')
  const file = `${dir}/contexts/files/file_contexts`
  const base = await readText(tree, file)
  if (base === undefined) throw invalid(file, 'is missing')
  const specs: Spec[] = []
  const warnings: Warning[] = []
  for (const suffix of ['', '.homedirs', '.local']) {
    const text = suffix === '' ? base : await readText(tree, file + suffix)
    if (text === undefined) continue
    const parsed = parseFileContexts(text, `/${file}${suffix}`)
    for (const spec of parsed.specs) specs.push(spec)
    warnings.push(...parsed.warnings)
  }
  return {
    specs,
    warnings,
    subs: parseSubstitutions((await readText(tree, `${file}.subs`)) ?? ''),
    distSubs: parseSubstitutions((await readText(tree, `${file}.subs_dist`)) ?? ''),
  }
}

/** libselinux refuses to load without `policy.N`. */
async function hasBinaryPolicy(tree: PolicyTree, dir: string): Promise<boolean> {
  if ((await tree.stat(dir))?.type !== 'directory') return false
  for await (const { name } of tree.list(dir)) {
    if (/^policy\.[0-9]+$/.test(name)) return true
  }
  return false
}

/** One character a byte, as the specifications are matched. */
async function readText(tree: PolicyTree, path: string): Promise<string | undefined> {
  const stat = await tree.stat(path)
  if (stat === undefined) return undefined
  if (stat.type !== 'file') throw invalid(path, `is a ${stat.type}, not a regular file`)
  if (stat.sizeBytes > maxFileBytes) throw invalid(path, `is larger than ${maxFileBytes} bytes`)
  const parts: Uint8Array[] = []
  for await (const chunk of tree.read(path)) parts.push(chunk)
  return Buffer.concat(parts).toString('latin1')
}

/** Policies match bytes; one character a byte makes expressions do the same. */
function toBytes(path: string): string {
  return /^[\x00-\x7f]*$/.test(path) ? path : encodeName(path).toString('latin1')
}

function clean(path: string): string {
  const single = path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}

function invalid(path: string, problem: string): BootcError {
  return new BootcError('IMAGE_SELINUX_INVALID', `SELinux policy: /${path} ${problem}`, {
    details: { path, problem },
  })
}
