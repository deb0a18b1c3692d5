import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isShort, mergeRegistries, namesToTry, parseRegistriesFile } from '../../src/containers-conf/index.js'
import { parseRegistryName, printRegistryName } from '../../src/oci/index.js'
import { isBootcError } from '../../src/errors.js'

type Answer = readonly string[] | 'ambiguous' | 'unknown' | 'invalid'
const cases = JSON.parse(
  readFileSync(new URL('../golden/short-names/cases.json', import.meta.url), 'utf8'),
) as Record<string, { conf: string; answers: Record<string, Answer> }>

const table = Object.entries(cases).flatMap(([id, { conf, answers }]) =>
  Object.entries(answers).map(([name, answer]) => ({ id, conf, name, answer })),
)

test.each(table)('$id: $name means what podman tries', ({ conf, name, answer }) => {
  const merged = mergeRegistries([parseRegistriesFile(conf, 'registries.conf')])
  expect(ask(name, merged)).toEqual(answer)
})

function ask(name: string, conf: Parameters<typeof namesToTry>[1]): Answer {
  // With a transport, nothing is short.
  if (name.startsWith('docker://')) return [printRegistryName(parseRegistryName(name.slice(9)))]
  try {
    return namesToTry(name, conf)
  } catch (error) {
    if (isBootcError(error, 'IMAGE_REFERENCE_INVALID')) return 'invalid'
    if (!isBootcError(error, 'IMAGE_SHORT_NAME')) throw error
    return (error.details['candidates'] as string[]).length === 0 ? 'unknown' : 'ambiguous'
  }
}

test('an ambiguous name is told with everything that it may mean', () => {
  const conf = mergeRegistries([parseRegistriesFile(cases['two-enforcing']!.conf, 'registries.conf')])
  expect(() => namesToTry('app:v1', conf)).toThrow(
    expect.objectContaining({
      code: 'IMAGE_SHORT_NAME',
      message: 'short name "app:v1" may mean each of a.test/app:v1, b.test:5000/app:v1',
      details: { reference: 'app:v1', candidates: ['a.test/app:v1', 'b.test:5000/app:v1'] },
    }) as Error,
  )
})

test.each([
  ['app', true],
  ['ns/app:1', true],
  ['localhost/app', false],
  ['host:5000/app', false],
  ['docker://app', false],
  ['app:v1:v2', false],
  ['', false],
])('%j without registry: %s', (name, short) => {
  expect(isShort(name)).toBe(short)
})
