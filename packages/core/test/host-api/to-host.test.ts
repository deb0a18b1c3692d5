import { describe, expect, test } from 'vitest'
import {
  canonicalHostJson,
  emptyHost,
  hostSchema,
  onlyBooted,
  parseBootcHost,
  toBootcHost,
} from '../../src/host-api/index.js'
import { hostEntry } from '../orchestrate/entries.js'
import { booted, edge, image, staged, stateOf } from './states.js'
import { problems } from './validate.js'

// Printed by bootc 1.16.9 on a machine that is not deployed by it.
const emptyJson =
  '{"apiVersion":"org.containers.bootc/v1","kind":"BootcHost","metadata":{"name":"host"},' +
  '"spec":{"bootOrder":"default","image":null},"status":{"booted":null,"readOnly":false,"rollback":null,' +
  '"rollbackQueued":false,"staged":null,"type":null,"usrOverlay":null}}'

describe('the loader of a composefs deployment', () => {
  const backend = {
    composefs: { verity: 'a'.repeat(128), bootType: 'Bls', bootDigest: null, missingVerityAllowed: false },
  }
  const entry = hostEntry('booted', { deployment: { ...booted.deployment, backend } })
  test.each([
    [undefined, 'grub'],
    ['systemd-boot 257', 'systemd'],
    ['Systemd-Boot 300~rc1', 'systemd'],
    ['GRUB CC 2.12', 'grub-cc'],
    ['GRUB 2.12', 'grub'],
    ['rEFInd 0.14', 'grub'],
  ])('that says %j is %s', (info, bootloader) => {
    const state = stateOf([entry], { booted: 'booted' })
    const said = info === undefined ? {} : { runningLoader: { info } }
    expect(toBootcHost({ ...state, ...said }).status.booted?.composefs?.bootloader).toBe(bootloader)
  })
})

describe('the status document', () => {
  test('of an unknown system is what bootc prints, byte for byte', () => {
    expect(canonicalHostJson(emptyHost())).toBe(emptyJson)
    expect(canonicalHostJson(toBootcHost(stateOf([])))).toBe(emptyJson)
  })

  test('has every member in declaration order, and the values of the state', () => {
    const host = toBootcHost(stateOf([booted], { booted: 'booted', staged }))
    expect(Object.keys(host)).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    expect(Object.keys(host.status)).toEqual([
      'staged',
      'booted',
      'rollback',
      'rollbackQueued',
      'type',
      'usrOverlay',
      'readOnly',
    ])
    expect(JSON.stringify(host.status.staged)).toBe(
      JSON.stringify({
        image: {
          image: { image: 'registry.lan/fleet/edge:2.x', transport: 'registry' },
          version: '2.4.1',
          timestamp: '2026-03-02T08:30:00.25Z',
          imageDigest: `sha256:${'1'.repeat(64)}`,
          architecture: 'arm64',
        },
        cachedUpdate: null,
        incompatible: false,
        pinned: false,
        softRebootCapable: true,
        downloadOnly: true,
        store: 'ostreeContainer',
        ostree: { stateroot: 'default', checksum: '9'.repeat(64), deploySerial: 0 },
        composefs: null,
      }),
    )
    expect(host.status.booted?.pinned).toBe(true)
    expect(host.status.type).toBe('bootcHost')
    expect(host.spec).toEqual({
      image: { image: 'registry.lan/fleet/edge:2.x', transport: 'registry' },
      bootOrder: 'default',
    })
    expect(problems(hostSchema, host)).toEqual([])
  })

  test('of a queued rollback says so in two places', () => {
    const old = hostEntry('old', {
      deployment: { origin: edge, image: image('2', '1', '2026-01-01T00:00:00Z') },
    })
    const host = toBootcHost(stateOf([old, booted], { booted: 'booted' }))
    expect(host.spec.bootOrder).toBe('rollback')
    expect(host.status.rollbackQueued).toBe(true)
    expect(host.status.rollback?.image?.version).toBe('1')
  })

  test('of layered packages has no image and nothing to follow', () => {
    const layered = hostEntry('layered', {
      deployment: { origin: edge, incompatible: true, image: image('2', '1', '2026-01-01T00:00:00Z') },
    })
    const host = toBootcHost(stateOf([layered], { booted: 'layered' }))
    expect(host.status.booted).toMatchObject({ image: null, incompatible: true, store: null })
    expect(host.status.type).toBeNull()
    expect(host.spec.image).toBeNull()
  })

  test('of a directory has nothing booted; the default is the first of the others', () => {
    const old = hostEntry('old', { deployment: { origin: edge } })
    const host = toBootcHost(stateOf([booted, old, hostEntry('older')]))
    expect(host.status.booted).toBeNull()
    expect(host.status.otherDeployments).toHaveLength(2)
    expect(host.status.otherDeployments?.[0]?.image?.version).toBe('2.4.0')
    expect(host.spec.image?.image).toBe('registry.lan/fleet/edge:2.x')
  })

  test.each([
    ['development', { accessMode: 'readWrite', persistence: 'transient' }],
    ['hotfix', { accessMode: 'readWrite', persistence: 'persistent' }],
    ['transient', { accessMode: 'readOnly', persistence: 'transient' }],
    ['none', null],
  ] as const)('shows /usr unlocked as %s', (unlocked, overlay) => {
    const host = toBootcHost(stateOf([booted], { booted: 'booted', unlocked }))
    expect(host.status.usrOverlay).toEqual(overlay)
  })

  test.each([
    [{ kind: 'insecure' }, undefined],
    [{ kind: 'containerPolicy' }, 'containerPolicy'],
    [{ kind: 'ostreeRemote', remote: 'fedora' }, { ostreeRemote: 'fedora' }],
  ] as const)('writes signature mode %j', (signature, written) => {
    const origin = { image: { transport: 'oci' as const, name: '/srv/os:v1' }, signature }
    const host = toBootcHost(stateOf([hostEntry('a', { deployment: { origin } })], { booted: 'a' }))
    expect(host.spec.image).toEqual({
      image: '/srv/os:v1',
      transport: 'oci',
      ...(written === undefined ? {} : { signature: written }),
    })
  })

  test('a time that is none is left out rather than printed', () => {
    const odd = hostEntry('a', { deployment: { origin: edge, image: image('1', '1', 'yesterday') } })
    const host = toBootcHost(stateOf([odd], { booted: 'a' }))
    expect(host.status.booted?.image?.timestamp).toBeNull()
  })

  test('with --booted loses staged and rollback only', () => {
    const other = hostEntry('other', { deployment: { stateroot: 'b' } })
    const host = onlyBooted(toBootcHost(stateOf([booted, other], { booted: 'booted', staged })))
    expect(host.status.staged).toBeNull()
    expect(host.status.otherDeployments).toHaveLength(1)
  })
})

describe('reading a status document', () => {
  test('gives back what was written', () => {
    const host = toBootcHost(stateOf([booted, hostEntry('old')], { booted: 'booted', staged }))
    expect(parseBootcHost(JSON.parse(canonicalHostJson(host)))).toEqual(host)
  })

  test('accepts older documents: missing members have defaults, unknown ones are dropped', () => {
    const host = parseBootcHost({
      apiVersion: 'org.containers.bootc/v1alpha1',
      kind: 'BootcHost',
      future: 1,
      metadata: { name: 'host', extra: true },
      status: { booted: { image: null, incompatible: false, pinned: false, soon: {} } },
    })
    expect(host.apiVersion).toBe('org.containers.bootc/v1alpha1')
    expect(host.spec).toEqual({ image: null, bootOrder: 'default' })
    expect(host.status.booted).toMatchObject({ ostree: null, downloadOnly: false })
    expect(host.metadata).toEqual({ name: 'host' })
  })

  test.each<[string, unknown]>([
    ['document', null],
    ['apiVersion', { kind: 'BootcHost' }],
    ['status.booted', { apiVersion: 'a', kind: 'b', status: { booted: [] } }],
    ['status.staged.image.imageDigest', hostWith({ image: { image: 'a', transport: 'oci' } })],
    [
      'spec.image.signature',
      { apiVersion: 'a', kind: 'b', spec: { image: { image: 'a', transport: 'oci', signature: 7 } } },
    ],
  ])('names what is wrong: %s', (path, document) => {
    expect(() => parseBootcHost(document)).toThrow(
      expect.objectContaining({
        code: 'HOST_DOCUMENT_INVALID',
        details: expect.objectContaining({ path }) as unknown,
      }) as Error,
    )
  })
})

function hostWith(staged: object): unknown {
  return { apiVersion: 'a', kind: 'b', status: { staged: { image: staged } } }
}
