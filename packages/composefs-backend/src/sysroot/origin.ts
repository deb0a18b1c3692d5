import { BootcError, type Digest, type SignedImageReference } from '@bootc-sdk/core'
import { parseKeyfile, type Keyfile } from '@bootc-sdk/core/keyfile'
import { followedReference, isDigest, printImageReference, printSignedReference } from '@bootc-sdk/core/oci'

/** How a deployment boots, as its origin spells it. */
export type BootType = 'bls' | 'uki'

/** What the origin of a deployment says. */
export interface Origin {
  /** Absent where it cannot be read. */
  readonly image?: SignedImageReference
  readonly bootType: BootType
  /** Hex; absent in deployments of an older bootc. */
  readonly bootDigest?: string
  /** Absent in deployments of an older bootc, which has a file `<id>.imginfo` beside. */
  readonly manifestDigest?: Digest
  /** Ours: bootc has no pins. */
  readonly pinned: boolean
  /** Ours: addons of the unified kernel image that were chosen; absent for none. */
  readonly ukiAddons?: readonly string[]
}

const imageKey = 'container-image-reference'
/** Keys that only this software writes. */
const ownGroup = 'bootc-sdk'
const addonsKey = 'uki-addons'

/**
 * @throws BootcError `DEPLOY_ORIGIN`
 * @see bootc 1.16.9 crates/lib/src/bootc_composefs/state.rs
 */
export function readOrigin(text: string, path: string): Origin {
  try {
    const file = parseKeyfile(text)
    const image = followedReference(file.get('origin', imageKey))
    const bootType = file.get('boot', 'boot_type')?.trim()
    const bootDigest = file.get('boot', 'digest')?.trim()
    const ukiAddons = file.getList(ownGroup, addonsKey)?.map((name) => name.trim())
    const manifestDigest = file.get('image', 'manifest_digest')?.trim()
    if (bootType !== 'bls' && bootType !== 'uki') throw new Error('it does not say how to boot')
    return {
      ...(image === undefined ? {} : { image }),
      bootType,
      ...(bootDigest !== undefined && /^[0-9a-f]{64}$/.test(bootDigest) ? { bootDigest } : {}),
      ...(isDigest(manifestDigest) ? { manifestDigest } : {}),
      pinned: file.get(ownGroup, 'pinned') === 'true',
      ...(ukiAddons === undefined ? {} : { ukiAddons }),
    }
  } catch (cause) {
    throw new BootcError('DEPLOY_ORIGIN', `origin ${path} cannot be read`, { details: { path }, cause })
  }
}

/** Text of a new origin, in the spelling of bootc. */
export function newOrigin(
  facts: Required<Pick<Origin, 'image' | 'bootType' | 'bootDigest' | 'manifestDigest'>> &
    Partial<Pick<Origin, 'ukiAddons'>>,
): string {
  const { ukiAddons = [] } = facts
  return [
    ['[origin]', `${imageKey} = ${printOriginImage(facts.image)}`],
    ['[boot]', `boot_type = ${facts.bootType}`, `digest = ${facts.bootDigest}`],
    ['[image]', `manifest_digest = ${facts.manifestDigest}`],
    ...(ukiAddons.length === 0
      ? []
      : [[`[${ownGroup}]`, `${addonsKey} = ${ukiAddons.map((name) => `${name};`).join('')}`]]),
  ]
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n')
}

/** The same origin following another image; everything else is kept. */
export function originWithImage(text: string, image: SignedImageReference): string {
  return edited(text, (file) => file.set('origin', imageKey, printOriginImage(image)))
}

export function originWithPin(text: string, pinned: boolean): string {
  return edited(text, (file) => {
    file.set(ownGroup, 'pinned', pinned ? 'true' : undefined)
    if (file.keys(ownGroup).length === 0) file.removeGroup(ownGroup)
  })
}

function edited(text: string, edit: (file: Keyfile) => void): string {
  const file = parseKeyfile(text)
  edit(file)
  return file.toString()
}

/** bootc spells every reference with its transport. */
function printOriginImage(image: SignedImageReference): string {
  return image.signature.kind === 'insecure'
    ? `ostree-unverified-image:${printImageReference(image.image)}`
    : printSignedReference(image)
}
