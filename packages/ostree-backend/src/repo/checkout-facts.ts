import { lstatSync, readlinkSync } from 'node:fs'
import { objectName } from '../format/checksum.js'
import { isSymlinkMode, modeFile, modeSymlink } from '../format/mode.js'
import type { OstreeRepo } from './api.js'
import type { SizedHeader } from './content-reader.js'
import type { RepoContext } from './context.js'
import { noObject } from './errors.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'

/** How one file object gets into a checkout. Links need no header: they are the object. */
export type FileFact =
  { readonly kind: 'link' } | { readonly kind: 'copy' | 'symlink' | 'empty'; readonly header: SizedHeader }

/** ext4 allows 65,000 links to a file; beyond this a copy is made. */
const maxLinks = 60_000

export interface FactRules {
  readonly mode: 'none' | 'user'
  /** Objects and target are on one file system that we can name by host paths, and links are wanted. */
  readonly link: boolean
  /** The addon looks at each object when it links it, so nobody has to before. */
  readonly copyEmpty?: boolean
  /** Objects whose header is wanted whatever becomes of them. */
  readonly described?: ReadonlySet<string>
}

/**
 * Decide for many objects. Empty files are always made anew, since all of an image's would share one inode
 * and run into its limit of links; files their owner cannot read are copied for unprivileged checkouts.
 */
export async function fileFacts(
  repo: OstreeRepo,
  context: RepoContext,
  checksums: Iterable<string>,
  rules: FactRules,
): Promise<Map<string, FileFact>> {
  const facts = new Map<string, FileFact>()
  const slow: string[] = []
  const linkable = rules.link && linksWork(context, rules)
  for (const checksum of checksums) {
    const described = rules.described?.has(checksum) === true
    const fact = linkable && !described ? quickFact(context, checksum, rules) : undefined
    if (fact === undefined) slow.push(checksum)
    else facts.set(checksum, fact)
  }
  const found = await mapLimit(slow, ioConcurrency, async (checksum) => {
    const header = await repo.fileHeader(checksum)
    const symlink = isSymlinkMode(header.mode)
    // With the addon links of a bare repository took the quick way, unless they have too many names already.
    const wanted = symlink
      ? context.mode === 'bare' && context.native === undefined
      : isLinkable(header, rules)
    return factFor(header, linkable && wanted)
  })
  slow.forEach((checksum, index) => facts.set(checksum, found[index]!))
  return facts
}

/** Modes whose objects are, on disk, exactly what the checkout wants. */
function linksWork(context: RepoContext, rules: FactRules): boolean {
  if (context.mode === 'bare') return rules.mode === 'none'
  if (context.mode === 'bare-user') return rules.mode === 'user'
  return context.mode === 'bare-user-only'
}

function isLinkable(header: SizedHeader, rules: FactRules): boolean {
  return header.sizeBytes > 0 && (rules.mode === 'none' || (header.mode & 0o400) !== 0)
}

function factFor(header: SizedHeader, link: boolean): FileFact {
  if (link) return { kind: 'link' }
  if (header.symlinkTarget !== undefined) return { kind: 'symlink', header }
  return { kind: header.sizeBytes === 0 ? 'empty' : 'copy', header }
}

/** One lstat, no promise: an image has tens of thousands. Undefined where that does not tell enough. */
function quickFact(context: RepoContext, checksum: string, rules: FactRules): FileFact | undefined {
  const { mode, native } = context
  if (native === undefined || mode === 'bare-user') return undefined
  if (rules.copyEmpty === true) return { kind: 'link' }
  const name = objectName('file', checksum, mode)
  const path = `${native.repoPath}/objects/${name}`
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw noObject(name)
  if (stat.isSymbolicLink()) {
    if (stat.nlink < maxLinks && mode === 'bare') return { kind: 'link' }
    if (mode === 'bare') return undefined
    const header = { uid: 0, gid: 0, mode: modeSymlink | 0o777, xattrs: [], sizeBytes: 0 }
    return { kind: 'symlink', header: { ...header, symlinkTarget: readlinkSync(path) } }
  }
  if (!stat.isFile() || stat.size === 0 || stat.nlink >= maxLinks) return undefined
  const header = { uid: stat.uid, gid: stat.gid, mode: modeFile | (stat.mode & 0o7777), xattrs: [] }
  return isLinkable({ ...header, sizeBytes: stat.size }, rules) ? { kind: 'link' } : undefined
}
