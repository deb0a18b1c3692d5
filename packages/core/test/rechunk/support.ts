import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ImageReference } from '../../src/oci/index.js'
import { rechunkImage, type RechunkOptions, type RechunkResult } from '../../src/rechunk/index.js'
import { createTarParser } from '../../src/tar/index.js'
import { gunzipSync } from 'node:zlib'
import {
  buildImage,
  dir,
  dirs,
  file,
  memoryTransport,
  type BuiltImage,
  type LayerSpec,
} from '../../src/testing/index.js'
import { ociDestination, ociTransport } from '../../src/transports/index.js'

export const noise = (name: string, bytes: number): Buffer =>
  createHash('shake256', { outputLength: bytes }).update(name).digest()

/** Packages p0 to p19 of 50 kB and more in a dpkg database; `changed` ones have other bytes. */
export function packages(changed: readonly number[] = [], count = 20): LayerSpec {
  const entries = dirs('usr', 'var', 'var/lib', 'var/lib/dpkg', 'var/lib/dpkg/info')
  for (let p = 0; p < count; p++) {
    const version = changed.includes(p) ? 2 : 1
    entries.push(file(`var/lib/dpkg/info/p${p}.list`, `/.\n/usr\n/usr/p${p}\n/usr/p${p}/a\n/usr/p${p}/b\n`))
    entries.push(dir(`usr/p${p}`, { mtime: version }))
    entries.push(file(`usr/p${p}/a`, noise(`${p} ${version}`, 50_000 + 1000 * p)))
    entries.push(file(`usr/p${p}/b`, noise(`${p}`, 50_000)))
  }
  return { entries }
}

export function imageOf(...layers: readonly LayerSpec[]): BuiltImage {
  return buildImage({ labels: { 'containers.bootc': '1' }, layers })
}

export async function workspace(): Promise<(tag: string) => ImageReference> {
  const path = await mkdtemp(join(tmpdir(), 'bootc-sdk-rechunk-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return (tag) => ({ transport: 'oci', name: `${path}:${tag}` })
}

export function rechunk(
  source: BuiltImage,
  target: ImageReference,
  options: Partial<RechunkOptions> & { readonly from?: ImageReference } = {},
): Promise<RechunkResult> {
  const { from, ...rest } = options
  return rechunkImage({
    source: { transport: memoryTransport({ source }), reference: { transport: 'registry', name: 'source' } },
    target: { destination: ociDestination(), reference: target },
    temporaryDir: tmpdir(),
    ...(from === undefined ? {} : { previous: { transport: ociTransport(), reference: from } }),
    ...rest,
  })
}

/** Names of a layer in order, with `->` and the target of hard links; `@` and the mtime where asked for. */
export async function namesOf(place: ImageReference, index: number, withTimes = false): Promise<string[]> {
  const transport = ociTransport()
  const image = await transport.resolve(place)
  const chunks: Uint8Array[] = []
  for await (const chunk of transport.openLayer(image, image.manifest.layers.at(index)!)) chunks.push(chunk)
  const names: string[] = []
  const parser = createTarParser({
    entry: ({ name, type, linkName, mtime }) =>
      void names.push(`${name}${type === 'hardlink' ? `->${linkName}` : ''}${withTimes ? `@${mtime}` : ''}`),
    data: () => undefined,
    end: () => undefined,
  })
  parser.push(gunzipSync(Buffer.concat(chunks)))
  parser.end()
  return names
}
