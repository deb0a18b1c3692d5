import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { BootcError } from '../errors.js'
import type { OpOptions } from '../interfaces/common.js'
import type { ResolvedImage, SignaturePolicy } from '../interfaces/transport.js'
import { printImageReference } from '../oci/parse-reference.js'
import type { ImageReference } from '../oci/reference.js'
import { checkRequirement, type Judges } from './check-requirement.js'
import { hostConfReader } from './conf-reader.js'
import {
  dockerReferenceOf,
  requirementsFor,
  type PolicyDecision,
  type ReferencePlace,
} from './policy-scopes.js'
import type { ContainersPolicy } from './policy-types.js'
import type { ImageSignature, SignatureVerifiers } from './signature-types.js'

/** A policy and the file that it comes from, for messages. */
export interface PolicyFile {
  readonly path: string
  readonly policy: ContainersPolicy
}

export interface ContainersPolicyOptions {
  /** policy.json, or how to find it (`loadPolicy`); asked once for each image. Undefined: there is none. */
  readonly policy: PolicyFile | (() => Promise<PolicyFile | undefined>)
  /** Signatures that are kept for what the image's reference names (`signaturesFrom` in core/transports). */
  readonly signatures: (image: ResolvedImage, options: OpOptions) => Promise<readonly ImageSignature[]>
  /** Cryptography, loaded when a signature has to be verified. Without it, those requirements fail. */
  readonly verifiers?: () => Promise<SignatureVerifiers>
  /** Verifies what `ostree-remote-image:` asks for where no store does; without it, such images are refused. */
  readonly ostreeRemote?: (image: ResolvedImage, remote: string, options: OpOptions) => Promise<void>
  /** Keys that the policy names. Default: files of this machine. */
  readonly readFile?: (path: string) => Promise<Uint8Array | undefined>
  /**
   * What scopes depend on besides the name. Where it does not know, the real path of what `oci:`, `oci-archive:` and
   * `dir:` name counts.
   */
  readonly place?: (reference: ImageReference) => Promise<ReferencePlace | undefined>
}

/**
 * The policy of containers-policy.json(5), with the meaning that origins of bootc give it:
 *
 * - every image is judged by the requirements of its scope, on the manifest or index that its reference names;
 * - `containerPolicy` (`ostree-image-signed:`) needs a policy, and one whose default is not to accept anything;
 * - `insecure` is judged too where there is a policy, and accepted where there is none;
 * - `ostreeRemote` asks for a signature of the commit besides, which the store verifies when it can.
 *
 * @throws (when checking) BootcError `IMAGE_POLICY_REJECTED`, `IMAGE_POLICY_INVALID`, `IMAGE_POLICY_MISSING`,
 *   `IMAGE_POLICY_UNSUPPORTED`, `IMAGE_SIGNATURE_UNSUPPORTED`, and what fetching signatures throws
 */
export function containersPolicy(options: ContainersPolicyOptions): SignaturePolicy {
  return {
    async check(image, source, operation = {}) {
      const { signal } = operation
      const file = typeof options.policy === 'function' ? await options.policy() : options.policy
      signal?.throwIfAborted()
      if (file !== undefined) {
        if (source.kind === 'containerPolicy') refuseAcceptAnything(image.reference, file)
        await judge(image, file, options, operation)
      } else if (source.kind === 'containerPolicy') {
        throw new BootcError(
          'IMAGE_POLICY_MISSING',
          `${printImageReference(image.reference)} is to be verified, but there is no policy.json`,
          { details: { reference: printImageReference(image.reference) } },
        )
      }
      if (source.kind !== 'ostreeRemote' || operation.storeVerifies === true) return
      if (options.ostreeRemote === undefined) {
        const reference = printImageReference(image.reference)
        throw new BootcError(
          'IMAGE_POLICY_UNSUPPORTED',
          `${reference} asks for a signature by the keys of OSTree remote ${source.remote}, which cannot be verified here`,
          { details: { reference, signature: source.kind, remote: source.remote } },
        )
      }
      await options.ostreeRemote(image, source.remote, operation)
    },
  }
}

/** Whoever asks for verification does not mean a policy that verifies nothing. */
function refuseAcceptAnything(reference: ImageReference, { path, policy }: PolicyFile): void {
  if (policy.default.length !== 1 || policy.default[0]!.type !== 'insecureAcceptAnything') return
  throw new BootcError(
    'IMAGE_POLICY_REJECTED',
    `${path} has a default of \`insecureAcceptAnything\`, which is no verification of ${printImageReference(reference)}`,
    { details: { reference: printImageReference(reference), policy: path, scope: 'default' } },
  )
}

async function judge(
  image: ResolvedImage,
  { path, policy }: PolicyFile,
  options: ContainersPolicyOptions,
  operation: OpOptions,
): Promise<void> {
  const { reference } = image
  const place = (await options.place?.(reference)) ?? (await hostPlace(reference))
  const decision = requirementsFor(reference, policy, place)
  let signatures: Promise<readonly ImageSignature[]> | undefined
  const judged = {
    topBytes: image.index?.bytes ?? image.manifestBytes,
    dockerReference: dockerReferenceOf(reference),
    signatures: () => (signatures ??= options.signatures(image, operation)),
  }
  const reader = hostConfReader()
  const judges: Judges = {
    verifiers: options.verifiers ?? (() => Promise.reject(noVerifiers(reference))),
    readFile: options.readFile ?? ((file) => reader.read(file)),
  }
  for (const requirement of decision.requirements) {
    operation.signal?.throwIfAborted()
    const refusal = await checkRequirement(requirement, judged, judges)
    if (refusal === undefined) continue
    throw rejected(image, path, decision, requirement.type, refusal)
  }
}

function rejected(
  image: ResolvedImage,
  policy: string,
  { where }: PolicyDecision,
  requirement: string,
  { reason, unsupported }: { readonly reason: string; readonly unsupported?: readonly string[] },
): BootcError {
  const reference = printImageReference(image.reference)
  const digest = image.index?.digest ?? image.manifestDigest
  const details = { reference, digest, policy, scope: where, requirement, reason }
  if (unsupported !== undefined) {
    const formats = [...new Set(unsupported)].join(', ')
    const message = `${reference} has only signatures of a kind that cannot be verified here (${formats})`
    return new BootcError('IMAGE_SIGNATURE_UNSUPPORTED', message, { details: { ...details, formats } })
  }
  const message = `${reference} is rejected by policy ${policy}: ${reason}`
  return new BootcError('IMAGE_POLICY_REJECTED', message, { details })
}

function noVerifiers(reference: ImageReference): BootcError {
  const name = printImageReference(reference)
  return new BootcError(
    'IMAGE_POLICY_UNSUPPORTED',
    `${name}: its policy asks for a signature, and nothing that verifies signatures was given`,
    { details: { reference: name } },
  )
}

/** The part of a name that is a path ends at the first `:`, for those transports that have more. */
async function hostPlace({ transport, name }: ImageReference): Promise<ReferencePlace> {
  if (transport !== 'oci' && transport !== 'oci-archive' && transport !== 'dir') return {}
  const path = resolve(transport === 'dir' ? name : name.split(':')[0]!)
  return { realPath: await realpath(path).catch(() => path) }
}
