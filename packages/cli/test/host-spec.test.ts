import { expect, test } from 'vitest'
import { parseHostSpec } from '../src/host-spec.js'

const spec = (image: string, order = 'default') =>
  `apiVersion: org.containers.bootc/v1\nspec:\n  image:\n${image}  bootOrder: ${order}\n`

test('image, transport and order are read; other members are ignored', () => {
  expect(
    parseHostSpec(spec('    image: quay.io/a/b:1\n    transport: registry\n    colour: blue\n', 'rollback')),
  ).toEqual({
    bootOrder: 'rollback',
    image: { image: { transport: 'registry', name: 'quay.io/a/b:1' }, signature: { kind: 'insecure' } },
  })
})

test('signatures come as words, tags and maps', () => {
  const signature = (text: string) =>
    parseHostSpec(spec(`    image: a\n    transport: oci\n    signature: ${text}\n`)).image?.signature
  expect(signature('containerPolicy')).toEqual({ kind: 'containerPolicy' })
  expect(signature('insecure')).toEqual({ kind: 'insecure' })
  expect(signature('!ostreeRemote origin')).toEqual({ kind: 'ostreeRemote', remote: 'origin' })
  expect(signature('{ostreeRemote: origin}')).toEqual({ kind: 'ostreeRemote', remote: 'origin' })
})

test('JSON works, and a null image is no image', () => {
  expect(parseHostSpec('{"spec":{"image":null,"bootOrder":"default"}}')).toEqual({ bootOrder: 'default' })
  expect(parseHostSpec('{}')).toEqual({ bootOrder: 'default' })
})

test.each([
  '',
  'a: [',
  '- a',
  'spec: 1',
  'spec: {bootOrder: x}',
  'spec: {image: x}',
  'spec: {image: {image: a}}',
  'spec: {image: {image: a, transport: oci, signature: x}}',
  'spec: {a: 1, a: 2}',
  'spec: *nowhere',
  `a: &a [${'x,'.repeat(10)}]\nb: &b [${'*a,'.repeat(10)}]\nc: &c [${'*b,'.repeat(10)}]\nd: [${'*c,'.repeat(10)}]`,
])('%j is refused', (text) => {
  expect(() => parseHostSpec(text)).toThrowError(
    expect.objectContaining({ code: 'HOST_SPEC_INVALID' }) as Error,
  )
})
