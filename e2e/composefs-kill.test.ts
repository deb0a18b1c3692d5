import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { seededRandom } from '@bootc-sdk/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { killCount, killUpgrades, release, runKilled, timeOf, writeReleases } from './lib/kills.js'
import { bootc, install, missing, run, scratch } from './lib/tools.js'

const reason = missing()
const kills = killCount(60)

describe.skipIf(reason)(`composefs: a process that is killed${reason ? ` (${reason})` : ''}`, () => {
  const { path, clean } = scratch()
  const sysroot = join(path, 'sysroot')
  const random = seededRandom(20241117)

  const pull = (repo: string, version: number) => [
    ...['image', 'pull', `oci:${release(path, version)}`, '--store', 'composefs', '--repo', repo],
  ]

  beforeAll(() => writeReleases(path), 120_000)
  afterAll(clean)

  test(
    `during an upgrade: boots the old or the new image ${kills} times, and the next one succeeds`,
    { timeout: 1_500_000 },
    async () => {
      mkdirSync(sysroot)
      install(`oci:${release(path, 1)}`, sysroot, { store: 'composefs' })
      await killUpgrades({ path, sysroot, kills, roots: [composefsRoots] }, checkSystem)
    },
  )

  /** Two deployments, two entries, a sound repository, and no partial work. */
  function checkSystem(): void {
    const repo = join(sysroot, 'composefs')
    checkRepository(repo)
    bootc('composefs', 'gc', '--repo', repo)
    checkRepository(repo)
    expect(readdirSync(join(repo, 'objects')).filter(isTemporary)).toEqual([])
    expect(readdirSync(join(repo, 'images')).filter((name) => name !== 'refs').length).toBeGreaterThan(1)
    const deployments = readdirSync(join(sysroot, 'state/deploy'))
    expect(deployments).toHaveLength(2)
    const loader = join(sysroot, 'boot/loader')
    expect(readdirSync(loader)).toEqual(['entries'])
    const names = readdirSync(join(loader, 'entries')).filter((name) => name.endsWith('.conf'))
    const entries = names.map((name) => readFileSync(join(loader, 'entries', name), 'utf8'))
    expect(entries).toHaveLength(2)
    for (const id of deployments) expect(entries.join('')).toContain(`composefs=?${id}`)
  }

  test(
    `during a pull: the repository is sound ${kills} times, and the next pull succeeds`,
    { timeout: 900_000 },
    async () => {
      const repo = join(path, 'pulled')
      bootc('composefs', 'init', '--repo', repo)
      const wholeMs = timeOf(...pull(repo, 1))
      for (let killed = 0, attempt = 0; killed < kills; attempt++) {
        expect(attempt).toBeLessThan(kills * 4)
        const version = 1 + (attempt % 4)
        if (await runKilled(pull(repo, version), random() * wholeMs * 1.1)) killed++
        if (attempt % 10 === 9) {
          checkRepository(repo)
          for (const each of [1, 2, 3, 4]) bootc(...pull(repo, each))
          checkRepository(repo)
          // From the beginning again, or there would be nothing left to pull.
          for (const image of images(repo))
            bootc('image', 'remove', '--store', 'composefs', '--repo', repo, image)
          bootc('composefs', 'gc', '--repo', repo)
          expect(readdirSync(join(repo, 'objects')).filter(isTemporary)).toEqual([])
          expect(objects(repo)).toEqual([])
        }
      }
    },
  )

  test(
    `during a garbage collection: what is named stays whole ${kills} times, and the next one finishes`,
    { timeout: 900_000 },
    async () => {
      // Four images of which one is named; a copy of links for each try.
      const full = join(path, 'full')
      const repo = join(path, 'collected')
      const gc = ['composefs', 'gc', '--repo', repo]
      const copy = () => run('sh', '-c', 'rm -rf "$2" && cp -al "$1" "$2"', 'sh', full, repo)
      bootc(...pull(full, 1))
      const kept = objects(full)
      const [named] = images(full)
      for (const version of [2, 3, 4]) bootc(...pull(full, version))
      const dropped = images(full).filter((name) => name !== named)
      bootc('image', 'remove', '--store', 'composefs', '--repo', full, ...dropped)
      copy()
      const wholeMs = timeOf(...gc)
      expect(objects(repo)).toEqual(kept)
      for (let killed = 0, attempt = 0; killed < kills; attempt++) {
        expect(attempt).toBeLessThan(kills * 4)
        copy()
        if (await runKilled(gc, wholeMs * (0.2 + random()))) killed++
        const left = objects(repo)
        expect(kept.filter((name) => !left.includes(name))).toEqual([])
        if (attempt % 10 !== 9) continue
        checkRepository(repo)
        bootc(...gc)
        expect(objects(repo)).toEqual(kept)
        bootc(...pull(repo, 2))
        checkRepository(repo)
      }
    },
  )
})

function checkRepository(repo: string): void {
  bootc('composefs', 'fsck', '--repo', repo)
}

const isTemporary = (name: string): boolean => !/^[0-9a-f]{2}$/.test(name)

function objects(repo: string): string[] {
  return readdirSync(join(repo, 'objects'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes('/'))
    .sort()
}

/** Names of the images in it. */
function images(repo: string): string[] {
  const listed = JSON.parse(bootc('image', 'list', '--store', 'composefs', '--repo', repo, '--json')) as {
    image: string
  }[]
  return listed.map(({ image }) => image).sort()
}
