import { expect, test } from 'vitest'
import { findPrograms } from '../../src/health/index.js'
import { makeParents, memoryDir } from '../../src/testing/index.js'

async function tree(files: Readonly<Record<string, { mode?: number; target?: string } | undefined>>) {
  const root = memoryDir()
  for (const [path, { mode = 0o755, target } = {}] of Object.entries(files)) {
    await makeParents(root, path)
    if (target === undefined) await root.write(path, Buffer.from('#!/bin/sh\n'), { mode })
    else await root.symlink(target, path)
  }
  return root
}

const required = 'check/required.d'

test('ours come first, then those of greenboot, each by name', async () => {
  const root = await tree({
    [`etc/greenboot/${required}/00-first.sh`]: {},
    [`usr/lib/bootc-sdk/${required}/20-b`]: {},
    [`etc/bootc-sdk/${required}/10-a`]: {},
    [`usr/lib/greenboot/${required}/01_repository.sh`]: {},
  })
  const { programs, warnings } = await findPrograms(root, required)
  expect(programs.map(({ path }) => path)).toEqual([
    `etc/bootc-sdk/${required}/10-a`,
    `usr/lib/bootc-sdk/${required}/20-b`,
    `etc/greenboot/${required}/00-first.sh`,
    `usr/lib/greenboot/${required}/01_repository.sh`,
  ])
  expect(warnings).toEqual([])
})

test('a file in /etc replaces the one of its name, and a link to /dev/null takes it away', async () => {
  const root = await tree({
    [`usr/lib/bootc-sdk/${required}/10-a`]: {},
    [`etc/bootc-sdk/${required}/10-a`]: {},
    [`usr/lib/bootc-sdk/${required}/20-masked`]: {},
    [`etc/bootc-sdk/${required}/20-masked`]: { target: '/dev/null' },
  })
  const { programs, warnings } = await findPrograms(root, required)
  expect(programs).toEqual([{ name: '10-a', path: `etc/bootc-sdk/${required}/10-a` }])
  expect(warnings).toEqual([])
})

test('what cannot be run is left out, and said', async () => {
  const root = await tree({
    [`etc/bootc-sdk/${required}/10-plain`]: { mode: 0o644 },
    [`etc/bootc-sdk/${required}/20-nowhere`]: { target: 'gone' },
    [`etc/bootc-sdk/${required}/30-dir/file`]: {},
    [`etc/bootc-sdk/${required}/40-loop`]: { target: '40-loop' },
    [`etc/bootc-sdk/${required}/.hidden`]: {},
    [`etc/bootc-sdk/${required}/50-backup~`]: {},
    [`etc/bootc-sdk/${required}/60-old.rpmsave`]: {},
    [`etc/greenboot/${required}/README`]: { mode: 0o644 },
  })
  const { programs, warnings } = await findPrograms(root, required)
  expect(programs).toEqual([])
  expect(warnings.map(({ details }) => details?.['path'])).toEqual([
    `etc/bootc-sdk/${required}/10-plain`,
    `etc/bootc-sdk/${required}/20-nowhere`,
    `etc/bootc-sdk/${required}/30-dir`,
    `etc/bootc-sdk/${required}/40-loop`,
  ])
})

test('links are followed, also those that directories are reached by', async () => {
  const root = await tree({
    'usr/libexec/checks/real': {},
    'opt/checks/10-linked': { target: '../../usr/libexec/checks/real' },
    'etc/bootc-sdk/check/required.d': { target: '/opt/checks' },
  })
  const { programs } = await findPrograms(root, required)
  expect(programs.map(({ name }) => name)).toEqual(['10-linked'])
})

test('no directories, no programs', async () => {
  expect(await findPrograms(memoryDir(), 'green.d')).toEqual({ programs: [], warnings: [] })
})
