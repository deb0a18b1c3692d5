import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  displaySignedReference,
  parseImageReference,
  parseSignatureSource,
  parseSignedReference,
  parseTransport,
  printImageReference,
  printSignatureSource,
  printSignedReference,
} from '../../src/oci/index.js'

interface Golden {
  image_reference: { input: string; printed?: string; error?: string }[]
  ostree_image_reference_errors: { input: string }[]
}
const goldenFile = new URL('../golden/imgref-parse.json', import.meta.url)
const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Golden

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

describe('image references', () => {
  test.each(golden.image_reference.filter((row) => row.printed !== undefined))(
    '$input prints as the real tool prints it',
    ({ input, printed }) => {
      // The recorded message was cut at white space.
      expect(printImageReference(parseImageReference(input)).trimEnd()).toBe(printed)
    },
  )

  test.each(golden.image_reference.filter((row) => row.error !== undefined))(
    '$input is refused',
    ({ input }) => {
      expect(codeOf(() => parseImageReference(input))).toBe('IMAGE_REFERENCE_INVALID')
    },
  )

  test('names are kept byte for byte', () => {
    expect(parseImageReference('registry: ')).toEqual({ transport: 'registry', name: ' ' })
    expect(parseImageReference('oci:/a:b:c').name).toBe('/a:b:c')
  })

  test('a transport may stand alone, but not the word docker', () => {
    expect(parseTransport('docker://')).toBe('registry')
    expect(parseTransport('registry')).toBe('registry')
    expect(parseTransport('oci-archive:')).toBe('oci-archive')
    expect(codeOf(() => parseTransport('docker'))).toBe('IMAGE_REFERENCE_INVALID')
    expect(codeOf(() => parseTransport('docker:'))).toBe('IMAGE_REFERENCE_INVALID')
    expect(codeOf(() => parseTransport('OCI'))).toBe('IMAGE_REFERENCE_INVALID')
  })
})

describe('signed references', () => {
  test.each([
    ['ostree-image-signed:registry:q/x', 'ostree-image-signed:docker://q/x'],
    ['ostree-image-signed:docker://q/x', 'ostree-image-signed:docker://q/x'],
    ['ostree-unverified-image:docker://q/x', 'ostree-unverified-registry:q/x'],
    ['ostree-unverified-image:oci:/d:t', 'ostree-unverified-image:oci:/d:t'],
    ['ostree-unverified-registry:q/x:t', 'ostree-unverified-registry:q/x:t'],
    ['ostree-remote-registry:m:q/x', 'ostree-remote-image:m:docker://q/x'],
    ['ostree-remote-image:m:oci-archive:/f:t', 'ostree-remote-image:m:oci-archive:/f:t'],
  ])('%s prints as %s', (input, printed) => {
    expect(printSignedReference(parseSignedReference(input))).toBe(printed)
    expect(parseSignedReference(printed)).toEqual(parseSignedReference(input))
  })

  test.each(golden.ostree_image_reference_errors)('$input is refused', ({ input }) => {
    expect(codeOf(() => parseSignedReference(input))).toBe('IMAGE_REFERENCE_INVALID')
  })

  test('messages shorten only what is unverified and from a registry', () => {
    const show = (text: string): string => displaySignedReference(parseSignedReference(text))
    expect(show('ostree-unverified-registry:q/x')).toBe('docker://q/x')
    expect(show('ostree-image-signed:docker://q/x')).toBe('ostree-image-signed:docker://q/x')
    expect(show('ostree-unverified-image:oci:/x')).toBe('ostree-unverified-image:oci:/x')
  })

  test('a signature source survives printing and parsing', () => {
    for (const text of ['ostree-image-signed', 'ostree-unverified-image', 'ostree-remote-image:fleet']) {
      expect(printSignatureSource(parseSignatureSource(text))).toBe(text)
    }
    expect(codeOf(() => parseSignatureSource('ostree-unverified-registry'))).toBe('IMAGE_REFERENCE_INVALID')
  })

  test('any reference survives printing and parsing', () => {
    const transport = fc.constantFrom('registry', 'oci', 'oci-archive', 'dir', 'containers-storage' as const)
    const signature = fc.oneof(
      fc.constantFrom({ kind: 'insecure' } as const, { kind: 'containerPolicy' } as const),
      fc.stringMatching(/^[a-z]+$/).map((remote) => ({ kind: 'ostreeRemote', remote }) as const),
    )
    fc.assert(
      fc.property(transport, fc.string({ minLength: 1 }), signature, (transport, name, signature) => {
        const reference = { signature, image: { transport, name } } as const
        expect(parseSignedReference(printSignedReference(reference))).toEqual(reference)
      }),
    )
  })
})
