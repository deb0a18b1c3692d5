import { BootcError, type SignedImageReference, type UnlockedState } from '@bootc-sdk/core'
import { parseKeyfile, type Keyfile } from '@bootc-sdk/core/keyfile'
import { followedReference, printSignedReference } from '@bootc-sdk/core/oci'

const group = 'origin'
const imageKey = 'container-image-reference'
const transientGroup = 'libostree-transient'
/** Groups of rpm-ostree: packages were layered on top of the image. */
const incompatibleGroups = ['rpmostree', 'packages', 'overrides', 'modules'] as const

/** What the `.origin` file beside a deployment says. */
export interface OriginFacts {
  /** Absent for deployments that follow an ostree ref, and for references that cannot be read. */
  readonly image?: SignedImageReference
  readonly incompatible: boolean
  readonly pinned: boolean
  readonly unlocked: Extract<UnlockedState, 'none' | 'hotfix'>
  /** `remote:ref` of plain ostree. */
  readonly refspec?: string
}

/**
 * @param path for messages
 * @throws BootcError `DEPLOY_ORIGIN` when it is no key file
 * @see ostree 2026.4 src/libostree/ostree-deployment.c; bootc 1.16.9 spec and status
 */
export function readOrigin(text: string, path: string): OriginFacts {
  const file = originFile(text, path)
  const image = followedReference(file.get(group, imageKey))
  const refspec = file.get(group, 'refspec')
  return {
    ...(image === undefined ? {} : { image }),
    incompatible: incompatibleGroups.some((name) => file.groups().includes(name)),
    pinned: ['true', '1'].includes(file.get(transientGroup, 'pinned') ?? ''),
    unlocked: file.get(group, 'unlocked') === 'hotfix' ? 'hotfix' : 'none',
    ...(refspec === undefined ? {} : { refspec }),
  }
}

/**
 * Text of a new origin: one group with one key, as bootc writes it.
 *
 * @param retain another origin whose foreign groups and keys are carried over; what is true of that one
 *   deployment only (pins, overrides, unlocking) is not
 */
export function newOrigin(image: SignedImageReference, retain?: string): string {
  const file = parseKeyfile(retain ?? '')
  for (const key of ['refspec', 'override-commit', 'unconfigured-state', 'unlocked']) {
    file.set(group, key, undefined)
  }
  removeGroup(file, transientGroup)
  file.set(group, imageKey, printSignedReference(image))
  return file.toString()
}

/** The same origin following another image; everything else is kept. */
export function originWithImage(text: string, image: SignedImageReference): string {
  const file = parseKeyfile(text)
  file.set(group, imageKey, printSignedReference(image))
  file.set(group, 'refspec', undefined)
  return file.toString()
}

export function originWithPin(text: string, pinned: boolean): string {
  const file = parseKeyfile(text)
  if (pinned) file.set(transientGroup, 'pinned', 'true')
  else removeGroup(file, transientGroup)
  return file.toString()
}

function originFile(text: string, path: string): Keyfile {
  try {
    return parseKeyfile(text)
  } catch (cause) {
    throw new BootcError('DEPLOY_ORIGIN', `origin ${path} cannot be read`, { details: { path }, cause })
  }
}

function removeGroup(file: Keyfile, name: string): void {
  file.removeGroup(name)
}
