import { nodeHost } from '@bootc-sdk/core/node'
import { describe, expect, test } from 'vitest'

describe('nodeHost', () => {
  test('says what machine this is in OCI words', async () => {
    const host = nodeHost()
    expect(host.arch).toMatch(/^(amd64|arm64|386|arm|ppc64le|s390x|riscv64|loong64)$/)
    expect(nodeHost({ arch: 's390x' }).arch).toBe('s390x')
    expect(Math.abs(host.now() - Date.now())).toBeLessThan(1000)
    expect(await host.bootId()).toMatch(/^[0-9a-f-]{36}$/)
    expect(await nodeHost({ live: false }).cmdline()).toBe('')
  })

  test('runs programs with input, environment and both outputs', async () => {
    async function* stdin() {
      yield Buffer.from('in')
    }
    const script = 'cat; printf "$WORD" >&2; exit 3'
    const result = await nodeHost().run(['sh', '-c', script], { stdin: stdin(), env: { WORD: 'err' } })
    expect(result).toEqual({ code: 3, stdout: 'in', stderr: 'err' })
  })

  test('a program that does not read its input is judged by its exit code', async () => {
    async function* endless() {
      for (let i = 0; i < 100; i++) yield Buffer.alloc(65536)
    }
    expect((await nodeHost().run(['true'], { stdin: endless() })).code).toBe(0)
  })

  test('a missing program is told by name', async () => {
    await expect(nodeHost().run(['no-such-program-of-bootc-sdk'])).rejects.toMatchObject({
      code: 'HOST_NO_PROGRAM',
      details: { program: 'no-such-program-of-bootc-sdk' },
    })
  })

  test('aborting ends the program and rejects with the reason', async () => {
    const controller = new AbortController()
    const running = nodeHost().run(['sleep', '60'], { signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(running).rejects.toBe(reason)
  })
})
