import { BootcError, type HostSpec, type ImageReference, type SignatureSource } from '@bootc-sdk/core'
import { parseTransport } from '@bootc-sdk/core/oci'
import { parseDocument } from 'yaml'

/**
 * The `spec` of an edited BootcHost document, YAML or JSON. Unknown members are ignored and missing ones have
 * their defaults, as in bootc.
 *
 * @throws BootcError `HOST_SPEC_INVALID`
 */
export function parseHostSpec(text: string): HostSpec {
  const document = parseDocument(text, { customTags: [ostreeRemote], version: '1.2' })
  const [problem] = document.errors
  if (problem !== undefined) throw invalid(problem.message.split('\n')[0] ?? 'not YAML', problem)
  const host = plain(document)
  if (!isRecord(host)) throw invalid('the document is not a map')
  const spec = host['spec'] ?? {}
  if (!isRecord(spec)) throw invalid('spec is not a map')
  const bootOrder = spec['bootOrder'] ?? 'default'
  if (bootOrder !== 'default' && bootOrder !== 'rollback')
    throw invalid('spec.bootOrder is neither default nor rollback')
  const image = spec['image'] ?? undefined
  return image === undefined ? { bootOrder } : { bootOrder, image: parseImage(image) }
}

/** Aliases that lead nowhere, or to more than anybody wrote, show up only here. */
function plain(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

/** `signature: !ostreeRemote name`; the map form `{ ostreeRemote: name }` works too. */
const ostreeRemote = {
  tag: '!ostreeRemote',
  resolve: (text: string): { ostreeRemote: string } => ({ ostreeRemote: text }),
}

function parseImage(value: unknown): { image: ImageReference; signature: SignatureSource } {
  if (!isRecord(value)) throw invalid('spec.image is not a map')
  const { image, transport, signature } = value
  if (typeof image !== 'string' || image === '') throw invalid('spec.image.image is not a name')
  if (typeof transport !== 'string') throw invalid('spec.image.transport is not a name')
  return {
    image: { transport: parseTransport(transport), name: image },
    signature: parseSignature(signature ?? undefined),
  }
}

function parseSignature(value: unknown): SignatureSource {
  if (value === undefined || value === 'insecure') return { kind: 'insecure' }
  if (value === 'containerPolicy') return { kind: 'containerPolicy' }
  if (isRecord(value) && typeof value['ostreeRemote'] === 'string') {
    return { kind: 'ostreeRemote', remote: value['ostreeRemote'] }
  }
  throw invalid('spec.image.signature is unknown')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(reason: string, cause?: unknown): BootcError {
  return new BootcError('HOST_SPEC_INVALID', `edited specification: ${reason}`, {
    details: { reason },
    cause,
  })
}
