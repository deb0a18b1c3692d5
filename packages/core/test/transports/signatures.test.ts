import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { SignatureStorage } from '../../src/containers-conf/index.js'
import { buildImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import { dirTransport, signaturesFrom } from '../../src/transports/index.js'
import { quickTransport } from './helpers.js'

const image = buildImage({ layers: [{ entries: [file('a', 'content')] }] })
/** As an OpenPGP message begins. */
const message = Buffer.from([0xa3, 1, 2, 3])

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signatures-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
})

/** Where signatures of the image lie below a tree. */
function place(tree: string): string {
  return join(tree, `ns/app@${image.manifestDigest.replace(':', '=')}`)
}

async function read(storage: SignatureStorage) {
  await using registry = await serveRegistry({ 'ns/app:1': image })
  const configuration = () =>
    Promise.resolve({
      sources: (name: string) => [{ name, insecure: undefined, kind: 'primary' } as const],
      target: (name: string) => ({ name, insecure: undefined, kind: 'primary' }) as const,
      signatureStorage: () => storage,
    })
  const transport = quickTransport({ configuration })
  const resolved = await transport.resolve(registry.reference('ns/app', '1'))
  return signaturesFrom([transport])(resolved, {})
}

describe('a tree of signatures in a directory', () => {
  test('is read up to the first number that is missing', async () => {
    await mkdir(place(dir), { recursive: true })
    for (const i of [1, 2, 4]) await writeFile(join(place(dir), `signature-${i}`), message)
    expect(await read({ lookaside: pathToFileURL(dir).href })).toEqual([
      { kind: 'simple', message },
      { kind: 'simple', message },
    ])
  })

  test('may be missing, and may not be something else', async () => {
    expect(await read({ lookaside: pathToFileURL(join(dir, 'none')).href })).toEqual([])
    await mkdir(place(dir), { recursive: true })
    await mkdir(join(place(dir), 'signature-1'))
    await expect(read({ lookaside: pathToFileURL(dir).href })).rejects.toMatchObject({
      code: 'IMAGE_SIGNATURE_INVALID',
    })
  })

  test('holds no more and no larger signatures than an image may have', async () => {
    await mkdir(place(dir), { recursive: true })
    const write = (i: number, size: number) =>
      writeFile(join(place(dir), `signature-${i}`), Buffer.concat([message, Buffer.alloc(size)]))
    for (let i = 1; i <= 9; i++) await write(i, 4_000_000)
    const lookaside = pathToFileURL(dir).href
    await expect(read({ lookaside })).rejects.toThrow('of more than 33554432 bytes')
    for (let i = 1; i <= 130; i++) await write(i, 0)
    await expect(read({ lookaside })).rejects.toThrow('more than 128 signatures')
    await write(1, 5_000_000)
    await expect(read({ lookaside })).rejects.toThrow('larger than')
  })
})

test('signatures lie beside an image in a directory, in both forms', async () => {
  const digest = image.manifestDigest.slice(7)
  await writeFile(join(dir, 'version'), 'Directory Transport Version: 1.1\n')
  await writeFile(join(dir, 'manifest.json'), image.manifestBytes)
  await writeFile(join(dir, image.configDigest.slice(7)), image.configBytes)
  await writeFile(join(dir, 'signature-1'), message)
  const sigstore = {
    mimeType: 'text/x',
    payload: Buffer.from('p').toString('base64'),
    annotations: { a: 'b' },
  }
  await writeFile(join(dir, 'signature-2'), `\0sigstore-json\n${JSON.stringify(sigstore)}`)
  await writeFile(join(dir, `${digest}.signature-1`), message)
  const transport = dirTransport()
  const resolved = await transport.resolve({ transport: 'dir', name: dir })
  expect(await signaturesFrom([transport])(resolved, {})).toEqual([
    { kind: 'simple', message },
    { kind: 'sigstore', mimeType: 'text/x', payload: Buffer.from('p'), annotations: { a: 'b' } },
  ])
  await writeFile(join(dir, 'signature-3'), 'text')
  await expect(transport.signatures!(resolved)).rejects.toMatchObject({ code: 'IMAGE_SIGNATURE_INVALID' })
})
