import { resolve } from 'node:path'
import { BootcError } from '../../errors.js'
import { parseRegistryName, printRegistryName } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'

/** Name of `docker-archive:` references: `FILE`, `FILE:NAME[:TAG]` or `FILE:@POSITION`. */
export interface DockerArchiveName {
  /** Absolute. */
  readonly path: string
  /** Fully expanded: `docker.io/library/fedora:latest`. */
  readonly image?: string
  /** Position in manifest.json, from 0. */
  readonly position?: number
}

/** FILE ends at the first `:`. @throws `IMAGE_REFERENCE_INVALID` */
export function parseDockerArchiveName({ name }: ImageReference): DockerArchiveName {
  const colon = name.indexOf(':')
  const file = colon < 0 ? name : name.slice(0, colon)
  const rest = colon < 0 ? undefined : name.slice(colon + 1)
  if (file === '' || file.includes('\0')) throw invalid(name, 'path is empty')
  const path = resolve(file)
  if (rest === undefined) return { path }
  if (rest.startsWith('@')) {
    if (!/^@(?:0|[1-9][0-9]{0,5})$/.test(rest))
      throw invalid(name, `position ${JSON.stringify(rest)} is no number`)
    return { path, position: Number(rest.slice(1)) }
  }
  const image = parseRegistryName(rest)
  if (image.digest !== undefined) throw invalid(name, 'images in an archive have names and tags, no digests')
  return { path, image: printRegistryName(image) }
}

function invalid(name: string, problem: string): BootcError {
  const reference = `docker-archive:${name}`
  return new BootcError('IMAGE_REFERENCE_INVALID', `${reference}: ${problem}`, { details: { reference } })
}
