import { isUtf8Name } from '@bootc-sdk/core/names'
import { ostreeLayer } from './errors.js'
import { repoPrefix } from './names.js'

/** What a member of an ostree layer is, by its path. */
export type ObjectPath =
  | { readonly kind: 'commit' | 'commitmeta' | 'dirtree' | 'dirmeta' | 'file'; readonly checksum: string }
  /** Attributes for the next `.file` of this checksum. */
  | { readonly kind: 'xattrsLink'; readonly checksum: string }
  /** The bytes of an attribute set, named by their own hash. */
  | { readonly kind: 'xattrs'; readonly checksum: string }

const checksumPattern = /^[0-9a-f]{64}$/

/**
 * Recognise the objects in a layer made by "encapsulate", in its three formats: `X.file-xattrs-link` (now),
 * with shared `X.file-xattrs` (1), `xattrs/X` and `X.file.xattrs` (0).
 *
 * @returns undefined for what only container runtimes look at: directories, hard links below /usr …
 * @throws BootcError `IMAGE_OSTREE_LAYER` for paths below the repository that are none of this
 * @see bootc 1.16.9, ostree-ext tar/import.rs
 */
export function parseObjectPath(name: string): ObjectPath | undefined {
  const path = cleanPath(name)
  if (!path.startsWith(repoPrefix)) return undefined
  if (!isUtf8Name(path)) throw ostreeLayer(name, 'path is not UTF-8')
  const rest = path.slice(repoPrefix.length)
  if (rest.split('/').at(-1) === 'config' || rest.startsWith('refs/') || rest === 'refs') return undefined
  const [directory, ...below] = rest.split('/')
  if (directory === 'xattrs' && below.length === 1) {
    return { kind: 'xattrs', checksum: checked(name, below[0]!) }
  }
  if (directory !== 'objects' || below.length !== 2) throw ostreeLayer(name, 'is no object')
  const [prefix, file] = below as [string, string]
  const dot = file.lastIndexOf('.')
  const suffix = file.slice(dot + 1)
  const stem = dot < 0 ? file : file.slice(0, dot)
  const checksum = checked(name, prefix + (stem.endsWith('.file') ? stem.slice(0, -'.file'.length) : stem))
  switch (suffix) {
    case 'commit':
    case 'commitmeta':
    case 'dirtree':
    case 'dirmeta':
    case 'file':
      return { kind: suffix, checksum }
    case 'file-xattrs':
      return { kind: 'xattrs', checksum }
    case 'file-xattrs-link':
    case 'xattrs':
      return { kind: 'xattrsLink', checksum }
    default:
      throw ostreeLayer(name, `unknown kind of object ${JSON.stringify(suffix)}`)
  }
}

/** The set of attributes a hard link points at: `…/XX/REST.file-xattrs` or `…/xattrs/SHA256`. */
export function parseXattrsTarget(name: string, linkName: string): string {
  const parts = cleanPath(linkName).split('/')
  const last = parts.at(-1) ?? ''
  const parent = parts.at(-2) ?? ''
  const dot = last.indexOf('.')
  return checked(name, parent === 'xattrs' ? last : parent + (dot < 0 ? last : last.slice(0, dot)))
}

function checked(name: string, checksum: string): string {
  if (!checksumPattern.test(checksum)) throw ostreeLayer(name, 'name holds no checksum')
  return checksum
}

function cleanPath(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '')
}
