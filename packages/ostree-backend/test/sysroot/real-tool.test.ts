import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { nodeDir, nodeSysroot } from '@bootc-sdk/core/node'
import { bootableImage } from '@bootc-sdk/core/testing'
import { parseSignedReference } from '@bootc-sdk/core/oci'
import type { StoreBackend, Sysroot } from '@bootc-sdk/core'
import { describe, expect, test } from 'vitest'
import { ostreeBackend } from '../../src/backend.js'
import { golden, importBuilt, missingOstree, orderOf, ostree, scratch, writeBootVolume } from './support.js'

const skip = missingOstree()
const origin = parseSignedReference('ostree-unverified-registry:example.test/os:1')

interface Machine {
  readonly path: string
  readonly sysroot: Sysroot
  readonly store: StoreBackend
}

async function machine(path = scratch()): Promise<Machine> {
  const sysroot = nodeSysroot(path, { run: nodeDir(scratch()) })
  await using lock = await sysroot.lock()
  return { path, sysroot, store: await ostreeBackend().init(sysroot, lock) }
}

async function upgrade({ sysroot, store }: Machine, version: number): Promise<string> {
  const image = await importBuilt(store, bootableImage({ version }))
  await using lock = await sysroot.lock()
  await using _own = await store.lock!()
  const deployment = await store.deployments.create(image, { origin }, lock)
  await store.deployments.seal(deployment.id, lock)
  const loader = await sysroot.boot.dir.stat('loader')
  const old = loader === undefined ? [] : await orderOf(sysroot, store)
  const active = loader === undefined ? 0 : Number((await sysroot.boot.dir.readlink('loader')).at(-1))
  const kept = old.slice(0, 1)
  const order = [{ id: deployment.id, kargs: kept[0]?.kargs ?? ['rw', 'root=LABEL=root'] }, ...kept]
  const next = active === 0 ? 1 : 0
  await store.deployments.activate(
    order.map(({ id }) => id),
    next,
    lock,
  )
  await writeBootVolume(sysroot.boot.dir, await store.deployments.bootSpecs(order, next), next)
  await store.deployments.prune({ order: order.map(({ id }) => id), version: next }, lock)
  return deployment.id
}

function status(path: string): string[] {
  return ostree('admin', 'status', `--sysroot=${path}`)
    .split('\n')
    .flatMap((line) => /^[ *] (\S+) ([0-9a-f]{64}\.\d+)/.exec(line)?.slice(1, 3).join('/') ?? [])
}

describe(`with the real tool${skip === undefined ? '' : ` (${skip})`}`, () => {
  test.skipIf(skip !== undefined)('it lists what we deployed, and its fsck is clean', async () => {
    const own = await machine()
    const first = await upgrade(own, 1)
    expect(status(own.path)).toEqual([first])
    const second = await upgrade(own, 2)
    expect(status(own.path)).toEqual([second, first])
    ostree('fsck', '--quiet', `--repo=${own.path}/ostree/repo`)
    expect(ostree('refs', '--list', 'ostree', `--repo=${own.path}/ostree/repo`)).toContain('0/1/1')
    const [checksum] = second.slice('default/'.length).split('.')
    const root = `${own.path}/ostree/deploy/default/deploy/${checksum}.0`
    expect(lstatSync(`${root}/usr/bin/app`).nlink).toBeGreaterThan(2)
    expect(lstatSync(`${root}/usr/bin/su`).mode & 0o7777).toBe(0o4755)
    expect(lstatSync(`${root}/etc/app.conf`).nlink).toBe(1)
    expect(execFileSync('lsattr', ['-d', root]).toString()).toMatch(/^\S*i/)
  })

  test.skipIf(skip !== undefined)(
    'it deploys after us with our /etc and arguments, and we after it',
    async () => {
      const own = await machine()
      const first = await upgrade(own, 1)
      const [checksum] = first.slice('default/'.length).split('.')
      writeFileSync(`${own.path}/ostree/deploy/default/deploy/${checksum}.0/etc/app.conf`, 'by the user\n')
      const image = await importBuilt(own.store, bootableImage({ version: 3 }), 'example.test/os:3')
      ostree('admin', 'deploy', `--sysroot=${own.path}`, '--os=default', '--retain', image.id)
      const listed = status(own.path)
      expect(listed).toEqual([`default/${image.id}.0`, first])
      expect(
        readFileSync(`${own.path}/ostree/deploy/default/deploy/${image.id}.0/etc/app.conf`, 'utf8'),
      ).toBe('by the user\n')
      const order = await orderOf(own.sysroot, own.store)
      expect(order.map(({ id }) => id)).toEqual(listed)
      expect(order[0]!.kargs).toContain('root=LABEL=root')
      const second = await upgrade(own, 2)
      expect(status(own.path)).toEqual([second, listed[0]])
      ostree('admin', 'undeploy', `--sysroot=${own.path}`, '1')
      expect(status(own.path)).toEqual([second])
      ostree('fsck', '--quiet', `--repo=${own.path}/ostree/repo`)
    },
  )

  test.skipIf(skip !== undefined)('our first deployment looks like its own', async () => {
    // The commit, kernel and arguments of golden sysroot 1, deployed by us beside what the real tool made.
    const theirs = scratch()
    execFileSync('tar', ['--numeric-owner', '-xzf', golden('sysroot', 'sysroot-1.tar.gz'), '-C', theirs])
    const ours = scratch()
    execFileSync('cp', ['-a', `${theirs}/.`, ours])
    for (const path of [
      'boot/loader',
      'boot/loader.1',
      'ostree/boot.1',
      'ostree/boot.1.1',
      'ostree/deploy/golden',
    ]) {
      execFileSync('rm', ['-rf', `${ours}/${path}`])
    }
    const sysroot = nodeSysroot(ours, { run: nodeDir(scratch()) })
    const store = await ostreeBackend({
      stateroot: 'golden',
      composefs: () => import('@bootc-sdk/composefs-backend/format'),
    }).open(sysroot)
    const commit = readFileSync(`${ours}/ostree/repo/refs/remotes/golden/golden/x86_64/os`, 'utf8').trim()
    await using lock = await sysroot.lock()
    const image = { id: commit } as Parameters<typeof store.deployments.create>[0]
    const { id } = await store.deployments.create(image, { origin }, lock)
    await store.deployments.seal(id, lock)
    await store.deployments.activate([id], 1, lock)
    const kargs = ['root=LABEL=root', 'rw', 'console=ttyS0']
    await writeBootVolume(sysroot.boot.dir, await store.deployments.bootSpecs([{ id, kargs }], 1), 1)
    await store.deployments.prune({ order: [id], version: 1 }, lock)
    expect(layout(ours)).toEqual(layout(theirs))
    expect(readFileSync(`${ours}/boot/loader/entries/ostree-1.conf`, 'utf8')).toBe(
      readFileSync(`${theirs}/boot/loader/entries/ostree-1.conf`, 'utf8'),
    )
  })

  test.skipIf(skip !== undefined)('the lock is the one it takes', async () => {
    const { path, sysroot, store } = await machine()
    await using lock = await sysroot.lock()
    void lock
    await using _held = await store.lock!()
    expect(existsSync(`${path}/ostree/lock`)).toBe(true)
    expect(() =>
      execFileSync('timeout', ['2', 'ostree', 'admin', 'cleanup', `--sysroot=${path}`], {
        stdio: 'pipe',
      }),
    ).toThrow()
    await expect(store.lock!({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'TREE_LOCKED' })
    await _held[Symbol.asyncDispose]()
    expect(existsSync(`${path}/ostree/lock`)).toBe(false)
    ostree('admin', 'cleanup', `--sysroot=${path}`)
  })
})

/** Type, mode, links and path of everything outside the repository's objects. */
function layout(top: string): string[] {
  const out: string[] = []
  const walk = (path: string): void => {
    for (const name of readdirSync(`${top}${path}`).sort()) {
      const at = `${path}/${name}`
      const stat = lstatSync(`${top}${at}`)
      if (/^\/(?:ostree\/repo\/(?:objects|tmp|\.lock)|boot\/boot)/.test(at)) continue
      const kind = stat.isDirectory() ? 'd' : stat.isSymbolicLink() ? 'l' : 'f'
      out.push(
        `${kind} ${(stat.mode & 0o7777).toString(8)} ${kind === 'f' && !at.includes('/boot/') ? linkGroup(stat.nlink) : ''} ${at}`,
      )
      if (kind === 'd') walk(at)
    }
  }
  walk('')
  return out
}

function linkGroup(links: number): string {
  return links === 1 ? 'own' : 'shared'
}
