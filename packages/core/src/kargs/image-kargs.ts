import { parse } from 'smol-toml'
import { BootcError } from '../errors.js'
import type { ReadTree } from '../interfaces/tree.js'
import { compareNames, joinPath } from '../names/index.js'
import { extendKargs, removeKargs } from './algebra.js'
import { splitKargs } from './words.js'

/** Where images keep their kernel arguments. */
export const kargsDir = 'usr/lib/bootc/kargs.d'
/** Where a machine keeps its own, below /etc. */
export const etcKargsDir = 'bootc/kargs.d'

const maxFileBytes = 1 << 20

/** Rust's names, which the files use, for Go's, which images use. Equal names are left out. */
const rustArchitectures: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  '386': 'x86',
  arm64: 'aarch64',
  ppc64: 'powerpc64',
  ppc64le: 'powerpc64',
  loong64: 'loongarch64',
  mips64le: 'mips64',
}

/** Rust's name of an architecture. @param arch Go's name or Rust's */
export function rustArchitecture(arch: string): string {
  return rustArchitectures[arch] ?? arch
}

/**
 * Kernel arguments that an image ships: `usr/lib/bootc/kargs.d/*.toml` in byte order of their names.
 *
 * @param arch of the machine, Go's name (`amd64`) or Rust's (`x86_64`)
 * @returns words in order, each once; empty when there is no such directory
 * @throws BootcError `IMAGE_KARGS_INVALID`, naming the file
 */
export function readImageKargs(
  tree: Pick<ReadTree, 'stat' | 'list' | 'read'>,
  arch: string,
): Promise<string[]> {
  return readKargsDir(tree, { directory: kargsDir, shown: kargsDir }, arch)
}

/**
 * Kernel arguments of a machine, `/etc/bootc/kargs.d/*.toml`: files as images have them.
 *
 * @param etc the machine's /etc
 * @throws BootcError `IMAGE_KARGS_INVALID`
 */
export async function readEtcKargs(
  etc: Pick<ReadTree, 'stat' | 'list' | 'read'>,
  arch: string,
): Promise<string[]> {
  const [parent = ''] = etcKargsDir.split('/')
  if ((await etc.stat(parent))?.type !== 'directory') return []
  return readKargsDir(etc, { directory: etcKargsDir, shown: `etc/${etcKargsDir}` }, arch)
}

async function readKargsDir(
  tree: Pick<ReadTree, 'stat' | 'list' | 'read'>,
  { directory, shown }: { directory: string; /** In messages. */ shown: string },
  arch: string,
): Promise<string[]> {
  if ((await tree.stat(directory))?.type !== 'directory') return []
  const names: string[] = []
  for await (const { name, stat } of tree.list(directory)) {
    if (!name.endsWith('.toml')) continue
    const path = joinPath(shown, name)
    if (stat.type !== 'file') throw invalid(path, `is a ${stat.type}, not a regular file`)
    if (stat.sizeBytes > maxFileBytes) throw invalid(path, `is larger than ${maxFileBytes} bytes`)
    names.push(name)
  }
  let kargs: string[] = []
  for (const name of names.sort(compareNames)) {
    const path = joinPath(shown, name)
    const text = await readText(tree, joinPath(directory, name), path)
    kargs = extendKargs(kargs, parseKargsToml(text, arch, path))
  }
  return kargs
}

/**
 * Arguments of one file: `kargs`, an array of strings that may hold several words each, and optionally
 * `match-architectures`. Other keys are refused.
 *
 * @param path for messages
 * @returns words; empty when the file is for other architectures
 * @throws BootcError `IMAGE_KARGS_INVALID`
 */
export function parseKargsToml(text: string, arch: string, path: string): string[] {
  let table: Record<string, unknown>
  try {
    table = parse(text)
  } catch (cause) {
    const [reason] = cause instanceof Error ? cause.message.split('\n') : ['']
    throw invalid(path, `is not TOML: ${reason}`, cause)
  }
  for (const key of Object.keys(table)) {
    if (key !== 'kargs' && key !== 'match-architectures') {
      throw invalid(path, `has the unknown key ${JSON.stringify(key)}`)
    }
  }
  const kargs = strings(table, 'kargs', path)
  if (kargs === undefined) throw invalid(path, 'lacks the key "kargs"')
  const architectures = strings(table, 'match-architectures', path)
  const matches = architectures?.includes(rustArchitecture(arch)) ?? true
  return matches ? splitKargs(kargs.join(' ')) : []
}

/** What changed between the lists of two images. */
export function diffImageKargs(
  before: readonly string[],
  after: readonly string[],
): { added: string[]; removed: string[] } {
  return { added: removeKargs(after, before), removed: removeKargs(before, after) }
}

/**
 * Arguments of a deployment that follows another: what the new image dropped goes, what it added is appended,
 * all else (also what was set or deleted on this machine) stays.
 *
 * Differs from bootc in two cases: an image without any kargs.d drops the arguments of the one before it, and
 * what somebody else owns, too, stays.
 *
 * @param owned arguments with owners other than the image
 */
export function mergeImageKargs(
  current: readonly string[],
  before: readonly string[],
  after: readonly string[],
  owned: readonly string[] = [],
): string[] {
  const { added, removed } = diffImageKargs(before, after)
  return extendKargs(removeKargs(current, removeKargs(removed, owned)), added)
}

function strings(table: Record<string, unknown>, key: string, path: string): string[] | undefined {
  const value = table[key]
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid(path, `key ${JSON.stringify(key)} is not an array of strings`)
  }
  return value
}

async function readText(tree: Pick<ReadTree, 'read'>, path: string, shown: string): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of tree.read(path)) parts.push(chunk)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch (cause) {
    throw invalid(shown, 'is not UTF-8', cause)
  }
}

function invalid(path: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_KARGS_INVALID', `/${path} ${problem}`, { details: { path, problem }, cause })
}
