import { describe, expect, test } from 'vitest'
import { containersPolicy, parsePolicy } from '../../src/containers-conf/index.js'
import type { SignaturePolicy } from '../../src/interfaces/index.js'
import type { SignedImageReference } from '../../src/oci/reference.js'
import type { MemorySysroot } from '../../src/testing/index.js'
import { machine, stable } from './machine.js'

const signed: SignedImageReference = { ...stable, signature: { kind: 'containerPolicy' } }

/** A machine's policy, which somebody changes while the machine runs. */
function changingPolicy(first: string): SignaturePolicy & { rule: string } {
  const state = {
    rule: first,
    check: (...args: Parameters<SignaturePolicy['check']>) => engine.check(...args),
  }
  const engine = containersPolicy({
    policy: () => {
      const lists = { docker: { 'registry.example': [{ type: state.rule }] } }
      const text = JSON.stringify({ default: [{ type: 'reject' }], transports: lists })
      return Promise.resolve({
        path: '/etc/containers/policy.json',
        policy: parsePolicy(Buffer.from(text), 'policy.json'),
      })
    },
    signatures: () => Promise.resolve([]),
  })
  return state
}

/** Every file with its size, the store's content included. */
async function contents(sysroot: MemorySysroot): Promise<string[]> {
  const paths: string[] = []
  const walk = async (path: string): Promise<void> => {
    for await (const { name, stat } of sysroot.root.list(path)) {
      const child = path === '' ? name : `${path}/${name}`
      paths.push(stat.type === 'file' ? `${child} ${stat.sizeBytes}` : child)
      if (stat.type === 'directory') await walk(child)
    }
  }
  await walk('')
  return paths.sort()
}

const rejected = { code: 'IMAGE_POLICY_REJECTED' }

describe.each([
  ['unverified', stable],
  ['to be verified', signed],
] as const)('an image whose origin is %s', (_name, source) => {
  test('is not installed when the policy rejects it', async () => {
    const m = await machine({ parts: { policy: changingPolicy('reject') } })
    await expect(m.bootc.install({ source })).rejects.toMatchObject(rejected)
    // Whatever an installation lays out first holds nothing of the image.
    expect((await contents(m.sysroot)).filter((path) => /layers\/|images\/|objects\//.test(path))).toEqual([])
  })

  test('is neither looked at, nor fetched, nor switched to once the policy rejects it', async () => {
    const policy = changingPolicy('insecureAcceptAnything')
    const m = await machine({ parts: { policy } })
    await m.bootc.install({ source, kargs: { root: ['root=LABEL=root', 'rw'] } })
    await m.reboot()
    const before = await contents(m.sysroot)
    m.publish(2)
    m.publish(3, 'registry.example/os:next')
    policy.rule = 'reject'
    await expect(m.bootc.upgrade({ check: true })).rejects.toMatchObject(rejected)
    await expect(m.bootc.upgrade()).rejects.toMatchObject(rejected)
    const next = { ...source, image: { transport: 'registry', name: 'registry.example/os:next' } } as const
    await expect(m.bootc.switch(next)).rejects.toMatchObject(rejected)
    expect(await contents(m.sysroot)).toEqual(before)
    expect(await m.versions()).toEqual(['1'])

    policy.rule = 'insecureAcceptAnything'
    expect((await m.bootc.upgrade()).outcome).toBe('staged')
  })
})
