import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { imgrefOf, parseImgref } from '../src/imgref.js'

const insecure = { kind: 'insecure' }

test.each([
  ['quay.io/a/b:tag', 'registry', 'quay.io/a/b:tag'],
  ['docker://quay.io/a/b:tag', 'registry', 'quay.io/a/b:tag'],
  ['localhost:5000/a', 'registry', 'localhost:5000/a'],
  ['oci:/srv/layout:v1', 'oci', '/srv/layout:v1'],
  ['dir:/srv/dir', 'dir', '/srv/dir'],
  ['oci-archive:/srv/a.tar', 'oci-archive', '/srv/a.tar'],
])('%s', (text, transport, name) => {
  expect(parseImgref(text)).toEqual({ signature: insecure, image: { transport, name } })
})

test('signed forms keep their signature source', () => {
  expect(parseImgref('ostree-image-signed:docker://quay.io/a/b')).toEqual({
    signature: { kind: 'containerPolicy' },
    image: { transport: 'registry', name: 'quay.io/a/b' },
  })
  expect(parseImgref('ostree-remote-registry:origin:quay.io/a/b').signature).toEqual({
    kind: 'ostreeRemote',
    remote: 'origin',
  })
})

test('relative paths become absolute', () => {
  expect(parseImgref('oci:layout:v1').image.name).toBe(resolve('layout:v1'))
  expect(parseImgref('ostree-unverified-image:oci:./layout').image.name).toBe(resolve('layout'))
  expect(imgrefOf('oci', 'x', false).image.name).toBe(resolve('x'))
})

test.each(['', 'UPPER/case', 'quay.io/a:b:c', 'ostree-nonsense:x', 'docker:x', 'oci:'])(
  '%j is refused',
  (text) => {
    expect(() => parseImgref(text)).toThrowError(
      expect.objectContaining({ code: 'IMAGE_REFERENCE_INVALID' }) as Error,
    )
  },
)

test('a transport on the command line owns the whole name', () => {
  expect(imgrefOf('registry', 'quay.io/a/b', true)).toEqual({
    signature: { kind: 'containerPolicy' },
    image: { transport: 'registry', name: 'quay.io/a/b' },
  })
})
