import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { nativeStatus } from '../src/index.js'
import { addon, collect, describeNative, feed, sampleBytes } from './support.js'

const addonFile = nativeStatus().reason.replace('loaded from ', '')

/** Runs a program with the addon as `addon`; gives what it prints. Fails when it does not end by itself. */
function run(program: string, ...flags: string[]): string {
  const prelude = `const addon = require(${JSON.stringify(addonFile)});`
  return execFileSync(process.execPath, [...flags, '-e', prelude + program], {
    encoding: 'utf8',
    timeout: 20_000,
  })
}

describeNative('life of a decoder', () => {
  test('close ends what is pending, again and again', async () => {
    const decoder = addon.createDecoder({ blockBytes: 4096, blocks: 2 })
    const next = decoder.next()
    decoder.close()
    decoder.close()
    expect(await next).toBeUndefined()
    expect(await decoder.next()).toBeUndefined()
    await decoder.push(Buffer.from('late'))
    decoder.release(0)
    expect(() => decoder.result()).toThrow()
  })

  test('close in the middle stops the threads', async () => {
    const input = gzipSync(Buffer.alloc(64 << 20))
    for (let i = 0; i < 20; i++) {
      const decoder = addon.createDecoder({ blockBytes: 65536, blocks: 3 })
      const feeding = feed(decoder, input, 1000)
      for (let block = 0; block < i % 4; block++) await decoder.next()
      decoder.close()
      await feeding
    }
  })

  test('a buffer stays readable after close, with nobody else’s bytes', async () => {
    const decoder = addon.createDecoder({ blockBytes: 4096, blocks: 2 })
    await decoder.push(Buffer.alloc(4096, 'a'))
    decoder.end()
    const { buffer } = (await decoder.next())!
    decoder.close()
    const other = addon.createDecoder({ blockBytes: 4096, blocks: 2 })
    await other.push(Buffer.alloc(4096, 'b'))
    other.end()
    await collect(other)
    other.close()
    expect([...new Set(buffer)].every((byte) => byte === 0 || byte === 0x61)).toBe(true)
  })

  test('an abandoned decoder is collected and does not keep the process', () => {
    const program = `
      async function abandon() {
        const decoder = addon.createDecoder({ blocks: 2, blockBytes: 4096 })
        await decoder.push(Buffer.alloc(100000))
        await decoder.next()
      }
      (async () => {
        for (let i = 0; i < 50; i++) await abandon()
        for (let i = 0; i < 5; i++) { gc(); await new Promise((done) => setTimeout(done, 10)) }
        const threads = Number(/^Threads:\\s+(\\d+)/m.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1])
        console.log(threads < 40 ? 'collected' : 'still ' + threads + ' threads')
        await abandon()
      })()`
    expect(run(program, '--expose-gc').trim()).toBe('collected')
  })

  test('process.exit and a worker’s end are safe in the middle of things', () => {
    const start = `
      const decoder = addon.createDecoder({ blocks: 2, blockBytes: 4096 })
      decoder.push(Buffer.alloc(10000000)); decoder.next().then((block) => { `
    expect(run(`${start} console.log(block.buffer.length); process.exit(0) })`).trim()).toBe('4096')
    const inWorker = `const addon = require(${JSON.stringify(addonFile)}); ${start} process.exit(0) })`
    const worker = `
      const { Worker } = require('worker_threads')
      new Worker(${JSON.stringify(inWorker)}, { eval: true }).on('exit', (code) => console.log('exit', code))`
    expect(run(worker).trim()).toBe('exit 0')
  })

  test('memory does not grow with the data', async () => {
    const input = gzipSync(sampleBytes(1 << 20))
    const before = process.memoryUsage.rss()
    for (let i = 0; i < 3; i++) {
      const decoder = addon.createDecoder({ blocks: 8 })
      const feeding = (async () => {
        for (let member = 0; member < 150; member++) await decoder.push(input)
        decoder.end()
      })()
      let bytes = 0
      for (let block = await decoder.next(); block; block = await decoder.next()) {
        bytes += block.buffer.length
        decoder.release(block.slot)
      }
      await feeding
      expect(bytes).toBe(150 << 20)
      decoder.close()
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20)
  })
})
