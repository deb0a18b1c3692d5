import { parseRegistryName, printRegistryName } from '../oci/registry-name.js'

/** A name as signatures and policies hold it, expanded. */
export interface DockerReference {
  /** `host/repository` */
  readonly name: string
  /** With tag and digest as given, nothing added. */
  readonly full: string
  /** Neither tag nor digest. */
  readonly isNameOnly: boolean
  readonly hasTag: boolean
}

/** Undefined for text that is no reference. Unlike names to be pulled, these get no `latest`. */
export function parseDockerReference(text: string): DockerReference | undefined {
  try {
    const { registry, repository, tag, digest } = parseRegistryName(text)
    const untilDigest = text.split('@')[0]!
    const hasTag = untilDigest.lastIndexOf(':') > untilDigest.lastIndexOf('/') && tag !== undefined
    const name = printRegistryName({ registry, repository })
    const full = printRegistryName({
      registry,
      repository,
      ...(hasTag ? { tag } : {}),
      ...(digest === undefined ? {} : { digest }),
    })
    return { name, full, hasTag, isNameOnly: !hasTag && digest === undefined }
  } catch {
    return undefined
  }
}
