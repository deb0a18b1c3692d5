import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { canExchange, exchangeBy } from '../../src/node/exchange.js'
import { fdCallsBy } from '../../src/node/fd-calls.js'
import { findInterpreter } from '../../src/node/interpreter.js'
import { placeOf, type NodeRoot } from '../../src/node/place.js'
import { XattrProcess } from '../../src/node/xattr-process.js'
import { nodeDir } from '@bootc-sdk/core/node'
import { scratch } from './scratch.js'

function place(hostPath: string, path: string) {
  const root: NodeRoot = { hostPath, native: undefined, supports: nodeDir(hostPath).supports }
  return placeOf(root, path)
}

const value = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

describe.each(['perl', 'python3'])('system calls by %s', (name) => {
  const found = findInterpreter(undefined, [name])
  if (found === undefined && process.env['CI'] !== undefined) throw new Error(`${name} is not installed`)
  const interpreter = found!
  const installed = test.skipIf(found === undefined)

  installed('attributes with values of any bytes, on names of any bytes, below directories', async () => {
    const path = scratch()
    const dir = nodeDir(path)
    const helper = new XattrProcess(interpreter)
    await dir.mkdir('d\udcff')
    await dir.write('d\udcff/f\n \udc80', Buffer.from('x'))
    using file = place(path, 'd\udcff/f\n \udc80')
    const given = [
      { name: 'user.b', value },
      { name: 'user.\u00e4 \n', value: Buffer.from('text') },
      { name: 'user.empty', value: Buffer.alloc(0) },
    ]
    await helper.set(file, given)
    const byName = (xattrs: readonly { name: string; value: Uint8Array }[]) =>
      new Map(xattrs.map((xattr) => [xattr.name, Buffer.from(xattr.value).toString('hex')]))
    expect(byName(await helper.list(file))).toEqual(byName(given))
    expect(byName(await dir.xattrs('d\udcff/f\n \udc80'))).toEqual(byName(given))
    await helper.remove(file, 'user.b')
    expect(byName(await helper.list(file)).has('user.b')).toBe(false)
    await expect(helper.remove(file, 'user.b')).rejects.toMatchObject({ code: 'ENODATA' })
    await expect(helper.set(file, [{ name: 'user.a\0b', value }])).rejects.toMatchObject({ code: 'EINVAL' })
    await expect(helper.list(place(path, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  installed('two names are exchanged, also of directories in different places', () => {
    const path = scratch()
    for (const [name, content] of [
      ['one', '1'],
      ['two \u00e4', '2'],
    ] as const) {
      mkdirSync(join(path, name))
      mkdirSync(join(path, name, 'd'))
      writeFileSync(join(path, name, 'd', 'f'), content)
    }
    expect(canExchange(interpreter)).toBe(true)
    const fds = ['one', 'two \u00e4'].map((name) => openSync(join(path, name), 'r'))
    try {
      const [from, to] = fds.map((fd) => ({ fd, name: 'd' }))
      exchangeBy(interpreter, from!, to!)
      expect(readFileSync(join(path, 'one/d/f'), 'utf8')).toBe('2')
      expect(readFileSync(join(path, 'two \u00e4/d/f'), 'utf8')).toBe('1')
      const missing = { fd: fds[0]!, name: 'missing \u00e4' }
      expect(() => exchangeBy(interpreter, from!, missing)).toThrow(
        expect.objectContaining({ code: 'ENOENT' }),
      )
    } finally {
      fds.forEach((fd) => closeSync(fd))
    }
  })

  installed('a link is not followed', async () => {
    const path = scratch()
    const helper = new XattrProcess(interpreter)
    writeFileSync(join(path, 'target'), '')
    symlinkSync('target', join(path, 'link'))
    using target = place(path, 'target')
    using link = place(path, 'link')
    await helper.set(target, [{ name: 'user.a', value }])
    expect(await helper.list(link)).toEqual([])
    // Links cannot have attributes of users.
    await expect(helper.set(link, [{ name: 'user.b', value }])).rejects.toMatchObject({ code: 'EPERM' })
  })

  installed('answers belong to their requests, however many are under way', async () => {
    const path = scratch()
    const helper = new XattrProcess(interpreter)
    const numbers = Array.from({ length: 500 }, (_, number) => number)
    for (const number of numbers) writeFileSync(join(path, `${number}`), '')
    await Promise.all(
      numbers.map((number) => {
        const xattr = { name: 'user.n', value: Buffer.from(`${number}`) }
        return helper.set(place(path, number % 50 === 49 ? 'missing' : `${number}`), [xattr]).catch(() => 0)
      }),
    )
    const read = await Promise.all(numbers.map((number) => helper.list(place(path, `${number}`))))
    const expected = numbers.map((number) => (number % 50 === 49 ? [] : [`${number}`]))
    expect(read.map((xattrs) => xattrs.map((xattr) => Buffer.from(xattr.value).toString()))).toEqual(expected)
  })

  installed('locks exclude other programs and end with their descriptor', () => {
    const path = scratch()
    const calls = fdCallsBy(interpreter)
    const fd = openSync(path, 'r')
    expect(calls.tryLock(fd, 'flock', true)).toBe(true)
    expect(spawnSync('flock', ['-n', path, 'true']).status).toBe(1)
    const other = openSync(path, 'r')
    expect(calls.tryLock(other, 'flock', false)).toBe(false)
    closeSync(other)
    closeSync(fd)
    expect(spawnSync('flock', ['-n', path, 'true']).status).toBe(0)
    const [one, two] = [openSync(join(path, 'f'), 'w+'), openSync(join(path, 'f'), 'r+')]
    expect(calls.tryLock(one, 'ofd', false)).toBe(true)
    expect(calls.tryLock(two, 'ofd', true)).toBe(false)
    expect(calls.tryLock(two, 'ofd', false)).toBe(true)
    closeSync(one)
    expect(calls.tryLock(two, 'ofd', true)).toBe(true)
    closeSync(two)
    expect(() => calls.tryLock(9999, 'ofd', true)).toThrow(expect.objectContaining({ code: 'EIO' }))
  })

  installed('fs-verity is asked for as the addon asks, and a refusal is told from a file without it', () => {
    const path = scratch()
    const file = join(path, 'f')
    writeFileSync(file, 'hello world')
    const calls = fdCallsBy(interpreter)
    const outcome = (call: () => unknown) => {
      try {
        return call()
      } catch (error) {
        return (error as { code: unknown }).code
      }
    }
    const fd = openSync(file, 'r')
    const before = outcome(() => calls.measureVerity(fd))
    const enabled = outcome(() => calls.enableVerity(fd, 1))
    const after = outcome(() => calls.measureVerity(fd))
    closeSync(fd)
    if (before !== undefined) {
      expect([before, enabled, after]).toEqual(
        Array(3).fill(expect.stringMatching(/^(ENOTTY|EOPNOTSUPP|ENOTSUP)$/)),
      )
      expect(nodeDir(path).supports.verity).toBe(false)
      return
    }
    const digest = '1e2eaa4202d750a41174ee454970b92c1bc2f925b1e35076d8c7d5f56362ba64'
    expect(after).toEqual({ algorithm: 1, digest: Buffer.from(digest, 'hex') })
  })

  test.skipIf(found === undefined || process.getuid?.() !== 0)(
    'an immutable file is one for everybody',
    () => {
      const path = scratch()
      if (!nodeDir(path).supports.immutable) return
      const file = join(path, 'f')
      const fd = openSync(file, 'w')
      fdCallsBy(interpreter).setImmutable(fd, true)
      expect(() => writeFileSync(file, 'x')).toThrow()
      fdCallsBy(interpreter).setImmutable(fd, false)
      writeFileSync(file, 'x')
      closeSync(fd)
    },
  )
})

test('a helper that dies fails what it was asked, and the next request starts another', async () => {
  const path = scratch()
  const counter = join(path, 'starts')
  const script = `echo x >>${counter}; if [ $(wc -l <${counter}) = 1 ]; then read line; exit 3; fi; while read line; do echo 0 6161 62; done`
  const helper = new XattrProcess({
    program: '/bin/sh',
    args: ['-c', script, 'sh'],
    fdArgs: [],
    isPerl: true,
    machine: 62,
  })
  const failed = await Promise.allSettled([helper.list(place(path, 'a')), helper.list(place(path, 'b'))])
  for (const outcome of failed) expect(outcome).toMatchObject({ reason: { code: 'EPIPE' } })
  expect(await helper.list(place(path, 'a'))).toMatchObject([{ name: 'aa' }])
  expect(readFileSync(counter, 'utf8')).toBe('x\nx\n')
})

test('scripts in place of interpreters and relative directories are passed over', () => {
  const path = scratch()
  writeFileSync(join(path, 'perl'), '#!/bin/sh\n')
  chmodSync(join(path, 'perl'), 0o755)
  expect(findInterpreter([path, '', '.'])).toBeUndefined()
})

test.skipIf(findInterpreter() === undefined)(
  'the helper does not keep a process alive, a request does',
  () => {
    const path = scratch()
    writeFileSync(join(path, 'f'), '')
    const library = fileURLToPath(new URL('../../dist/node/index.js', import.meta.url))
    const program = `
    import { nodeDir } from ${JSON.stringify(library)}
    const dir = nodeDir(${JSON.stringify(path)})
    await dir.setMeta('f', { xattrs: [{ name: 'user.a', value: Buffer.from('1') }] })
    void dir.xattrs('f').then((xattrs) => console.log(xattrs.length))`
    const env = { ...process.env, BOOTC_SDK_NATIVE: '0' }
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      env,
      timeout: 20_000,
    })
    expect(out.toString()).toBe('1\n')
  },
)
