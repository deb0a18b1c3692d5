import type { Host } from '@bootc-sdk/core'
import { expect, test } from 'vitest'
import { makeMounted } from '../../src/mounted/make-mounted.js'
import { scratch } from '../scratch.js'

const uuid = '0b6d0b0e-6f6b-4e4c-9a55-000000000001'

/** Runs nothing; the wish to stop comes while one of the programs runs. */
function machine(stopAt: string) {
  const controller = new AbortController()
  const reason = new Error('enough')
  const calls: string[] = []
  const host: Pick<Host, 'run'> = {
    run([program, ...args], { signal } = {}) {
      calls.push([program, ...args.filter((arg) => arg === '--detach')].join(' '))
      if (program === stopAt && !args.includes('--detach')) controller.abort(reason)
      // As the real one does for whom it has started.
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
      const stdout = program === 'losetup' ? '/dev/loop77\n' : ''
      return Promise.resolve({ code: 0, stdout, stderr: '' })
    },
  }
  return { host, calls, reason, signal: controller.signal }
}

test.each([
  ['losetup', ['losetup', 'losetup --detach']],
  ['mkfs.xfs', ['losetup', 'mkfs.xfs', 'losetup --detach']],
  ['mount', ['losetup', 'mkfs.xfs', 'mount', 'umount', 'losetup --detach']],
])('stopped while %s runs, it lets go of mount and loop device', async (stopAt, expected) => {
  const scratchPath = await scratch()
  const { host, calls, reason, signal } = machine(stopAt)
  const region = { imagePath: `${scratchPath}/disk`, offsetBytes: 0, sizeBytes: 1 << 30 }
  const root = { path: '', type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0, sizeBytes: 0 } as const
  const contents = {
    nodes: [{ ...root, xattrs: [], immutable: false, names: 1 }],
    contentPath: scratchPath,
  }
  const made = makeMounted(host, region, { type: 'xfs', uuid, label: 'x' }, contents, {
    scratchPath,
    epoch: 1,
    signal,
  })
  await expect(made).rejects.toBe(reason)
  expect(calls).toEqual(expected)
})
