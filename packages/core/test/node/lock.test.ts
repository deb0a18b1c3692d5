import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { describe, expect, test } from 'vitest'
import { tryLockFile } from '../../src/node/lock-file.js'
import { placeOf, type NodeRoot } from '../../src/node/place.js'
import { openFile } from '../../src/node/read-file.js'
import { scratch } from './scratch.js'

describe('locks between processes', () => {
  test.skipIf(!nodeDir('/').supports.kernelLocks)(
    'util-linux flock holds a directory against us',
    async () => {
      const path = scratch()
      const child = spawn('flock', [path, 'sh', '-c', 'echo held; read line'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      const [first] = (await once(child.stdout, 'data')) as [Buffer]
      expect(first.toString()).toBe('held\n')
      const dir = nodeDir(path)
      await expect(dir.lock('', { exclusive: true, timeoutMs: 50 })).rejects.toMatchObject({
        code: 'TREE_LOCKED',
        details: { timeoutMs: 50 },
      })
      const waiting = dir.lock('', { exclusive: true, timeoutMs: 20_000 })
      child.stdin.end('\n')
      await (await waiting)[Symbol.asyncDispose]()
    },
  )
})

describe('lock files, where there is no addon', () => {
  const open = (path: string) => {
    writeFileSync(join(path, 'lock'), '')
    const root: NodeRoot = { hostPath: path, native: undefined, supports: nodeDir(path).supports }
    return () => tryLockFile(root, placeOf(root, 'lock'), openFile(root, 'lock'), true)
  }

  test('a lock of a living process is respected, one of a dead process is taken over', async () => {
    const path = scratch()
    const attempt = open(path)
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    await once(child, 'spawn')
    const { readFileSync } = await import('node:fs')
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    writeFileSync(join(path, '.lock.bootc-sdk-lock'), `${child.pid} ${start}\n`)
    expect(attempt()).toBeUndefined()
    expect(attempt()).toBeUndefined()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(attempt()).toBeUndefined()
    const unlock = attempt()
    expect(unlock).toBeDefined()
    unlock!()
    expect(readdirSync(path)).toEqual(['lock'])
  })

  test('a process number used again by another process does not keep the lock', () => {
    const path = scratch()
    const attempt = open(path)
    writeFileSync(join(path, '.lock.bootc-sdk-lock'), `${process.pid} 1\n`)
    expect(attempt()).toBeUndefined()
    const unlock = attempt()
    expect(unlock).toBeDefined()
    unlock!()
  })
})
