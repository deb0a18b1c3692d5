import type {
  Dir,
  ImageReference,
  ImageStore,
  ImportOptions,
  LayerTar,
  ResolvedImage,
  StoredImage,
  Warning,
} from '@bootc-sdk/core'
import { jsCodec } from '@bootc-sdk/core/codec'
import { buildImage, dirs, file, type BuiltImage, type ImageSpec } from '@bootc-sdk/core/testing'
import { allOf } from './layouts.js'

export const stable: ImageReference = { transport: 'registry', name: 'registry.test/os:stable' }
export const other: ImageReference = { transport: 'registry', name: 'registry.test/other:1' }

/** Longer than what stays in streams. */
export const long = (text: string): string => `${text}\n`.repeat(40)

/** What booting needs, and a file that tells versions apart. */
export function osImage(version: string, spec: Partial<ImageSpec> = {}): BuiltImage {
  return buildImage({
    layers: [
      {
        entries: [
          ...dirs('boot', 'sysroot', 'usr', 'usr/lib', 'usr/lib/modules', 'usr/lib/modules/6.1', 'etc'),
          file('usr/lib/modules/6.1/vmlinuz', long('kernel')),
          file('usr/lib/modules/6.1/initramfs.img', long('initramfs')),
          file('usr/lib/tagged', long('attributes'), { xattrs: { 'user.mine': 'kept by one mode' } }),
        ],
      },
      {
        entries: [
          ...dirs('usr', 'usr/share'),
          file('usr/share/version', long(version)),
          file('usr/share/small', version),
        ],
      },
    ],
    ...spec,
  })
}

export function resolved(built: BuiltImage, reference: ImageReference = stable): ResolvedImage {
  const { manifestDigest, manifest, manifestBytes, manifestMediaType, config, configDigest, configBytes } =
    built
  return {
    reference,
    manifestDigest,
    manifest,
    manifestBytes,
    manifestMediaType,
    config,
    configDigest,
    configBytes,
  }
}

export function tarOf(built: BuiltImage, index: number): LayerTar {
  const { blob, descriptor, diffId } = built.layers[index]!
  return jsCodec().decodeLayer(allOf(blob), { digest: descriptor.digest, sizeBytes: descriptor.size, diffId })
}

/** Import as core does. */
export async function importBuilt(
  store: ImageStore,
  built: BuiltImage,
  options: ImportOptions = {},
): Promise<{ image: StoredImage; warnings: readonly Warning[]; fetched: number[] }> {
  await using session = await store.begin(resolved(built), options)
  const fetched: number[] = []
  for (const [index, { present }] of session.layers.entries()) {
    if (present) continue
    await session.putLayer(index, tarOf(built, index))
    fetched.push(index)
  }
  return { ...(await session.commit()), fetched }
}

/** Paths with sizes or targets. */
export async function listing(dir: Dir, path = ''): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { name, stat } of dir.list(path)) {
    const below = path === '' ? name : `${path}/${name}`
    if (stat.type === 'symlink') found.set(below, `-> ${await dir.readlink(below)}`)
    else if (stat.type === 'file') found.set(below, `${stat.sizeBytes} bytes`)
    else for (const [key, value] of await listing(dir, below)) found.set(key, value)
  }
  return found
}
