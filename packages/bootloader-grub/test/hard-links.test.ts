import { mkdtempSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BootSpec, Dir } from '@bootc-sdk/core'
import { nodeDir, nodeSysroot } from '@bootc-sdk/core/node'
import { grubBootloader } from '../src/index.js'
import { kernelA, one } from './specs.js'

let path: string
beforeEach(() => void (path = mkdtempSync(join(tmpdir(), 'grub-'))))
afterEach(() => rmSync(path, { recursive: true, force: true }))

/** The golden deployment with its files on disk, at host paths that the store may or may not tell. */
async function onDisk(tell: boolean): Promise<BootSpec[]> {
  mkdirSync(join(path, 'deployment'))
  writeFileSync(join(path, 'deployment/vmlinuz'), 'FAKE-KERNEL-A\n')
  writeFileSync(join(path, 'deployment/initramfs.img'), 'FAKE-INITRAMFS-1.2.3\n')
  const tree: Dir = nodeDir(join(path, 'deployment'))
  const locate = <T extends { path: string }>(file: T): T => ({
    ...file,
    tree,
    ...(tell ? { hostPath: join(path, 'deployment', file.path) } : {}),
  })
  return (await one(1)).map((spec) => {
    if (spec.artifact.kind !== 'linux') throw new Error('fixture')
    const { kernel, initrds } = spec.artifact
    return { ...spec, artifact: { ...spec.artifact, kernel: locate(kernel), initrds: initrds.map(locate) } }
  })
}

test.each([
  ['a kernel on the same file system becomes a hard link and needs no room', true, 2, 0],
  ['a kernel at an unknown place is copied', false, 1, 35],
])('%s', async (_name, tell, links, bytes) => {
  mkdirSync(join(path, 'sysroot/boot'), { recursive: true })
  const sysroot = nodeSysroot(join(path, 'sysroot'))
  await using lock = await sysroot.lock()
  const loader = await grubBootloader().init(sysroot, lock)
  const plan = await loader.plan(await onDisk(tell), 1)
  expect(plan.bytesNeeded.boot).toBe(bytes)
  await loader.prepare(plan, lock)
  await loader.commit(plan, lock)
  const kernel = statSync(join(path, `sysroot/boot/ostree/golden-${kernelA}/vmlinuz-1.2.3`))
  expect(kernel.nlink).toBe(links)
  expect(kernel.size).toBe(14)
})
