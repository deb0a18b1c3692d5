import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Dir } from '@bootc-sdk/core'
import { tarMembers } from '@bootc-sdk/core/testing'

export const goldenOci = new URL('../golden/oci/', import.meta.url)

/** Repositories that cfsctl made; see the README there. */
export const goldenRepos = [
  { name: 's256v1', algorithm: 'sha256', erofsVersion: 1 },
  { name: 's512v1', algorithm: 'sha512', erofsVersion: 1 },
  { name: 's256v2', algorithm: 'sha256', erofsVersion: 2 },
  { name: 's512v2', algorithm: 'sha512', erofsVersion: 2 },
] as const

export type GoldenRepo = (typeof goldenRepos)[number]

/** What `NAME.index.json` says of a stream. */
export interface GoldenStream {
  object: string
  content_type: string
  stream_size: number
  sections: Record<'stream_refs' | 'object_refs' | 'stream' | 'named_refs', [number, number]>
  stream_refs: string[]
  object_refs: string[]
  named_refs_decompressed: string[]
  chunks: [kind: string, value: number][]
}

interface GoldenIndex {
  entries: { path: string; type: string; size?: number; target?: string }[]
  streams: Record<string, GoldenStream>
}

export function goldenIndex(name: string): GoldenIndex {
  return JSON.parse(readFileSync(new URL(`repos/${name}.index.json`, goldenOci), 'utf8')) as GoldenIndex
}

/** Unpack a repository into an empty directory. */
export async function unpackRepo(name: string, dir: Dir): Promise<void> {
  const archive = gunzipSync(readFileSync(new URL(`repos/${name}.tar.gz`, goldenOci)))
  for (const { entry, data } of tarMembers(archive)) {
    // The archive holds one directory of the repository's name.
    const path = entry.name
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .slice(1)
      .join('/')
    if (path === '') continue
    if (entry.type === 'directory') await dir.mkdir(path, { mode: 0o755 })
    else if (entry.type === 'symlink') await dir.symlink(entry.linkName, path)
    else await dir.write(path, data, { mode: 0o644 })
  }
}
