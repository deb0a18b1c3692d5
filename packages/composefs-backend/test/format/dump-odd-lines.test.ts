import { createHash } from 'node:crypto'
import { isBootcError } from '@bootc-sdk/core'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { writeErofs } from '../../src/format/erofs/write.js'

/**
 * Dumps at the edge of what the format allows, each with the sha256 of the image that mkcomposefs 1.0.8 (`c`,
 * no options) and composefs-rs 0.7.0 as mkcomposefs (`rs`) make of it, null where they refuse it.
 */
const cases = JSON.parse(
  gunzipSync(readFileSync(new URL('../golden/dump/odd-lines.json.gz', import.meta.url))).toString(),
) as Record<string, { text: string; c: string | null; rs: string | null }>

/** What a tool takes and we refuse: it means nothing, or something else than it says. */
const refused = {
  c: [
    ...[
      'crlf',
      'trailing-space',
      'missing-digest-field',
      'missing-content-field',
      'relative',
      'double-slash',
    ],
    ...[
      'nul-name',
      'size-neg',
      'size-plus',
      'size-2^64-1',
      'size-2^64',
      'mode-plus',
      'nlink-2^32',
      'uid-2^32',
    ],
    ...['uid-2^64', 'uid-neg', 'rdev-2^32', 'rdev-2^32+5', 'fifo-content', 'fifo-digest', 'chr-content'],
    ...['dir-content', 'dir-digest', 'sym-digest', 'sym-nul', 'mtime-neg-nsec', 'mtime-nsec-1e9'],
    ...['mtime-nsec-2^32', 'mtime-nsec-2^32+7', 'mtime-2^64', 'payload-nul', 'payload-empty', 'digest-short'],
    ...[
      'digest-odd',
      'digest-long',
      'digest-junk',
      'digest-esc',
      'digest-empty',
      'link-short2',
      'link-to-dir',
    ],
    ...['link-to-root', 'link-rel', 'link-slashes', 'xattr-dup-same', 'xattr-dup-diff', 'xattr-nul-name'],
  ],
  rs: [
    ...['root-twice', 'root-is-file', 'blank-line-between', 'blank-line-end', 'crlf', 'dup-dir', 'name256'],
    ...[
      'hex-plus',
      'size-mismatch',
      'size-mismatch0',
      'size-plus',
      'size-2^64-1',
      'size-8PiB+1',
      'mode-plus',
    ],
    ...['mode-at-mid', 'xattr-empty-name', 'xattr-dup-same', 'xattr-dup-diff'],
  ],
}
/** What we take although it refuses it: fields of hard links are ignored, whatever is in them. */
const accepted = { c: [] as string[], rs: ['link-size-dash'] }
/** In an inode, no links means that they were not counted. */
const otherBytes = { c: ['nlink0', 'nlink-file-0-link'], rs: [] as string[] }

describe.each(['c', 'rs'] as const)('rules of %s', (flavor) => {
  it.each(Object.keys(cases))('%s', (name) => {
    const { text, [flavor]: wanted } = cases[name] as (typeof cases)[string]
    const version = flavor === 'c' ? ({ min: 0, max: 1 } as const) : 0
    let image: string | null = null
    try {
      const tree = parseDump(Buffer.from(text, 'latin1'), { flavor })
      image = createHash('sha256')
        .update(writeErofs(tree, { version, algorithm: 'sha256', flavor }))
        .digest('hex')
    } catch (error) {
      const typed =
        isBootcError(error, 'STORE_COMPOSEFS_BAD_DUMP') || isBootcError(error, 'STORE_COMPOSEFS_INVALID')
      if (!typed) throw error
    }
    if (refused[flavor].includes(name)) expect([image, wanted]).toEqual([null, expect.any(String)])
    else if (accepted[flavor].includes(name)) expect([image, wanted]).toEqual([expect.any(String), null])
    else if (otherBytes[flavor].includes(name)) expect(image).not.toBe(wanted)
    else expect(image).toBe(wanted)
  })
})
