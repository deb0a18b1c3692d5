import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { NativeObjectWriter, ObjectSpec } from '../src/index.js'
import { addon, describeNative, freshBelow, sampleBytes, scratch } from './support.js'

describeNative('objects named by fs-verity', () => {
  const dir = scratch()
  const fresh = freshBelow(dir)
  const spec = (algorithm: 1 | 2 = 2, more: Partial<ObjectSpec> = {}): ObjectSpec => ({
    hashPrefix: Buffer.alloc(0),
    suffix: '',
    mode: 0o644,
    identity: 'verity',
    verity: { algorithm, enable: false },
    ...more,
  })
  const nameOf = (digest: string) => `${digest.slice(0, 2)}/${digest.slice(2)}`

  async function write(
    stagingDir: string,
    body: (writer: NativeObjectWriter) => void,
    options: { existing?: string[]; threads?: number } = {},
  ) {
    const { existing = [], threads = 2 } = options
    const writer = addon.createObjectWriter({ stagingDir, existing, threads })
    try {
      body(writer)
      return await writer.finish()
    } finally {
      writer.close()
    }
  }
  /** Puts an object where a repository has it. */
  function place(root: string, digest: string, bytes: Uint8Array) {
    mkdirSync(dirname(join(root, nameOf(digest))), { recursive: true })
    writeFileSync(join(root, nameOf(digest)), bytes)
  }

  test('of all sizes, whole and in pieces: name, content, mode and nothing else', async () => {
    const sizes = [0, 1, 64, 4095, 4096, 4097, 70_000, 300_000, 262_145, 1_500_000]
    for (const algorithm of [1, 2] as const) {
      const contents = [...sizes, ...Array.from({ length: 300 }, (_, i) => (i * 53) % 9001)].map((size, i) =>
        sampleBytes(size, i + 1),
      )
      const staging = fresh()
      const results = await write(staging, (writer) => {
        for (const [i, content] of contents.entries()) {
          if (i % 7 !== 3) {
            writer.put(spec(algorithm), content, 0, content.length)
            continue
          }
          const id = writer.begin(spec(algorithm))
          for (let at = 0; at < content.length; at += 999) {
            writer.data(id, content, at, Math.min(at + 999, content.length))
          }
          writer.end(id)
        }
      })
      const seen = new Set<string>()
      expect(results).toHaveLength(contents.length)
      for (const [i, content] of contents.entries()) {
        const digest = addon.verityDigest(content, algorithm)
        const { isNew, name, ...rest } = results[i]!
        expect(rest).toEqual({ checksum: '', sizeBytes: content.length, verityDigest: digest })
        if (isNew) {
          expect(name).toBe(nameOf(digest))
          seen.add(digest)
        }
        const path = join(staging, nameOf(digest))
        expect(readFileSync(path).equals(content)).toBe(true)
        expect(statSync(path).mode & 0o7777).toBe(0o644)
      }
      expect(seen).toEqual(new Set(contents.map((content) => addon.verityDigest(content, algorithm))))
      expect(readdirSync(staging).filter((name) => name.length !== 2)).toEqual([])
    }
  })

  test('the mode does not depend on the umask', () => {
    const staging = fresh()
    const program = `
      process.umask(0o077)
      const { addon } = require(${JSON.stringify(new URL('../load.cjs', import.meta.url).pathname)}).load()
      const writer = addon.createObjectWriter({ stagingDir: ${JSON.stringify(staging)}, existing: [] })
      const spec = { hashPrefix: Buffer.alloc(0), suffix: '', mode: 0o644, identity: 'verity', verity: { algorithm: 2 } }
      writer.put(spec, Buffer.from('x'), 0, 1)
      writer.finish().then(([object]) => console.log(object.name))`
    const name = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }).trim()
    expect(statSync(join(staging, name)).mode & 0o7777).toBe(0o644)
  })

  test('an object that a root has with equal size is not made again; one of another size is to be replaced', async () => {
    const [first, second] = [fresh(), fresh()]
    const contents = ['whole', 'cut off', 'a link', 'in the second root', 'absent'].map((text) =>
      Buffer.from(text),
    )
    const digests = contents.map((content) => addon.verityDigest(content, 2))
    place(first, digests[0]!, contents[0]!)
    place(first, digests[1]!, contents[1]!.subarray(0, 3))
    mkdirSync(dirname(join(first, nameOf(digests[2]!))), { recursive: true })
    symlinkSync('x'.repeat(contents[2]!.length), join(first, nameOf(digests[2]!)))
    place(first, digests[3]!, Buffer.alloc(0))
    place(second, digests[3]!, contents[3]!)
    const staging = fresh()
    const bodies = {
      put: (writer: NativeObjectWriter) => {
        for (const content of contents) writer.put(spec(), content, 0, content.length)
      },
      stream: (writer: NativeObjectWriter) => {
        for (const content of contents) {
          const id = writer.begin(spec())
          writer.data(id, content, 0, content.length)
          writer.end(id)
        }
      },
    }
    for (const [how, body] of Object.entries(bodies)) {
      const target = join(staging, how)
      mkdirSync(target)
      const results = await write(target, body, { existing: [first, second, join(dir, 'no such root')] })
      expect(results.map(({ isNew, replaces }) => [isNew, replaces])).toEqual([
        [false, undefined],
        [true, true],
        [true, true],
        [false, undefined],
        [true, undefined],
      ])
      const names = results.filter(({ isNew }) => isNew).map(({ name }) => name!)
      expect(names).toEqual([1, 2, 4].map((i) => nameOf(digests[i]!)))
      expect(readFileSync(join(target, names[0]!))).toEqual(contents[1])
    }
    const replaced = [1, 2].map((i) => nameOf(digests[i]!))
    await addon.publish(join(staging, 'put'), first, [nameOf(digests[4]!)], replaced)
    for (const i of [1, 2, 4]) expect(readFileSync(join(first, nameOf(digests[i]!)))).toEqual(contents[i])
  })

  test('take gives results in order, each once, while others are under way', async () => {
    const writer = addon.createObjectWriter({ stagingDir: fresh(), existing: [], threads: 3 })
    try {
      expect(writer.take()).toEqual([])
      const contents = Array.from({ length: 2000 }, (_, i) => sampleBytes(i % 600, i + 1))
      const open = writer.begin(spec())
      for (const content of contents.slice(0, 1000)) writer.put(spec(), content, 0, content.length)
      await new Promise((resolve) => setTimeout(resolve, 300))
      // The first object is not complete, so nothing after it is told.
      expect(writer.take()).toEqual([])
      writer.end(open)
      const digests: string[] = []
      for (const content of contents.slice(1000)) {
        writer.put(spec(), content, 0, content.length)
        if (digests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        digests.push(...writer.take().map((object) => object.verityDigest!))
      }
      expect(digests.length).toBeGreaterThan(0)
      digests.push(...(await writer.finish()).map((object) => object.verityDigest!))
      expect(await writer.finish()).toEqual([])
      const expected = [Buffer.alloc(0), ...contents].map((content) => addon.verityDigest(content, 2))
      expect(digests).toEqual(expected)
    } finally {
      writer.close()
    }
    expect(() => writer.take()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }))
  })

  test('enabling is done and compared, or refused with the reason of the file system', async () => {
    const probe = openSync(dir, 'r')
    let reason: string | undefined
    try {
      addon.sys.measureVerity(probe)
    } catch (error) {
      reason = (error as { code: string }).code
    }
    closeSync(probe)
    const contents = Array.from({ length: 100 }, (_, i) => sampleBytes(i * 1000, i + 1))
    const sealed = spec(2, { verity: { algorithm: 2, enable: true } })
    const bodies = {
      put: (writer: NativeObjectWriter) => {
        for (const content of contents) writer.put(sealed, content, 0, content.length)
      },
      stream: (writer: NativeObjectWriter) => {
        const id = writer.begin(sealed)
        writer.data(id, contents[9]!, 0, contents[9]!.length)
        writer.end(id)
      },
    }
    for (const body of Object.values(bodies)) {
      const staging = fresh()
      if (reason !== undefined) {
        expect(reason).toMatch(/^(EOPNOTSUPP|ENOTSUP|ENOTTY)$/)
        await expect(write(staging, body)).rejects.toMatchObject({
          code: reason,
          syscall: 'ioctl(FS_IOC_ENABLE_VERITY)',
          path: expect.stringContaining(staging),
        })
        continue
      }
      for (const { name, verityDigest } of await write(staging, body)) {
        const fd = openSync(join(staging, name!), 'r')
        const measured = addon.sys.measureVerity(fd)
        closeSync(fd)
        expect(measured).toEqual({ algorithm: 2, digest: Buffer.from(verityDigest!, 'hex') })
      }
    }
  })

  test('what cannot be named by verity is refused', () => {
    const writer = addon.createObjectWriter({ stagingDir: fresh(), existing: [] })
    const refused = (bad: ObjectSpec) =>
      expect(() => writer.put(bad, Buffer.alloc(0), 0, 0)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      )
    const { verity: _, ...without } = spec()
    refused(without)
    refused(spec(2, { hashPrefix: Buffer.from('x') }))
    refused(spec(2, { filePrefix: Buffer.from('x') }))
    refused(spec(2, { deflateLevel: 6 }))
    refused(spec(2, { symlinkTarget: Buffer.from('x') }))
    refused(spec(2, { identity: 'md5' as 'verity' }))
    refused(spec(2, { verity: { algorithm: 3 as 1, enable: false } }))
    writer.close()
  })
})
