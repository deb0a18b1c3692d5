import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { parseKeyfile } from '../../src/keyfile/index.js'

const config = `# written by hand
[core]
repo_version=1
mode = bare

[remote "fleet"]
url=https://example.org/repo/
gpg-verify=false
sign-verify=ed25519;spki;
`

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

describe('reading', () => {
  test('groups, keys and values of all kinds', () => {
    const file = parseKeyfile(config)
    expect(file.groups()).toEqual(['core', 'remote "fleet"'])
    expect(file.keys('remote "fleet"')).toEqual(['url', 'gpg-verify', 'sign-verify'])
    expect(file.get('core', 'mode')).toBe('bare')
    expect(file.get('core', 'none')).toBeUndefined()
    expect(file.getBoolean('remote "fleet"', 'gpg-verify')).toBe(false)
    expect(file.getList('remote "fleet"', 'sign-verify')).toEqual(['ed25519', 'spki'])
  })

  test('escapes are resolved', () => {
    const file = parseKeyfile('[g]\na=\\sx\\n\\t\\r\\\\\nb=x\\;y;z\n')
    expect(file.get('g', 'a')).toBe(' x\n\t\r\\')
    expect(file.getList('g', 'b')).toEqual(['x;y', 'z'])
    expect(codeOf(() => parseKeyfile('[g]\na=\\q\n').get('g', 'a'))).toBe('TREE_KEYFILE_INVALID')
    expect(codeOf(() => parseKeyfile('[g]\na=x\\\n').get('g', 'a'))).toBe('TREE_KEYFILE_INVALID')
  })

  test('the last of repeated keys counts, repeated groups are one', () => {
    const file = parseKeyfile('[a]\nk=1\nk=2\n[b]\n[a]\nk=3\nl=4\n')
    expect(file.groups()).toEqual(['a', 'b'])
    expect(file.get('a', 'k')).toBe('3')
    expect(file.keys('a')).toEqual(['k', 'l'])
  })

  test('Windows line ends and spaces around names are forgiven', () => {
    const file = parseKeyfile('  [g]  \r\n  key  =  value\r\n')
    expect(file.get('g', 'key')).toBe('value')
  })

  test.each(['key=value\n', '[g]\nno pair\n', '[g\nk=v\n', '[]\n', '[a]b\n', '[g]\n=v\n'])(
    '%j is refused',
    (text) => {
      expect(codeOf(() => parseKeyfile(text))).toBe('TREE_KEYFILE_INVALID')
    },
  )

  test('what is no boolean is an error', () => {
    expect(codeOf(() => parseKeyfile('[g]\nk=yes\n').getBoolean('g', 'k'))).toBe('TREE_KEYFILE_INVALID')
    expect(parseKeyfile('[g]\nk=1 \n').getBoolean('g', 'k')).toBe(true)
  })
})

describe('writing', () => {
  test('an untouched file keeps every byte', () => {
    for (const text of [config, '', '\n', '# only a comment\n', '[g]\r\nk = v \r\n\r\n']) {
      expect(parseKeyfile(text).toString()).toBe(text)
    }
  })

  test('a new origin looks as ostree writes it', () => {
    const file = parseKeyfile('')
    file.set('origin', 'refspec', 'golden:golden/x86_64/os')
    expect(file.toString()).toBe('[origin]\nrefspec=golden:golden/x86_64/os\n')
    expect(file.toString().length).toBe(41)
    file.set('libostree-transient', 'pinned', true)
    expect(file.toString()).toBe(
      '[origin]\nrefspec=golden:golden/x86_64/os\n\n[libostree-transient]\npinned=true\n',
    )
    file.removeGroup('libostree-transient')
    expect(file.toString()).toBe('[origin]\nrefspec=golden:golden/x86_64/os\n')
  })

  test('a change touches one line', () => {
    const file = parseKeyfile(config)
    file.set('core', 'mode', 'bare')
    expect(file.toString()).toBe(config)
    file.set('core', 'mode', 'archive')
    expect(file.toString()).toBe(config.replace('mode = bare', 'mode=archive'))
  })

  test('a new key goes behind the last one of its group', () => {
    const file = parseKeyfile(config)
    file.set('core', 'fsync', false)
    expect(file.toString()).toBe(config.replace('mode = bare\n', 'mode = bare\nfsync=false\n'))
  })

  test('removing takes all of a repeated key and leaves comments', () => {
    const file = parseKeyfile('[g]\n# about k\nk=1\nl=2\nk=3\n')
    file.set('g', 'k', undefined)
    expect(file.toString()).toBe('[g]\n# about k\nl=2\n')
  })

  test('a missing newline at the end does not join lines', () => {
    const file = parseKeyfile('[g]\nk=1')
    file.set('g', 'l', '2')
    expect(file.toString()).toBe('[g]\nk=1\nl=2\n')
  })

  test('what was set is read back', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(name, name, fc.oneof(fc.string(), fc.array(fc.string())))), (edits) => {
        const file = parseKeyfile(config)
        const expected = new Map<string, string | string[]>()
        for (const [group, key, value] of edits) {
          // Text that readers would strip cannot be told from none.
          if (typeof value === 'string' && value.trimStart() !== value && !value.startsWith(' ')) continue
          file.set(group, key, value)
          expected.set(`${group}/${key}`, value)
        }
        const again = parseKeyfile(file.toString())
        for (const [path, value] of expected) {
          const [group, key] = path.split('/') as [string, string]
          expect(typeof value === 'string' ? again.get(group, key) : again.getList(group, key)).toEqual(value)
        }
        expect(again.get('core', 'repo_version')).toBe('1')
      }),
    )
  })

  test('names that would change the structure are refused', () => {
    const file = parseKeyfile('')
    expect(codeOf(() => file.set('g]\n[x', 'k', 'v'))).toBe('TREE_KEYFILE_INVALID')
    expect(codeOf(() => file.set('g', 'k=x\ny', 'v'))).toBe('TREE_KEYFILE_INVALID')
    expect(codeOf(() => file.set('g', '#k', 'v'))).toBe('TREE_KEYFILE_INVALID')
    file.set('g', 'k', 'v\n[x]\ny=z')
    expect(parseKeyfile(file.toString()).groups()).toEqual(['g'])
  })
})
