import { BootcError, isBootcError } from '../errors.js'
import type { ImageReference, SignatureSource, SignedImageReference, TransportName } from './reference.js'

/** What stands before the first `:`; `docker` must be followed by `//`. */
const transports: ReadonlyMap<string, TransportName> = new Map([
  ['registry', 'registry'],
  ['docker', 'registry'],
  ['oci', 'oci'],
  ['oci-archive', 'oci-archive'],
  ['docker-archive', 'docker-archive'],
  ['containers-storage', 'containers-storage'],
  ['dir', 'dir'],
  ['docker-daemon', 'docker-daemon'],
])

/**
 * Parse `TRANSPORT:NAME`, as skopeo and ostree-ext write it. The name is opaque here: nothing is trimmed,
 * so `registry://x` means a registry image called `//x`.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 * @see ostree-ext 0.15.3 (bootc 1.16.9), `ImageReference`
 */
export function parseImageReference(text: string): ImageReference {
  const [word, rest] = splitOnce(text, text)
  const transport = transports.get(word)
  if (transport === undefined) throw invalid(text, `unknown transport ${JSON.stringify(word)}`)
  if (word === 'docker' && !rest.startsWith('//')) throw invalid(text, '"docker:" must be followed by "//"')
  const name = word === 'docker' ? rest.slice(2) : rest
  if (name === '') throw invalid(text, 'empty name')
  return { transport, name }
}

/** The one canonical spelling: `docker://NAME` for registries, `TRANSPORT:NAME` for the rest. */
export function printImageReference(reference: ImageReference): string {
  return `${printTransport(reference.transport)}${reference.name}`
}

/** `docker://`, `oci:`, … */
export function printTransport(transport: TransportName): string {
  return transport === 'registry' ? 'docker://' : `${transport}:`
}

/**
 * A transport alone, as some options take it: `registry`, `docker://`, `oci`, `oci:`. Bare `docker` is refused.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 */
export function parseTransport(text: string): TransportName {
  if (text === 'docker://') return 'registry'
  const word = text.endsWith(':') ? text.slice(0, -1) : text
  const transport = word === 'docker' ? undefined : transports.get(word)
  if (transport === undefined) throw invalid(text, `unknown transport ${JSON.stringify(text)}`)
  return transport
}

/**
 * Parse what origin files hold: signature source and image, `ostree-unverified-registry:quay.io/a/b:tag`.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 */
export function parseSignedReference(text: string): SignedImageReference {
  const [scheme, rest] = splitOnce(text, text)
  switch (scheme) {
    case 'ostree-image-signed':
      return { signature: { kind: 'containerPolicy' }, image: parseImageReference(rest) }
    case 'ostree-unverified-image':
      return { signature: { kind: 'insecure' }, image: parseImageReference(rest) }
    case 'ostree-unverified-registry':
      return { signature: { kind: 'insecure' }, image: parseImageReference(`registry:${rest}`) }
    case 'ostree-remote-image': {
      const [remote, image] = splitOnce(rest, text)
      return { signature: { kind: 'ostreeRemote', remote }, image: parseImageReference(image) }
    }
    case 'ostree-remote-registry': {
      const [remote, name] = splitOnce(rest, text)
      return { signature: { kind: 'ostreeRemote', remote }, image: parseImageReference(`registry:${name}`) }
    }
    default:
      throw invalid(text, `unknown signature source ${JSON.stringify(scheme)}`)
  }
}

/** What an origin file says that it follows; undefined also for what nobody here can follow. */
export function followedReference(text: string | undefined): SignedImageReference | undefined {
  if (text === undefined) return undefined
  try {
    return parseSignedReference(text)
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

/** Inverse of `parseSignedReference`, with one spelling per meaning. */
export function printSignedReference({ signature, image }: SignedImageReference): string {
  if (signature.kind === 'insecure' && image.transport === 'registry') {
    return `ostree-unverified-registry:${image.name}`
  }
  return `${printSignatureSource(signature)}:${printImageReference(image)}`
}

/** For messages: a registry image that is not verified is just `docker://NAME`. Cannot be parsed back. */
export function displaySignedReference(reference: SignedImageReference): string {
  const { signature, image } = reference
  const short = signature.kind === 'insecure' && image.transport === 'registry'
  return short ? printImageReference(image) : printSignedReference(reference)
}

/**
 * A signature source alone: `ostree-image-signed`, `ostree-unverified-image`, `ostree-remote-image:REMOTE`.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 */
export function parseSignatureSource(text: string): SignatureSource {
  if (text === 'ostree-image-signed') return { kind: 'containerPolicy' }
  if (text === 'ostree-unverified-image') return { kind: 'insecure' }
  if (text.startsWith('ostree-remote-image:')) {
    return { kind: 'ostreeRemote', remote: text.slice('ostree-remote-image:'.length) }
  }
  throw invalid(text, `unknown signature source ${JSON.stringify(text)}`)
}

/** Inverse of `parseSignatureSource`. */
export function printSignatureSource(source: SignatureSource): string {
  switch (source.kind) {
    case 'containerPolicy':
      return 'ostree-image-signed'
    case 'insecure':
      return 'ostree-unverified-image'
    case 'ostreeRemote':
      return `ostree-remote-image:${source.remote}`
  }
}

function splitOnce(text: string, whole: string): [left: string, right: string] {
  const colon = text.indexOf(':')
  if (colon < 0) throw invalid(whole, 'missing ":"')
  return [text.slice(0, colon), text.slice(colon + 1)]
}

function invalid(reference: string, problem: string): BootcError {
  return new BootcError(
    'IMAGE_REFERENCE_INVALID',
    `image reference ${JSON.stringify(reference)}: ${problem}`,
    {
      details: { reference },
    },
  )
}
