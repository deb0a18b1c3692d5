import { describe, expect, test } from 'vitest'
import { emptyHost, formatHuman, toBootcHost } from '../../src/host-api/index.js'
import { hostEntry } from '../orchestrate/entries.js'
import { booted, edge, image, staged, stateOf } from './states.js'

const old = hostEntry('old', {
  deployment: { origin: edge, image: image('5', '2.3.9', '2026-01-01T00:00:00Z') },
})

describe('status for people', () => {
  test('shows staged, booted and rollback with aligned rows', () => {
    const host = toBootcHost(stateOf([booted, old], { booted: 'booted', staged, unlocked: 'development' }))
    expect(formatHuman(host)).toBe(
      [
        '  Staged image: registry.lan/fleet/edge:2.x',
        `        Digest: sha256:${'1'.repeat(64)} (arm64)`,
        '       Version: 2.4.1 (2026-03-02T08:30:00Z)',
        '',
        '● Booted image: registry.lan/fleet/edge:2.x',
        `        Digest: sha256:${'7'.repeat(64)} (arm64)`,
        '       Version: 2.4.0 (2026-02-11T07:00:00Z)',
        '        Pinned: yes',
        '  /usr overlay: transient, read/write',
        '',
        '  Rollback image: registry.lan/fleet/edge:2.x',
        `          Digest: sha256:${'5'.repeat(64)} (arm64)`,
        '         Version: 2.3.9 (2026-01-01T00:00:00Z)',
        '',
      ].join('\n'),
    )
  })

  test('adds where and how with verbose', () => {
    const host = toBootcHost(stateOf([booted], { booted: 'booted', staged }))
    const text = formatHuman(host, { verbose: true })
    expect(text).toContain(
      [
        '     StateRoot: default',
        ' Deploy serial: 0',
        '        Staged: yes',
        `        Commit: ${'9'.repeat(64)}`,
        '   Soft-reboot: yes',
        ' Download-only: yes',
      ].join('\n'),
    )
    expect(text.match(/Download-only/g)).toHaveLength(1)
  })

  test('tells of an update seen earlier, unless it is what is there', () => {
    const config = { architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }
    const manifest = {
      schemaVersion: 2,
      config: { mediaType: '', digest: 'sha256:0', size: 0 } as const,
      layers: [],
    }
    const withUpdate = (hex: string) => {
      const found = image('7', '2.4.0', '2026-02-11T07:00:00Z')
      const cachedUpdate = { manifestDigest: `sha256:${hex.repeat(64)}` as const, manifest, config }
      const entry = hostEntry('a', { deployment: { origin: edge, image: { ...found, cachedUpdate } } })
      return formatHuman(toBootcHost(stateOf([entry], { booted: 'a' })))
    }
    expect(withUpdate('8')).toContain(`        Update: Available\n  UpdateDigest: sha256:${'8'.repeat(64)}`)
    expect(withUpdate('7')).not.toContain('Update')
  })

  test('names the commit where there is no image', () => {
    const text = formatHuman(toBootcHost(stateOf([hostEntry('a')], { booted: 'a' })))
    expect(text).toBe(`● Booted ostree\n         Commit: ${'c'.repeat(64)}\n`)
  })

  test('shows the default of a directory in the place of the booted one', () => {
    const text = formatHuman(toBootcHost(stateOf([booted, old])))
    expect(text.split('\n')[0]).toBe('  Default image: registry.lan/fleet/edge:2.x')
    expect(text).toContain('  Rollback image:')
    expect(text).not.toContain('Other')
  })

  test('says so when there is nothing', () => {
    expect(formatHuman(emptyHost())).toBe('System is not deployed via bootc.\n')
  })

  test('lets no label of an image write to the terminal', () => {
    const evil = hostEntry('a', { deployment: { origin: edge, image: image('7', '\u001b[2J\n', 'x') } })
    const text = formatHuman(toBootcHost(stateOf([evil], { booted: 'a' })))
    expect(text).not.toContain('\u001b')
    expect(text).toContain('Version: \\u001b[2J\\u000a\n')
  })
})
