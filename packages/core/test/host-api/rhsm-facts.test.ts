import { emptyHost, rhsmFacts, type BootcHost, type HostBootEntry } from '@bootc-sdk/core/host-api'
import { expect, test } from 'vitest'

const entry = (version: string, update: string | null): HostBootEntry => {
  const image = (of: string) => ({
    image: { image: 'registry.example/os:1', transport: 'registry' },
    version: of,
    timestamp: null,
    imageDigest: `sha256:${of}`,
    architecture: 'amd64',
  })
  return {
    image: image(version),
    cachedUpdate: update === null ? null : image(update),
    ...{ incompatible: false, pinned: false, softRebootCapable: false, downloadOnly: false },
    ...{ store: 'ostreeContainer', ostree: null, composefs: null },
  }
}

test('every fact is there, as empty text when there is nothing to say', () => {
  const facts = rhsmFacts(emptyHost())
  expect(Object.keys(facts)).toHaveLength(12)
  expect(new Set(Object.values(facts))).toEqual(new Set(['']))
})

test('image, version and digest of each slot, and of the update that was found', () => {
  const host: BootcHost = emptyHost()
  const status = { ...host.status, booted: entry('2', '3'), rollback: entry('1', null) }
  expect(rhsmFacts({ ...host, status })).toMatchObject({
    'bootc.booted.image': 'registry.example/os:1',
    'bootc.booted.version': '2',
    'bootc.booted.digest': 'sha256:2',
    'bootc.available.digest': 'sha256:3',
    'bootc.rollback.version': '1',
    'bootc.staged.image': '',
  })
})
