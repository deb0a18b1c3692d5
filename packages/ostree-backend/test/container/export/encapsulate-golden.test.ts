import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseImageReference } from '@bootc-sdk/core/oci'
import { copyImage, ociDestination } from '@bootc-sdk/core/transports'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encapsulate, type EncapsulateOptions } from '../../../src/container/export/encapsulate.js'
import { parseContentMeta } from '../../../src/container/export/content-meta.js'
import { goldenCase, goldenImage, goldenPath } from '../golden-images.js'
import { builtBlobs, importedRepo, layoutBlobs } from './support.js'

const amd64 = { architecture: 'amd64', os: 'linux' }

const cases: readonly { name: string; options: () => EncapsulateOptions }[] = [
  { name: '06-ostree-encapsulated', options: () => ({}) },
  {
    name: '07-ostree-chunked',
    options: () => ({
      contentMeta: parseContentMeta(readFileSync(goldenPath('07-ostree-chunked', 'contentmeta.json'))),
      labels: { a: 'b' },
      copyMeta: ['version'],
      copyMetaOptional: ['nope'],
      cmd: ['/bin/bash'],
    }),
  },
  { name: '15-signed', options: () => ({}) },
]

describe.each(cases)('$name, made again from its commit', ({ name, options }) => {
  test.each(['archive', 'bare', 'bare-user'] as const)(
    'has the bytes that the real tool made, from a %s repository',
    async (mode) => {
      const { repo } = await importedRepo(name, mode)
      const commit = goldenCase(name).layers[0]!.commit.checksum
      await using built = await encapsulate(repo, commit, { ...options(), platform: amd64 })
      const wanted = layoutBlobs(goldenPath(name, 'oci'))
      const made = await builtBlobs(built)
      // Tars first: a difference there is easier to understand.
      for (const [i, { digest }] of goldenImage(name).manifest.layers.entries()) {
        const tar = gunzipSync(wanted.get(digest.slice('sha256:'.length))!)
        const ours = built.image.manifest.layers[i]!.digest.slice('sha256:'.length)
        expect(firstDifference(gunzipSync(made.get(ours)!), tar)).toBeUndefined()
      }
      expect(built.image.config).toEqual(goldenImage(name).config)
      // The real tool leaves an empty config behind that no manifest names.
      wanted.delete('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a')
      expect([...made.keys()].sort()).toEqual([...wanted.keys()].sort())
      for (const [digest, bytes] of made) expect(bytes.equals(wanted.get(digest)!)).toBe(true)
      expect(built.image.manifestDigest).toBe(goldenCase(name).manifest_digest)
    },
  )

  test('the layout it is copied into is that of the real tool', async () => {
    const { repo } = await importedRepo(name)
    const commit = goldenCase(name).layers[0]!.commit.checksum
    await using built = await encapsulate(repo, commit, { ...options(), platform: amd64 })
    const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-layout-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    const reference = parseImageReference(`oci:${dir}:latest`)
    await copyImage({ source: built.source, target: { destination: ociDestination(), reference } })
    for (const file of ['index.json', 'oci-layout']) {
      expect(await readFile(join(dir, file), 'utf8')).toBe(
        readFileSync(goldenPath(name, 'oci', file), 'utf8'),
      )
    }
  })
})

function firstDifference(a: Buffer, b: Buffer): string | undefined {
  if (a.equals(b)) return undefined
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  const start = at - (at % 512)
  const block = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1', start, start + 512))
  return `at ${at} of ${a.length}, ${b.length}:\n${block(a)}\n${block(b)}`
}
