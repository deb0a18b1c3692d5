import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  canonicalReference,
  parseImageReference,
  parseRegistryName,
  printImageReference,
  printRegistryName,
  referenceDigest,
  registryHost,
  replaceTag,
} from '../../src/oci/index.js'

const digest = `sha256:${'ab'.repeat(32)}` as const

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

describe('registry names', () => {
  test.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['ns/app', 'docker.io/ns/app:latest'],
    ['index.docker.io/app:1', 'docker.io/library/app:1'],
    ['docker.io/ns/app', 'docker.io/ns/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/a/b:v1', 'localhost:5000/a/b:v1'],
    ['quay.io/a/b', 'quay.io/a/b:latest'],
    [`quay.io/a/b@${digest}`, `quay.io/a/b@${digest}`],
    [`quay.io/a/b:t@${digest}`, `quay.io/a/b:t@${digest}`],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    ['Reg.Example/a__b/c.d-e--f', 'Reg.Example/a__b/c.d-e--f:latest'],
    [`q.io/x@sha512:${'0'.repeat(128)}`, `q.io/x@sha512:${'0'.repeat(128)}`],
    [`q.io/a:${'t'.repeat(128)}`, `q.io/a:${'t'.repeat(128)}`],
  ])('%s means %s', (input, output) => {
    expect(printRegistryName(parseRegistryName(input))).toBe(output)
  })

  test.each([
    '',
    'a'.repeat(64),
    'Upper/app',
    'localhost/Upper',
    'q.io/a//b',
    'q.io/',
    'q.io/.a',
    'q.io/a.',
    'q.io/a___b',
    'q.io/../x',
    'q.io/a:',
    'q.io/a:.t',
    `q.io/a:${'t'.repeat(129)}`,
    'q.io/a@sha256:abc',
    `q.io/a@sha256:${'AB'.repeat(32)}`,
    `q.io/a@md5:${'a'.repeat(32)}`,
    `q.io/a@${digest}@${digest}`,
    'http://q.io/a',
    'q.io:port/a',
    'q..io/a',
    '-q.io/a',
    'q.io/a b',
    'q.io/a\n',
    `q.io/${'a'.repeat(251)}`,
  ])('%j is refused', (input) => {
    expect(codeOf(() => parseRegistryName(input))).toBe('IMAGE_REFERENCE_INVALID')
  })

  test('docker.io is served by another host', () => {
    expect(registryHost('docker.io')).toBe('registry-1.docker.io')
    expect(registryHost('quay.io')).toBe('quay.io')
  })
})

describe('reference changes', () => {
  test.each([
    [`docker://quay.io/a/b:t@${digest}`, `docker://quay.io/a/b@${digest}`],
    [`docker://fedora:40@${digest}`, `docker://docker.io/library/fedora@${digest}`],
    ['docker://fedora:40', 'docker://fedora:40'],
    [`docker://fedora@${digest}`, `docker://fedora@${digest}`],
    [`containers-storage:q.io/a:t@${digest}`, `containers-storage:q.io/a:t@${digest}`],
  ])('%s is pulled as %s', (input, output) => {
    expect(printImageReference(canonicalReference(parseImageReference(input)))).toBe(output)
  })

  test.each([
    ['docker://quay.io/a/b:1', 'docker://quay.io/a/b:new'],
    [`docker://quay.io/a/b:1@${digest}`, 'docker://quay.io/a/b:new'],
    ['docker://localhost:5000/a', 'docker://localhost:5000/a:new'],
    ['docker://fedora', 'docker://docker.io/library/fedora:new'],
    ['oci:/some/dir:v1', 'oci:/some/dir:new'],
    ['oci:somedir', 'oci:somedir:new'],
    ['oci-archive:/f.tar:v1', 'oci-archive:/f.tar:new'],
    ['containers-storage:[overlay@/x]Q.io/a:1', 'containers-storage:[overlay@/x]Q.io/a:new'],
  ])('%s under another tag is %s', (input, output) => {
    expect(printImageReference(replaceTag(parseImageReference(input), 'new'))).toBe(output)
  })

  test('bad tags and transports without tags are refused', () => {
    expect(codeOf(() => replaceTag({ transport: 'registry', name: 'a' }, 'a:b'))).toBe(
      'IMAGE_REFERENCE_INVALID',
    )
    expect(codeOf(() => replaceTag({ transport: 'dir', name: '/d' }, 'v1'))).toBe('IMAGE_REFERENCE_INVALID')
  })

  test('the wanted digest is found whatever the transport', () => {
    expect(referenceDigest({ transport: 'containers-storage', name: `q.io/a@${digest}` })).toBe(digest)
    expect(referenceDigest({ transport: 'oci', name: '/a/b:c' })).toBeUndefined()
  })
})
