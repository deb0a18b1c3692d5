import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bootableImage } from '@bootc-sdk/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRegistry, type Registry } from './lib/registry.js'
import { missing, run, scratch } from './lib/tools.js'

// Whether images are taken or refused, with what skopeo, cosign and gpg make and say.

const root = join(import.meta.dirname, '..')
const golden = join(root, 'packages/signatures/test/golden/trust')
const cli = join(root, 'packages/cli/bin/bootc-sdk.js')
const isOff = process.env['E2E_TRUST'] === '0'
const reason = isOff
  ? 'E2E_TRUST=0'
  : missing('skopeo', 'docker-registry', 'gpg', 'unshare', 'ip', 'openssl', 'mmdebstrap')

/** A Debian trixie root with skopeo 1.18 and cosign 2.5. */
const trixie = process.env['E2E_TRIXIE_DIR'] ?? '/var/tmp/bootc-sdk-e2e/trixie'
const tools = join(root, 'e2e/tools.sh')

beforeAll(() => {
  if (reason !== undefined) return
  const env = { ...process.env, SUITE: 'trixie', PACKAGES: 'skopeo,cosign,gpg,gpg-agent' }
  execFileSync(tools, ['create', trixie], { env, stdio: ['ignore', 'ignore', 'inherit'] })
}, 600_000)

describe.skipIf(reason !== undefined)(
  `the table of cases${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    interface Outcome {
      readonly class: string
      readonly requests: readonly string[]
      readonly message?: string
    }

    test(
      'is what skopeo 1.18 does today, and what this library does over real sockets',
      { timeout: 900_000 },
      () => {
        const work = '/var/tmp/bootc-sdk-trust'
        const argv = ['--net', '--mount', process.execPath, join(golden, 'world.mjs')]
        const output = execFileSync(
          'unshare',
          [...argv, join(golden, 'cases.json'), trixie, work, join(root, 'packages')],
          { maxBuffer: 1 << 28, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
        )
        const results = JSON.parse(output) as Record<string, { skopeo: Outcome; ours: Outcome }>
        const table = JSON.parse(readFileSync(join(golden, 'cases.json'), 'utf8')) as {
          cases: { id: string; expect: { class: string; requests: string[] } }[]
        }
        const differing = table.cases.filter(({ id, expect: recorded }) => {
          const { skopeo, ours } = results[id]!
          const said = [skopeo, ours].map((one) => JSON.stringify([one.class, one.requests]))
          return said.some((one) => one !== JSON.stringify([recorded.class, recorded.requests]))
        })
        expect(differing.map(({ id }) => ({ id, ...results[id] }))).toEqual([])
        expect(table.cases.length).toBeGreaterThanOrEqual(150)
      },
    )
  },
)

describe.skipIf(reason !== undefined)(
  `signed images${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let dir: string
    let clean: () => void
    let registry: Registry
    const image = bootableImage({ version: 1 })
    const other = bootableImage({ version: 2 })

    beforeAll(async () => {
      ;({ path: dir, clean } = scratch())
      registry = await startRegistry(join(dir, 'registry'))
      const layout = join(dir, 'layout')
      await image.writeOciLayout(layout, '1')
      await other.writeOciLayout(layout, '2')
      for (const tag of ['1', '2', '3']) {
        const source = tag === '3' ? '2' : tag
        run(
          'skopeo',
          '--insecure-policy',
          'copy',
          '--quiet',
          '--dest-tls-verify=false',
          `oci:${layout}:${source}`,
          docker(tag),
        )
      }
    })
    afterAll(() => {
      registry?.stop()
      clean?.()
    })

    const docker = (tag: string): string => `docker://${registry.host}/ns/os:${tag}`

    function config(files: Readonly<Record<string, string>>): string {
      const home = join(dir, `home-${Math.random().toString(36).slice(2)}`)
      for (const [name, text] of Object.entries(files)) {
        const path = join(home, '.config/containers', name)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, text)
      }
      return home
    }

    /** Pull as an origin that is to be verified; undefined when it worked, else what was said. */
    function pull(home: string, store: string, tag: string): string | undefined {
      const repo = join(dir, `repo-${store}`)
      const init = store === 'ostree' ? ['--init', 'bare-user'] : []
      const argv = ['image', 'pull', '--quiet', '--store', store, '--repo', repo, ...init]
      const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: '' }
      try {
        execFileSync(process.execPath, [cli, ...argv, `ostree-image-signed:${docker(tag)}`], {
          env,
          stdio: 'pipe',
        })
        return undefined
      } catch (error) {
        return String((error as { stderr: Buffer }).stderr)
      }
    }

    /** Every file of a store. */
    function stored(store: string): string[] {
      const repo = join(dir, `repo-${store}`)
      return existsSync(repo) ? (readdirSync(repo, { recursive: true }) as string[]).sort() : []
    }

    const policy = (requirement: object): string =>
      JSON.stringify({
        default: [{ type: 'reject' }],
        transports: { docker: { [registry.host]: [requirement] } },
      })

    function takesOnly(home: string, good: string, ...bad: string[]): void {
      for (const store of ['ostree', 'composefs']) {
        expect(pull(home, store, good)).toBeUndefined()
        const before = stored(store)
        for (const tag of bad) expect(pull(home, store, tag)).toMatch(/is rejected by policy/)
        expect(stored(store)).toEqual(before)
      }
    }

    test('what cosign signed is taken by both stores, and nothing else', () => {
      const cosign = (...args: string[]): void => {
        const env = { ...process.env, COSIGN_PASSWORD: '', HOME: dir }
        execFileSync(tools, ['run', trixie, dir, 'cosign', ...args], { env, stdio: 'pipe' })
      }
      cosign('generate-key-pair', '--output-key-prefix', join(dir, 'cosign'))
      const name = `${registry.host}/ns/os`
      const key = ['--key', join(dir, 'cosign.key'), '--tlog-upload=false', '--allow-http-registry', '--yes']
      cosign('sign', ...key, `${name}@${image.manifestDigest}`)
      const home = config({
        'policy.json': policy({
          type: 'sigstoreSigned',
          keyPath: join(dir, 'cosign.pub'),
          signedIdentity: { type: 'matchRepository' },
        }),
        'registries.d/all.yaml': 'default-docker:\n  use-sigstore-attachments: true\n',
      })
      takesOnly(home, '1', '2')
      // The signature of the good one, moved to where that of the other is looked for.
      const tagOf = (digest: string): string => docker(`${digest.replace(':', '-')}.sig`)
      run(
        ...([
          'skopeo',
          '--insecure-policy',
          'copy',
          '--quiet',
          '--src-tls-verify=false',
          '--dest-tls-verify=false',
        ] as const),
        tagOf(image.manifestDigest),
        tagOf(other.manifestDigest),
      )
      takesOnly(home, '1', '2')
    })

    test('what skopeo signed with gpg is taken under its own tag, and under no other', () => {
      const gnupg = join(dir, 'gnupg')
      mkdirSync(gnupg, { mode: 0o700 })
      const gpg = (...args: string[]): Buffer =>
        execFileSync('gpg', ['--homedir', gnupg, '--batch', '--quiet', '--passphrase', '', ...args], {
          stdio: ['ignore', 'pipe', 'ignore'],
        })
      gpg('--quick-generate-key', 'alice <alice@test>', 'ed25519', 'sign', 'never')
      const registriesD = join(dir, 'registries.d')
      mkdirSync(registriesD)
      const lookaside = `default-docker:\n  lookaside: file://${dir}/sigstore\n  lookaside-staging: file://${dir}/sigstore\n`
      writeFileSync(join(registriesD, 'all.yaml'), lookaside)
      execFileSync(
        'skopeo',
        [
          ...[
            '--insecure-policy',
            '--registries.d',
            registriesD,
            'copy',
            '--quiet',
            '--dest-tls-verify=false',
          ],
          ...['--sign-by', 'alice@test', `oci:${dir}/layout:2`, docker('2')],
        ],
        { env: { ...process.env, GNUPGHOME: gnupg }, stdio: 'pipe' },
      )
      const keyData = gpg('--export', 'alice').toString('base64')
      const home = config({
        'policy.json': policy({ type: 'signedBy', keyType: 'GPGKeys', keyData }),
        'registries.d/all.yaml': lookaside,
      })
      // Tag 3 is the same image, signed as tag 2.
      takesOnly(home, '2', '1', '3')
      execFileSync('gpgconf', ['--homedir', gnupg, '--kill', 'all'])
    })
  },
)
