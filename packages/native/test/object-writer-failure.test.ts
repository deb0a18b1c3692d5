import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { addon, describeNative, isRoot, sampleBytes, scratch } from './support.js'

/** A tmpfs of one mebibyte, or why there is none. */
function smallDisk(dir: string): { path?: string; why: string } {
  if (!isRoot) return { why: 'needs root' }
  try {
    mkdirSync(dir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'pipe' })
    return { path: dir, why: '' }
  } catch {
    return { why: 'cannot mount a tmpfs here' }
  }
}

describeNative('object writer when things fail', () => {
  const dir = scratch()
  const disk = smallDisk(join(dir, 'disk'))
  afterAll(() => {
    if (disk.path) execFileSync('umount', [disk.path])
  })
  const spec = { hashPrefix: Buffer.from('x'), suffix: '.file', mode: 0o644 }

  test.skipIf(!disk.path)(
    `reports a full disk and leaves no partial file (${disk.why || 'tmpfs'})`,
    async () => {
      const content = sampleBytes(700_000)
      const writer = addon.createObjectWriter({ stagingDir: disk.path!, existing: [], threads: 2 })
      const id = writer.begin(spec)
      writer.data(id, content, 0, content.length)
      for (let i = 0; i < 4; i++) writer.put({ ...spec, suffix: `.${i}` }, content, 0, content.length)
      // The object stays open: finish would refuse it as long as nothing has failed.
      while (!writer.full) await sleep(1)
      await expect(writer.drain().then(() => writer.finish())).rejects.toMatchObject({
        code: 'ENOSPC',
        errno: -28,
        syscall: 'write',
      })
      expect(writer.full).toBe(true)
      await expect(writer.drain()).rejects.toMatchObject({ code: 'ENOSPC' })
      writer.close()
      const left = readdirSync(disk.path!, { recursive: true, encoding: 'utf8' }).filter((path) =>
        /tmp-|\.file|\.\d$/.test(path),
      )
      // What was complete before the disk was full may stay.
      expect(left.filter((path) => path.includes('tmp-'))).toEqual([])
      expect(left.length).toBeLessThanOrEqual(1)
    },
  )

  test('reports the path when a directory cannot be made', async () => {
    const staging = join(dir, 'blocked')
    mkdirSync(staging)
    for (let i = 0; i < 256; i++) writeFileSync(join(staging, i.toString(16).padStart(2, '0')), '')
    const writer = addon.createObjectWriter({ stagingDir: staging, existing: [] })
    writer.put(spec, Buffer.from('y'), 0, 1)
    await expect(writer.finish()).rejects.toMatchObject({ code: 'ENOTDIR', syscall: 'open' })
    writer.close()
  })

  test('close removes partial files and rejects what is pending', async () => {
    const staging = join(dir, 'partial')
    mkdirSync(staging)
    const writer = addon.createObjectWriter({ stagingDir: staging, existing: [], maxQueuedBytes: 0 })
    const content = sampleBytes(1 << 20)
    const id = writer.begin(spec)
    for (let i = 0; i < 50; i++) writer.data(id, content, 0, content.length)
    expect(writer.full).toBe(true)
    const drained = expect(writer.drain()).rejects.toMatchObject({ code: 'CLOSED' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    writer.close()
    writer.close()
    await drained
    expect(readdirSync(staging)).toEqual([])
  })

  test('drain resolves as the queue empties', async () => {
    const staging = join(dir, 'drain')
    mkdirSync(staging)
    const writer = addon.createObjectWriter({
      stagingDir: staging,
      existing: [],
      maxQueuedBytes: 1 << 20,
      threads: 1,
    })
    const content = sampleBytes(100_000)
    let drains = 0
    for (let i = 0; i < 200; i++) {
      writer.put({ ...spec, suffix: `.${i}` }, content, 0, content.length)
      if (writer.full) {
        await writer.drain()
        drains++
        expect(writer.full).toBe(false)
      }
    }
    expect(drains).toBeGreaterThan(5)
    expect(await writer.finish()).toHaveLength(200)
    writer.close()
  })
})
