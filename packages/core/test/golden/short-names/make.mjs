// Makes cases.json: registries.conf, a name, and which full names the real podman tries for it, in order.
//
//   unshare --net --mount node make.mjs CHROOT WORK
//
// Without a network every name fails, so that podman goes on to the next one as far as it ever would.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [chroot, work] = process.argv.slice(2)
const here = import.meta.dirname
const home = join(work, 'home')
const hex = '576f81f2e8ea3cd1a1f3d0e8c9a9c9a0576f81f2e8ea3cd1a1f3d0e8c9a9c9a0'

const search = (...hosts) => `unqualified-search-registries = ${JSON.stringify(hosts)}\n`
const mode = (word) => `short-name-mode = "${word}"\n`
const aliases = (all) =>
  `[aliases]\n${Object.entries(all)
    .map(([key, value]) => `"${key}" = "${value}"\n`)
    .join('')}`
const two = search('a.test', 'b.test:5000')
const alias = aliases({ app: 'c.test/ns/app', 'ns/app': 'd.test/other', erased: '' })

const names = [
  'app',
  'app:v1',
  `app@sha256:${hex}`,
  'ns/app',
  'ns/app:v1',
  'ns/app/deep',
  'other',
  'erased',
  'a.test/app',
  'localhost/app',
  'localhost:5000/app',
  'host:5000/app',
  'Upper/app',
  'UPPER/ns/app',
  'app:5000',
  'library/app',
  'docker.io/app',
  'index.docker.io/app',
  'docker://app',
  'docker://ns/app:v1',
  'my-host/app',
  'Upper',
  'app:',
  '.app',
  'app:v1@sha256:12',
  hex,
]
const confs = {
  none: '',
  'no-registries': search(),
  one: search('a.test'),
  'one-enforcing': search('a.test') + mode('enforcing'),
  two,
  'two-permissive': two + mode('permissive'),
  'two-enforcing': two + mode('enforcing'),
  'two-disabled': two + mode('disabled'),
  'docker.io': search('docker.io', 'a.test'),
  'aliases-alone': alias,
  'aliases-permissive': two + mode('permissive') + alias,
  'aliases-enforcing': two + mode('enforcing') + alias,
  'aliases-disabled': two + mode('disabled') + alias,
  'alias-to-docker.io': aliases({ app: 'docker.io/library/app', other: 'docker.io/other' }),
  'blocked-registry': `${two}[[registry]]\nlocation = "a.test"\nblocked = true\n`,
}

const cases = {}
rmSync(work, { recursive: true, force: true })
mkdirSync(join(home, '.config/containers'), { recursive: true })
for (const [id, conf] of Object.entries(confs)) {
  writeFileSync(join(home, '.config/containers/registries.conf'), conf)
  cases[id] = { conf, answers: {} }
  for (const name of names) {
    rmSync(join(home, 's'), { recursive: true, force: true })
    cases[id].answers[name] = ask(name)
  }
}
writeFileSync(join(here, 'cases.json'), `${JSON.stringify(cases, undefined, 1)}\n`)

/** Names that are tried, in order, or the kind of error. */
function ask(name) {
  const podman = ['podman', '--log-level=debug', '--root', join(home, 's'), '--runroot', join(home, 'r')]
  const argv = [...podman, '--storage-driver', 'vfs', 'pull', '--retry', '0', '--', name]
  const inside = `mount --rbind /sys "$0/sys"; mount --rbind "$1" "$0$1"; mount -t proc proc "$0/proc"; exec chroot "$0" env HOME="$2" "\${@:3}"`
  mkdirSync(join(chroot, work), { recursive: true })
  const { status, stderr } = spawnSync('unshare', ['--mount', 'bash', '-c', inside, chroot, work, home, ...argv], {
    encoding: 'utf8',
  })
  if (status === 0) throw new Error(`${name} was pulled`)
  const tried = [...stderr.matchAll(/(?:Trying to access|Error pulling candidate) \\?"?([^\\"\s]+?)(?:\\?"|: )/g)]
    .map((match) => match[1])
    .filter((one, at, all) => all.indexOf(one) === at)
  if (tried.length > 0) return tried
  const error = /^Error: (.*)$/m.exec(stderr)?.[1] ?? stderr
  return kind(error)
}

function kind(error) {
  if (/cannot prompt without a TTY/.test(error)) return 'ambiguous'
  if (/no unqualified-search registries are defined/.test(error)) return 'unknown'
  if (/invalid reference format|Invalid image name|referred to by ID/.test(error)) return 'invalid'
  throw new Error(error)
}
