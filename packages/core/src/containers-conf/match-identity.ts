import { parseDockerReference } from './docker-reference.js'
import type { DockerReference } from './docker-reference.js'
import type { IdentityMatch } from './policy-types.js'

/**
 * Does a signature speak for this image?
 *
 * @param intended name that was asked for, `host/repository:tag` or `…@digest`; undefined where the transport has
 *   no such names: then only `exactReference` and `exactRepository` can hold
 * @param signed name in the signature; anything that is no reference never holds
 * @see containers-policy.json(5) "signedBy", containers/image 5.34 signature/policy_reference_match.go
 */
export function matchesIdentity(match: IdentityMatch, intended: string | undefined, signed: string): boolean {
  const signature = parseDockerReference(signed)
  if (signature === undefined) return false
  if (match.type === 'exactReference') {
    const wanted = parseDockerReference(match.dockerReference)
    return wanted !== undefined && !wanted.isNameOnly && wanted.full === signature.full
  }
  if (match.type === 'exactRepository') {
    return parseDockerReference(match.dockerRepository)?.name === signature.name
  }
  const image = intended === undefined ? undefined : parseDockerReference(intended)
  if (image === undefined) return false
  switch (match.type) {
    case 'matchExact':
      return !image.isNameOnly && !signature.isNameOnly && image.full === signature.full
    case 'matchRepository':
      return image.name === signature.name
    case 'matchRepoDigestOrExact':
      return repoDigestOrExact(image, signature)
    case 'remapIdentity': {
      const mapped = remap(image, match)
      return mapped !== undefined && repoDigestOrExact(mapped, signature)
    }
  }
}

/** What was asked for by tag needs the same tag; what was asked for by digest only the same repository. */
function repoDigestOrExact(image: DockerReference, signature: DockerReference): boolean {
  if (signature.isNameOnly || image.isNameOnly) return false
  return image.hasTag ? image.full === signature.full : image.name === signature.name
}

function remap(
  image: DockerReference,
  { prefix, signedPrefix }: IdentityMatch & { type: 'remapIdentity' },
): DockerReference | undefined {
  if (image.name !== prefix && !image.name.startsWith(`${prefix}/`)) return image
  const text = signedPrefix + image.full.slice(prefix.length)
  const mapped = parseDockerReference(text)
  // Names that would only become valid by being expanded are none.
  return mapped?.full === text ? mapped : undefined
}
