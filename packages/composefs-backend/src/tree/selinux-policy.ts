import { BootcError } from '@bootc-sdk/core'
import { SpecTable, parseFileContexts } from '@bootc-sdk/core/selinux'
import type { Spec } from '@bootc-sdk/core/selinux'
import type { ByteString, FileTree } from './inode.js'
import { isDirectory } from './inode.js'
import { lookup } from './lookup.js'
import { isRegular } from './read-file.js'
import type { ReadFile } from './read-file.js'

/** The files of a policy that decide about labels, as text of one character a byte. */
export interface PolicyText {
  /** In order: later lines win. */
  readonly fileContexts: readonly { readonly path: string; readonly text: string }[]
  readonly aliases: ReadonlyMap<ByteString, ByteString>
}

const maxFileBytes = 8 << 20

/**
 * The files of the SELinux policy in /etc/selinux of a tree.
 *
 * Not what libselinux reads: the config says only which policy, not whether it is on; local lines come before
 * those of home directories; an alias holds for its exact path.
 *
 * @returns undefined without a policy
 * @throws BootcError `IMAGE_SELINUX_INVALID` when a policy is named and its files are missing or damaged
 * @see composefs-rs 0.7.0 crates/composefs-boot/src/selabel.rs
 */
export async function loadPolicyText(tree: FileTree, readFile: ReadFile): Promise<PolicyText | undefined> {
  const base = lookup(tree, 'etc/selinux')
  if (base === undefined) return undefined
  if (base === 'not-a-directory' || !isDirectory(base)) throw invalid('etc/selinux', 'is not a directory')
  const read = (path: string): Promise<string | undefined> => readText(tree, path, readFile)
  const type = policyType(await read('etc/selinux/config'))
  if (type === undefined) return undefined
  const files = `etc/selinux/${type}/contexts/files`
  const fileContexts: { path: string; text: string }[] = []
  for (const suffix of ['', '.local', '.homedirs']) {
    const path = `${files}/file_contexts${suffix}`
    const text = await read(path)
    if (text !== undefined) fileContexts.push({ path, text })
    else if (suffix === '') throw invalid(path, 'is missing')
  }
  const aliases = new Map<ByteString, ByteString>()
  for (const suffix of ['.subs', '.subs_dist']) {
    const path = `${files}/file_contexts${suffix}`
    addAliases(aliases, path, (await read(path)) ?? '')
  }
  return { fileContexts, aliases }
}

/**
 * The specifications, ready to look up. Expressions that cannot be read are an error here: without them the
 * labels, and so the image's digest, would be others than everybody else's.
 *
 * @throws BootcError `IMAGE_SELINUX_INVALID`
 */
export function compilePolicy({ fileContexts }: PolicyText): SpecTable {
  const all: Spec[] = []
  for (const { path, text } of fileContexts) {
    const { specs, warnings } = parseFileContexts(text, path, 'composefs')
    if (warnings.length > 0) throw invalid(path, warnings[0]!.message)
    for (const spec of specs) all.push(spec)
  }
  return new SpecTable(all, 'composefs')
}

export function invalid(path: string, problem: string): BootcError {
  return new BootcError('IMAGE_SELINUX_INVALID', `SELinux policy: /${path}: ${problem}`, {
    details: { path, problem },
  })
}

/** Value of the first SELINUXTYPE; a line that is commented out has another key. */
function policyType(config: string | undefined): string | undefined {
  for (const line of config?.split('\n') ?? []) {
    const equals = line.indexOf('=')
    if (equals < 0 || line.slice(0, equals).trim().toLowerCase() !== 'selinuxtype') continue
    const type = line.slice(equals + 1).trim()
    if (type.split('/').includes('..')) throw invalid('etc/selinux/config', 'names no policy')
    return type
  }
  return undefined
}

function addAliases(aliases: Map<ByteString, ByteString>, path: string, text: string): void {
  text.split('\n').forEach((line, index) => {
    const [alias, original, ...rest] = line.split(/[ \t\r\v\f]+/).filter((field) => field !== '')
    if (alias === undefined || alias.startsWith('#')) return
    if (original === undefined || rest.length > 0) {
      throw invalid(path, `line ${index + 1} is not an alias and an original`)
    }
    aliases.set(alias, original)
  })
}

async function readText(tree: FileTree, path: string, readFile: ReadFile): Promise<string | undefined> {
  const file = lookup(tree, path)
  if (file === undefined) return undefined
  if (file === 'not-a-directory') throw invalid(path, 'is below something that is not a directory')
  if (!isRegular(file)) throw invalid(path, 'is not a regular file')
  if (file.size > maxFileBytes) throw invalid(path, `is larger than ${maxFileBytes} bytes`)
  const bytes = await readFile(file, maxFileBytes)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
