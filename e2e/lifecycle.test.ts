import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRegistry } from './lib/registry.js'
import { bootc, debianImage, install, missing, newerTools, run, scratch } from './lib/tools.js'

const reason = missing('ostree', 'skopeo', 'docker-registry', 'mmdebstrap', 'jq')

interface Slot {
  image: { version: string; imageDigest: string; image: { image: string } }
  ostree: { checksum: string; deploySerial: number; stateroot: string }
}
interface Host {
  spec: { bootOrder: string }
  status: { booted: null; staged: null; rollback: Slot | null; otherDeployments?: Slot[] }
}

describe.skipIf(reason)(
  `a Debian image from a real registry on a real file system${reason ? ` (${reason})` : ''}`,
  () => {
    const { path, clean } = scratch()
    const sysroot = join(path, 'sysroot')
    let registry: Awaited<ReturnType<typeof startRegistry>>
    let ref: string
    let newer: (...argv: string[]) => string
    let layout: string

    const push = (tag: string) =>
      run(
        'skopeo',
        '--insecure-policy',
        'copy',
        '-q',
        '--dest-tls-verify=false',
        `oci:${layout}:${tag}`,
        `docker://${ref}`,
      )
    const entries = () =>
      run('ostree', 'admin', 'status', `--sysroot=${sysroot}`)
        .split('\n')
        .map((line) => /^[ *]+(\S+) ([0-9a-f]{64}\.\d+)/.exec(line))
        .filter((match) => match !== null)
        .map((match) => `${match[1]}/${match[2]}`)
    const host = (): Host => JSON.parse(bootc('status', '--json', '--sysroot', sysroot)) as Host
    const deployment = (id: string) =>
      join(sysroot, 'ostree/deploy', id.split('/')[0]!, 'deploy', id.split('/')[1]!)

    /** Every tool agrees on what is there. */
    const agree = (count: number): string[] => {
      const ids = entries()
      expect(ids).toHaveLength(count)
      expect(newer('ostree', 'admin', 'status', `--sysroot=${sysroot}`)).toContain(ids[0]!.split('/')[1]!)
      const { status } = host()
      const ours = [status.rollback, ...(status.otherDeployments ?? [])].filter((slot) => slot !== null)
      for (const slot of ours) {
        const { stateroot, checksum, deploySerial } = slot.ostree
        expect(ids).toContain(`${stateroot}/${checksum}.${deploySerial}`)
      }
      run('ostree', `--repo=${sysroot}/ostree/repo`, 'fsck', '--quiet')
      return ids
    }

    beforeAll(async () => {
      registry = await startRegistry(join(path, 'registry'))
      ref = `${registry.host}/fleet/debian:stable`
      newer = newerTools(path)
      layout = debianImage()
      mkdirSync(sysroot)
      push('v1')
    }, 600_000)
    afterAll(() => {
      registry?.stop()
      clean()
    })

    test('install, and both versions of ostree see the deployment', { timeout: 300_000 }, () => {
      install(`docker://${ref}`, sysroot, { kargs: ['root=LABEL=root', 'rw'] })
      const [first] = agree(1)
      expect(readFileSync(join(deployment(first!), 'usr/share/app/version'), 'utf8')).toBe('1\n')
      expect(readFileSync(`${deployment(first!)}.origin`, 'utf8')).toBe(
        `[origin]\ncontainer-image-reference=ostree-unverified-registry:${ref}\n`,
      )
    })

    test(
      'upgrade fetches only what changed, keeps /etc edits and becomes the default',
      { timeout: 300_000 },
      () => {
        const [old] = entries()
        appendFileSync(join(deployment(old!), 'etc/hosts'), '10.0.0.1 edited\n')
        push('v2')
        bootc('upgrade', '--sysroot', sysroot)
        const [first, second] = agree(2)
        expect(second).toBe(old)
        expect(readFileSync(join(deployment(first!), 'usr/share/app/version'), 'utf8')).toBe('2\n')
        expect(readFileSync(join(deployment(first!), 'etc/hosts'), 'utf8')).toContain('10.0.0.1 edited')
        expect(readFileSync(join(deployment(first!), 'etc/app.conf'), 'utf8')).toContain('colour=green')
        expect(bootc('upgrade', '--sysroot', sysroot)).toContain('No ')
        expect(agree(2)).toEqual([first, second])
      },
    )

    test('rollback swaps the order, twice is the old order again', { timeout: 120_000 }, () => {
      const before = entries()
      bootc('rollback', '--sysroot', sysroot)
      expect(agree(2)).toEqual([...before].reverse())
      bootc('rollback', '--sysroot', sysroot)
      expect(agree(2)).toEqual(before)
    })

    test('the real ostree deploys on, and ours goes on after it', { timeout: 300_000 }, () => {
      const [first] = entries()
      const commit = first!.split('/')[1]!.split('.')[0]!
      const origin = readFileSync(`${deployment(first!)}.origin`, 'utf8')
      const composefs = readFileSync(join(deployment(first!), '.ostree.cfs'))
      run('ostree', 'admin', 'deploy', `--sysroot=${sysroot}`, '--os=default', '--karg-append=quiet', commit)
      const after = entries()
      expect(after[0]).toBe(`default/${commit}.1`)
      // The real tool writes an origin of its own kind; give it ours back, as a container tool would.
      run('sh', '-c', `printf '%s' "$1" > "$2"`, 'sh', origin, `${deployment(after[0]!)}.origin`)
      push('v3')
      bootc('upgrade', '--sysroot', sysroot)
      const ids = agree(2)
      expect(existsSync(join(deployment(ids[0]!), 'usr/share/app/new-in-v2'))).toBe(false)
      const entry = readFileSync(join(sysroot, 'boot/loader/entries/ostree-2.conf'), 'utf8')
      expect(entry).toMatch(/^options .*quiet/m)
      newer(
        'ostree',
        'admin',
        'deploy',
        `--sysroot=${sysroot}`,
        '--os=default',
        ids[1]!.split('/')[1]!.split('.')[0]!,
      )
      const [last] = agree(2)
      expect(last).toContain(commit)
      expect(readFileSync(join(deployment(last!), '.ostree.cfs')).equals(composefs)).toBe(true)
    })
  },
)
