import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isBootcError } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { describe, expect, test } from 'vitest'
import { scratch } from './scratch.js'

// What every directory must do is in the conformance suite; here is what only a real one can get wrong.

describe('nodeDir', () => {
  test('names the directory with links in its own path resolved', () => {
    const path = scratch()
    mkdirSync(join(path, 'real'))
    symlinkSync('real', join(path, 'link'))
    expect(nodeDir(join(path, 'link')).hostPath).toBe(nodeDir(join(path, 'real')).hostPath)
  })

  test('refuses what is no directory', () => {
    const path = scratch()
    writeFileSync(join(path, 'file'), '')
    expect(() => nodeDir(join(path, 'missing'))).toThrow(expect.objectContaining({ code: 'TREE_NOT_FOUND' }))
    expect(() => nodeDir(join(path, 'file'))).toThrow(expect.objectContaining({ code: 'TREE_NOT_DIRECTORY' }))
  })

  test('the cause of an error is the system call that failed', async () => {
    const error: unknown = await nodeDir(scratch())
      .mkdir('a/b')
      .catch((thrown: unknown) => thrown)
    expect(isBootcError(error, 'TREE_NOT_FOUND')).toBe(true)
    expect(error).toMatchObject({ details: { path: 'a/b' }, cause: { code: 'ENOENT' } })
  })

  test('a directory that is exchanged for a link all the time never leads outside', async () => {
    const path = scratch()
    const outside = join(path, 'outside')
    mkdirSync(outside)
    mkdirSync(join(path, 'root/d/e'), { recursive: true })
    const flip = `
      const fs = require('node:fs')
      process.chdir(${JSON.stringify(join(path, 'root'))})
      for (;;) {
        try { fs.renameSync('d', 'aside'); fs.symlinkSync('../outside', 'd'); fs.unlinkSync('d'); fs.renameSync('aside', 'd') }
        catch {}
      }`
    mkdirSync(join(outside, 'e'))
    const child = spawn(process.execPath, ['-e', flip], { stdio: 'ignore' })
    try {
      const dir = nodeDir(join(path, 'root'))
      const ends = new Set<string>()
      for (let i = 0; i < 3000; i++) {
        try {
          await dir.write(`d/e/file-${i % 50}`, Buffer.from('x'), { atomic: i % 2 === 0 })
          ends.add('written')
        } catch (error) {
          expect(isBootcError(error), String(error)).toBe(true)
          ends.add((error as { code: string }).code)
        }
      }
      expect(readdirSync(join(outside, 'e'))).toEqual([])
      expect(ends).toContain('written')
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })

  test('a failed write leaves no temporary file', async () => {
    const path = scratch()
    mkdirSync(join(path, 'taken'))
    await expect(nodeDir(path).write('taken', Buffer.from('x'))).rejects.toMatchObject({
      code: 'TREE_NOT_FILE',
    })
    expect(readdirSync(path)).toEqual(['taken'])
  })

  test('a private file is never readable by others, not even while it is written', async () => {
    const path = scratch()
    const modes = new Set<number>()
    async function* content() {
      yield Buffer.from('secret')
      for (const name of readdirSync(path)) modes.add(statSync(join(path, name)).mode & 0o077)
      yield Buffer.from('s')
    }
    await nodeDir(path).write('key', content(), { mode: 0o600 })
    expect([...modes]).toEqual([0])
    expect(readFileSync(join(path, 'key'), 'utf8')).toBe('secrets')
  })

  test('pipes and sockets are not opened', async () => {
    const path = scratch()
    const child = spawn('mkfifo', [join(path, 'pipe')])
    await once(child, 'exit')
    const reading = nodeDir(path).read('pipe')[Symbol.asyncIterator]().next()
    await expect(reading).rejects.toMatchObject({ code: 'TREE_NOT_FILE' })
    await nodeDir(path).remove('pipe')
  })

  test('an open descriptor does not stay behind', async () => {
    const dir = nodeDir(scratch())
    await dir.mkdir('a')
    await dir.mkdir('a/b')
    // Without the addon the first use of attributes starts a helper, which stays.
    await dir.xattrs('a')
    const before = readdirSync('/proc/self/fd').length
    for (let i = 0; i < 50; i++) {
      await dir.write('a/b/f', Buffer.from('x'))
      await dir.stat('a/b/missing')
      for await (const chunk of dir.read('a/b/f')) void chunk
      for await (const entry of dir.list('a/b')) {
        void entry
        break
      }
      await dir.rename('a/b/f', 'a/g')
      await dir.xattrs('a/g')
      await dir.remove('a/missing/below').catch(() => undefined)
      await dir.write('missing/x', Buffer.from('')).catch(() => undefined)
      dir.sub('a/b')
      await (await dir.lock('a/lock', { exclusive: true }))[Symbol.asyncDispose]()
    }
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1)
  })

  test('trees that are deeper than a path may be long can be removed', async () => {
    const path = scratch()
    const make = `
      process.chdir(${JSON.stringify(path)})
      const fs = require('node:fs')
      for (let i = 0; i < 600; i++) { fs.mkdirSync('directory-0'); process.chdir('directory-0') }`
    await once(spawn(process.execPath, ['-e', make]), 'exit')
    await nodeDir(path).remove('directory-0')
    expect(readdirSync(path)).toEqual([])
  })

  test('many entries are removed without keeping the event loop busy throughout', async () => {
    const path = scratch()
    mkdirSync(join(path, 'd'))
    for (let i = 0; i < 2000; i++) writeFileSync(join(path, `d/${i}`), '')
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await nodeDir(path).remove('d')
    clearInterval(timer)
    expect(turns).toBeGreaterThan(0)
  })
})
