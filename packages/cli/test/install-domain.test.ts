import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { BootcError, type Dir, type Xattr } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { memoryTree } from '@bootc-sdk/core/testing'
import { enterInstallDomain, type DomainHost } from '../src/commands/install-domain.js'
import { AlreadyRun } from '../src/io.js'

const temporary = mkdtempSync(join(tmpdir(), 'install-domain-'))
afterEach(() => readdirSync(temporary).forEach((name) => rmSync(join(temporary, name), { recursive: true })))

const policy = {
  'etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n',
  'etc/selinux/targeted/policy/policy.33': 'x',
  'etc/selinux/targeted/contexts/files/file_contexts':
    '/usr/bin/ostree\t--\tsystem_u:object_r:install_exec_t:s0\n',
}

/** A machine with SELinux; `allowed` are labels that this process may write. */
async function machine(allowed: (label: string) => boolean, more: Partial<DomainHost> = {}) {
  const runs: string[] = []
  const written: string[] = []
  const check = (xattrs: readonly Xattr[] = []) => {
    for (const { value } of xattrs) {
      const label = Buffer.from(value).toString().replace(/\0$/, '')
      if (!allowed(label)) throw new BootcError('TREE_IO', 'invalid argument')
      written.push(label)
    }
  }
  const open = (path: string): Dir => {
    const dir = nodeDir(path)
    return {
      ...dir,
      write: async (name, data, { xattrs, ...options } = {}) => {
        check(xattrs)
        await dir.write(name, data, options)
      },
      remove: (name) => dir.remove(name),
      setMeta: async (name, { xattrs, ...meta }) => {
        check(xattrs)
        await dir.setMeta(name, meta)
      },
    }
  }
  const host: DomainHost = {
    ...{ isEnabled: true, isRoot: true, isSecondRun: false, temporary, open },
    root: await memoryTree(policy),
    run: (program) => {
      expect(existsSync(program)).toBe(true)
      runs.push(program)
      return Promise.resolve(7)
    },
    ...more,
  }
  return { host, runs, written }
}

const withoutPolicy = await memoryTree({ 'etc/hostname': 'x' })
const ownOnly = (label: string) => label.includes(':install_exec_t:')

describe('on a machine with SELinux', () => {
  test('a process that may not write foreign labels runs once more as an installer', async () => {
    const { host, runs, written } = await machine(ownOnly)
    const error: unknown = await enterInstallDomain({}, host).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(AlreadyRun)
    expect((error as AlreadyRun).exitCode).toBe(7)
    expect(runs).toHaveLength(1)
    expect(written).toEqual(['system_u:object_r:install_exec_t:s0'])
    expect(readdirSync(temporary)).toEqual([])
  })

  test.each([
    ['may write them', () => true, {}],
    ['runs for the second time', ownOnly, { isSecondRun: true }],
    ['is not root', ownOnly, { isRoot: false }],
    ['finds no label for installers', ownOnly, { root: withoutPolicy }],
    ['may write no label at all', () => false, {}],
  ] as const)('one that %s goes on', async (_name, allowed, more) => {
    const { host, runs } = await machine(allowed, more)
    await enterInstallDomain({}, host)
    expect(runs).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  })

  test('one that is to switch SELinux off goes on', async () => {
    const { host, runs } = await machine(ownOnly)
    await enterInstallDomain({ disableSelinux: true }, host)
    expect(runs).toEqual([])
  })
})
