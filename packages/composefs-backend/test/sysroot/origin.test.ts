import { expect, test } from 'vitest'
import type { SignedImageReference } from '@bootc-sdk/core'
import { newOrigin, originWithImage, originWithPin, readOrigin } from '../../src/sysroot/origin.js'

const image: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.lan/fleet/edge:2.x' },
  signature: { kind: 'insecure' },
}
const manifestDigest = `sha256:${'a'.repeat(64)}` as const
const bootDigest = 'b'.repeat(64)

/** As bootc 1.16.9 writes it. */
const text = `[origin]
container-image-reference = ostree-unverified-image:docker://registry.lan/fleet/edge:2.x

[boot]
boot_type = bls
digest = ${bootDigest}

[image]
manifest_digest = ${manifestDigest}
`

test('a new origin is what bootc writes, byte for byte', () => {
  expect(newOrigin({ image, bootType: 'bls', bootDigest, manifestDigest })).toBe(text)
})

test('what bootc wrote is understood', () => {
  expect(readOrigin(text, 'x')).toEqual({ image, bootType: 'bls', bootDigest, manifestDigest, pinned: false })
})

test('one of an older bootc lacks the digests', () => {
  const old =
    '[origin]\ncontainer-image-reference=ostree-unverified-registry:a/b:c\n\n[boot]\nboot_type=uki\n'
  expect(readOrigin(old, 'x')).toEqual({
    image: { image: { transport: 'registry', name: 'a/b:c' }, signature: { kind: 'insecure' } },
    bootType: 'uki',
    pinned: false,
  })
})

test('how an image is trusted is kept', () => {
  const signed: SignedImageReference = { ...image, signature: { kind: 'containerPolicy' } }
  const written = newOrigin({ image: signed, bootType: 'bls', bootDigest, manifestDigest })
  expect(readOrigin(written, 'x').image).toEqual(signed)
})

test('changes keep what other tools wrote', () => {
  const more = `${text}\n[theirs]\nkey = value\n`
  const other = { ...image, image: { transport: 'oci', name: '/srv/layout:v1' } } as const
  const changed = originWithPin(originWithImage(more, other), true)
  expect(readOrigin(changed, 'x')).toMatchObject({ image: other, pinned: true, manifestDigest })
  expect(changed).toContain('[theirs]\nkey = value\n')
  expect(originWithPin(changed, false)).not.toContain('pinned')
})

test.each([
  ['nothing', ''],
  ['no key file', 'x y z'],
  ['no way to boot', '[origin]\nrefspec = x\n'],
  ['an unknown way to boot', '[boot]\nboot_type = floppy\n'],
])('%s is no origin', (_name, broken) => {
  expect(() => readOrigin(broken, 'where')).toThrow(expect.objectContaining({ code: 'DEPLOY_ORIGIN' }))
})
