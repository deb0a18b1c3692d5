import { BootcError } from '../errors.js'
import { replaceTag } from '../oci/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import type { HostEntry, HostState } from './host-state.js'

const advice =
  'Deployment contains local rpm-ostree modifications; cannot upgrade via bootc. ' +
  'You can run `rpm-ostree reset` to undo the modifications.'

/** What the next boot should follow: the staged image, else the booted (or default) one. */
export function followedImage(state: Pick<HostState, 'staged' | 'anchor'>): SignedImageReference | undefined {
  return originOf(state.staged) ?? originOf(state.anchor)
}

/** What a deployment follows; none when packages were layered on it. */
export function originOf(entry: HostEntry | undefined): SignedImageReference | undefined {
  return entry === undefined || entry.deployment.incompatible ? undefined : entry.deployment.origin
}

/** @throws BootcError `DEPLOY_INCOMPATIBLE`, `DEPLOY_NO_SOURCE` */
export function requireFollowed(
  state: Pick<HostState, 'staged' | 'anchor'>,
  noSource = 'No image source specified',
): SignedImageReference {
  const followed = followedImage(state)
  if (followed !== undefined) return followed
  const changed = [state.staged, state.anchor].find((entry) => entry?.deployment.incompatible === true)
  if (changed !== undefined) {
    throw new BootcError('DEPLOY_INCOMPATIBLE', advice, { details: { deployment: changed.id } })
  }
  throw new BootcError('DEPLOY_NO_SOURCE', noSource)
}

/** What an upgrade follows: the host's image, under another tag when one is given. */
export function upgradeTarget(
  state: Pick<HostState, 'staged' | 'anchor'>,
  tag: string | undefined,
): SignedImageReference {
  if (tag === undefined) return requireFollowed(state)
  const followed = requireFollowed(state, '--tag requires a booted image with a specified source')
  return { ...followed, image: replaceTag(followed.image, tag) }
}

export function sameReference(a: SignedImageReference, b: SignedImageReference): boolean {
  return (
    a.image.transport === b.image.transport &&
    a.image.name === b.image.name &&
    a.signature.kind === b.signature.kind &&
    (a.signature.kind === 'ostreeRemote' ? a.signature.remote : '') ===
      (b.signature.kind === 'ostreeRemote' ? b.signature.remote : '')
  )
}
