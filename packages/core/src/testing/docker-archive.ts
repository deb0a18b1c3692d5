import { digestHex } from '../oci/index.js'
import { packTar } from '../tar/index.js'
import type { TarMember } from '../tar/index.js'
import type { BuiltImage } from './image-builder.js'

export interface DockerArchiveSpec {
  /** By name and tag: `localhost/app:one`. */
  readonly images: Readonly<Record<string, BuiltImage>>
  /** How layers lie there; default `plain`. `link` is what skopeo writes beside for old readers. */
  readonly layers?: 'plain' | 'compressed' | 'link'
}

/** An archive as `docker save` writes it. */
export function dockerArchive({ images, layers = 'plain' }: DockerArchiveSpec): Buffer {
  const members = new Map<string, TarMember>()
  const items = Object.entries(images).map(([tag, image]) => {
    const config = `${digestHex(image.configDigest)}.json`
    members.set(config, { name: config, data: image.configBytes })
    const names = image.layers.map((layer) => {
      const name = `${digestHex(layer.diffId)}.tar`
      members.set(name, { name, data: layers === 'compressed' ? layer.blob : layer.tar })
      if (layers !== 'link') return name
      const link = `old-${digestHex(layer.diffId)}/layer.tar`
      members.set(link, { name: link, type: 'symlink', linkName: `../${name}` })
      return link
    })
    return { Config: config, RepoTags: [tag], Layers: names }
  })
  const manifest = { name: 'manifest.json', data: JSON.stringify(items) }
  return packTar([...members.values(), manifest])
}
