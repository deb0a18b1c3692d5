import { resolve } from 'node:path'
import type { ImageReference, SignedImageReference, TransportName } from '@bootc-sdk/core'
import {
  parseImageReference,
  parseRegistryName,
  parseSignedReference,
  parseTransport,
} from '@bootc-sdk/core/oci'

/**
 * An image as people type it: one of the five signed forms (`ostree-unverified-registry:…`), a transport and
 * a name (`docker://…`, `oci:PATH:TAG`), or a bare registry name. Relative paths become absolute, because
 * what is recorded must mean the same tomorrow.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 */
export function parseImgref(text: string): SignedImageReference {
  if (/^ostree-[a-z-]+:/.test(text)) {
    const signed = parseSignedReference(text)
    return { ...signed, image: absolute(signed.image) }
  }
  return {
    signature: { kind: 'insecure' },
    image: absolute(isTransported(text) ? parseImageReference(text) : registry(text)),
  }
}

/** `switch --transport T NAME` and `--target-transport`: the name belongs to the transport as it stands. */
export function imgrefOf(transport: string, name: string, enforcePolicy: boolean): SignedImageReference {
  const known = parseTransport(transport)
  const image = known === 'registry' ? registry(name) : parseImageReference(`${known}:${name}`)
  return { signature: { kind: enforcePolicy ? 'containerPolicy' : 'insecure' }, image: absolute(image) }
}

function isTransported(text: string): boolean {
  return /^(registry|docker|oci|oci-archive|docker-archive|containers-storage|dir|docker-daemon):/.test(text)
}

function registry(name: string): ImageReference {
  const reference: ImageReference = { transport: 'registry', name }
  parseRegistryName(name)
  return reference
}

const pathTransports: ReadonlySet<TransportName> = new Set(['oci', 'oci-archive', 'docker-archive', 'dir'])

function absolute(image: ImageReference): ImageReference {
  if (!pathTransports.has(image.transport) || image.name.startsWith('/')) return image
  // Only the path before a tag is one; `resolve` does not look at colons.
  return { ...image, name: resolve(image.name) }
}
