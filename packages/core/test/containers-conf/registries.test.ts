import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  emptyRegistriesConf,
  loadRegistriesConf,
  mergeRegistries,
  parseRegistriesFile,
  registrySources,
  registryTarget,
  resolveShortName,
} from '../../src/containers-conf/index.js'
import { isBootcError } from '../../src/errors.js'
import { memoryConf } from '../../src/testing/index.js'

// Prefixes, mirrors, rewriting and files are held against skopeo in packages/signatures/test/skopeo-table.test.ts.

const main = '/etc/containers/registries.conf'
const conf = (text: string) => mergeRegistries([parseRegistriesFile(text, main)])

describe('which files count', () => {
  const blocked = '[[registry]]\nlocation = "a.test"\nblocked = true\n'
  const prefixes = async (files: Record<string, string>, env: Record<string, string> = {}) => {
    const options = { reader: memoryConf(files), env, root: true }
    return (await loadRegistriesConf(options)).registries.map(({ prefix }) => prefix)
  }

  test('a variable names the main file, and then it must be there', async () => {
    const env = { CONTAINERS_REGISTRIES_CONF: '/srv/r.conf' }
    expect(
      await prefixes({ '/srv/r.conf': blocked, [main]: '[[registry]]\nlocation = "b.test"' }, env),
    ).toEqual(['a.test'])
    await expect(prefixes({ [main]: blocked }, env)).rejects.toMatchObject({
      code: 'TRANSPORT_CONFIG_INVALID',
    })
  })

  test('a variable names the directory of drop-ins', async () => {
    const env = { CONTAINERS_REGISTRIES_CONF_DIR: '/srv/d', HOME: '/home/me' }
    const files = {
      '/srv/d/1.conf': blocked,
      '/etc/containers/registries.conf.d/1.conf': '[[registry]]\nlocation="b.test"',
    }
    expect(await prefixes(files, env)).toEqual(['a.test'])
  })

  test('an error names the file that is wrong', async () => {
    const path = '/etc/containers/registries.conf.d/bad.conf'
    await expect(prefixes({ [path]: 'x' })).rejects.toMatchObject({ details: { path } })
  })

  test('nothing at all is no configuration', async () => {
    expect(await loadRegistriesConf({ reader: memoryConf({}), env: {}, root: true })).toEqual(
      emptyRegistriesConf,
    )
  })
})

describe('blocked registries', () => {
  const kinds = (text: string, name = 'a.test/ns/app:1') =>
    registrySources(name, conf(text)).map(({ name: physical, blockedBy }) => [physical, blockedBy])

  test('a table that rewrites is blocked as such, and so is where it leads', () => {
    expect(kinds('[[registry]]\nprefix="a.test"\nlocation="b.test"\nblocked=true')).toEqual([
      ['b.test/ns/app:1', 'a.test'],
    ])
    const both =
      '[[registry]]\nprefix="a.test"\nlocation="b.test"\n[[registry]]\nlocation="b.test/ns"\nblocked=true'
    expect(kinds(both)).toEqual([['b.test/ns/app:1', 'b.test/ns']])
  })

  test('mirrors of a blocked registry remain', () => {
    const text = '[[registry]]\nlocation="a.test"\nblocked=true\n[[registry.mirror]]\nlocation="m.test"'
    expect(kinds(text)).toEqual([
      ['m.test/ns/app:1', undefined],
      ['a.test/ns/app:1', 'a.test'],
    ])
  })
})

test('what is written goes to the name itself, never to a mirror or a rewritten name', () => {
  const text =
    '[[registry]]\nprefix="a.test"\nlocation="b.test"\ninsecure=true\n[[registry.mirror]]\nlocation="m.test"'
  const name = 'a.test/ns/app:1'
  expect(registryTarget(name, conf(text))).toEqual({ name, insecure: true, kind: 'primary' })
  const blocked = '[[registry]]\nlocation="a.test"\nblocked=true'
  expect(registryTarget(name, conf(blocked))).toMatchObject({ name, blockedBy: 'a.test' })
})

describe('short names', () => {
  const text = `unqualified-search-registries = ["quay.test", "docker.io"]
short-name-mode = "enforcing"
[aliases]
"fedora" = "registry.test/fedora"
"ns/tool" = "docker.io/tool"
"gone" = ""
`
  const names = (name: string) => resolveShortName(name, conf(text))

  test('an alias is the one answer, with tag or digest put back', () => {
    expect(names('fedora')).toEqual({
      names: ['registry.test/fedora:latest'],
      kind: 'alias',
      mode: 'enforcing',
    })
    expect(names('fedora:42')?.names).toEqual(['registry.test/fedora:42'])
    const digest = `sha256:${'a'.repeat(64)}`
    expect(names(`fedora@${digest}`)?.names).toEqual([`registry.test/fedora@${digest}`])
    expect(names('ns/tool')?.names).toEqual(['docker.io/library/tool:latest'])
  })

  test('others are searched for in order; an erased alias counts as none', () => {
    const found = { kind: 'search', mode: 'enforcing' }
    expect(names('app:1')).toEqual({ names: ['quay.test/app:1', 'docker.io/library/app:1'], ...found })
    expect(names('gone')?.names).toEqual(['quay.test/gone:latest', 'docker.io/library/gone:latest'])
  })

  test('names with a registry are not short, and without registries to search nothing is found', () => {
    expect(names('quay.test/app')).toBeUndefined()
    expect(names('localhost/app')).toBeUndefined()
    expect(names('host:5000/app')).toBeUndefined()
    expect(names('UPPER/app/x y')).toBeUndefined()
    expect(resolveShortName('app', emptyRegistriesConf)).toBeUndefined()
  })

  test('what people chose once wins over the files', async () => {
    const reader = memoryConf({
      [main]: text,
      '/var/cache/containers/short-name-aliases.conf': '[aliases]\n"fedora" = "chosen.test/fedora"\n',
    })
    const loaded = await loadRegistriesConf({ reader, env: {}, root: true })
    expect(resolveShortName('fedora', loaded)?.names).toEqual(['chosen.test/fedora:latest'])
    const user = await loadRegistriesConf({ reader, env: { HOME: '/home/me' }, root: false })
    expect(resolveShortName('fedora', user)?.names).toEqual(['registry.test/fedora:latest'])
  })
})

test('credential helpers default to auth files, also for an empty list', () => {
  expect(conf('credential-helpers = []').credentialHelpers).toEqual(['containers-auth.json'])
  expect(conf('credential-helpers = ["pass", "containers-auth.json"]').credentialHelpers).toHaveLength(2)
})

test('any text is read or refused, never anything else', () => {
  const words = fc.constantFrom(
    ...[
      '[[registry]]',
      '[[registry.mirror]]',
      'prefix',
      'location',
      '=',
      '"a.test"',
      'true',
      '[aliases]',
      '\n',
      '[',
      ']',
    ],
    ...['"*.a.test"', '"é"', 'blocked', 'insecure', '1', 'registries', '[registries.search]', '{', '}', ','],
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((all) => all.join(' ')),
      ),
      (text) => {
        try {
          registrySources('a.test/ns/app:1', conf(text))
        } catch (error) {
          if (!isBootcError(error, 'TRANSPORT_CONFIG_INVALID')) throw error
        }
      },
    ),
    { numRuns: 2000 },
  )
})
