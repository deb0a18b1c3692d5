import { repoPrefix } from '../names.js'
import { dataEntry, plainEntry } from './entries.js'

const below = [
  ...Array.from({ length: 256 }, (_, i) => `objects/${i.toString(16).padStart(2, '0')}`),
  'extensions',
  'refs',
  'refs/heads',
  'refs/mirrors',
  'refs/remotes',
  'state',
  'tmp',
  'tmp/cache',
]

const config = '[core]\nrepo_version=1\nmode=bare-split-xattrs\n'

let made: Buffer | undefined

/**
 * The empty repository that every ostree layer starts with, so that one with its layers laid over each other is a
 * repository, too.
 */
export function repoSkeleton(): Buffer {
  return (made ??= Buffer.concat([
    ...['sysroot', 'sysroot/ostree', repoPrefix.slice(0, -1), `${repoPrefix}objects`].flatMap(directory),
    ...below.flatMap((name) => directory(repoPrefix + name)),
    ...dataEntry(`${repoPrefix}config`, Buffer.from(config)),
  ]))
}

function directory(path: string): Buffer[] {
  return plainEntry(path, { type: 'directory', uid: 0, gid: 0, mode: 0o755 })
}

/** Path of an object there; content is not compressed. */
export function objectEntryPath(checksum: string, suffix: string): string {
  return `${repoPrefix}objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.${suffix}`
}
