import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { klibcShell, moduleDir } from './shells.js'

const golden = join(import.meta.dirname, '../golden/images/23-os-like')
const reason = whyNot()

/** Mounts need root and the kernel's EROFS; a container may have neither. */
function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root'
  if (spawnSync('unshare', ['-m', 'true']).status !== 0) return 'no mount namespaces'
  if (!/\berofs\b/.test(readFileSync('/proc/filesystems', 'utf8'))) {
    if (spawnSync('modprobe', ['erofs']).status !== 0) return 'no EROFS in the kernel'
  }
  return undefined
}

// An initramfs of Arch may have busybox only, one of Debian the shell of klibc, with which programs of util-linux are used
// here as there; in CI both must be there to test with.
const toolsets = [
  'util-linux',
  ...(process.env['CI'] || spawnSync('which', ['busybox']).status === 0 ? ['busybox'] : []),
  ...(process.env['CI'] || existsSync(klibcShell) ? ['klibc'] : []),
]
const shellOf: Readonly<Record<string, string>> = { busybox: '"$1/bin/sh"', klibc: klibcShell }

const title = `the root is set up from a disk${reason ? ` (${reason})` : ''}`
describe.skipIf(reason).each(toolsets)(`${title}, with %s`, (tools) => {
  let dir: string
  let id: string
  const object = (hex: string) => join(dir, 'sysroot/composefs/objects', hex.slice(0, 2), hex.slice(2))

  /** A disk with one deployment, and a stand-in for fsverity that knows the digests of `measured`. */
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'bootc-sdk-root-'))
    id = 'a1'.repeat(64)
    const put = (path: string, data: string | Buffer) => {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, data)
    }
    put(object(id), gunzipSync(readFileSync(`${golden}.c-min-version1.erofs.gz`)))
    const tool = /^\/usr\/bin\/tool00 .* - ([0-9a-f]{64}) /m.exec(readFileSync(`${golden}.dump`, 'latin1'))!
    put(object(tool[1]!), 'tool'.repeat(5000))
    mkdirSync(join(dir, 'sysroot/composefs/images'))
    symlinkSync(`../objects/${id.slice(0, 2)}/${id.slice(2)}`, join(dir, 'sysroot/composefs/images', id))
    put(join(dir, 'sysroot/composefs/meta.json'), '{}')
    const state = join(dir, 'sysroot/state/deploy', id)
    put(join(state, 'etc/local'), 'local\n')
    put(join(dir, 'sysroot/state/os/default/var/kept'), 'kept\n')
    symlinkSync('../../os/default/var', join(state, 'var'))
    put(join(dir, 'bin/fsverity'), `#!/bin/sh\n. '${dir}/measured'\n`)
    chmodSync(join(dir, 'bin/fsverity'), 0o755)
    measures({})
    if (tools === 'busybox') {
      const { stdout } = spawnSync('busybox', ['--list'], { encoding: 'utf8' })
      const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim()
      for (const applet of stdout.trim().split('\n')) symlinkSync(busybox, join(dir, 'bin', applet))
    }
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  const measures = (digests: Record<string, string>, otherwise = 'No data available') => {
    const cases = Object.entries(digests).map(([path, digest]) => `*/${path}) echo "${digest} $2" ;;\n`)
    const last = `*) echo "ERROR: FS_IOC_MEASURE_VERITY failed on '$2': ${otherwise}" >&2; exit 1 ;;`
    writeFileSync(join(dir, 'measured'), `case $2 in\n${cases.join('')}${last}\nesac\n`)
  }
  const objectPath = () => `objects/${id.slice(0, 2)}/${id.slice(2)}`

  /** Run it in a mount namespace of its own, then `script` in the new root. */
  const setUp = (cmdline: string, script = 'true', config = '', options = '') => {
    writeFileSync(join(dir, 'cmdline'), `${cmdline}\n`)
    if (config !== '') writeFileSync(join(dir, 'conf.toml'), config)
    const outer = `
      mount --bind "$1/sysroot" "$1/sysroot"
      mkdir -p "$1/next"
      ${options.includes('--next-root') ? 'mount --make-rshared /; mount -o remount,bind,ro "$1/sysroot"' : ''}
      PATH=$1/bin${tools === 'busybox' ? '' : ':$PATH'} ${shellOf[tools] ?? ''} "$2/setup-root.sh" \\
        --sysroot "$1/sysroot" --run "$1/run" --cmdline "$1/cmdline" --config "$1/conf.toml" ${options}
      cd "$1/${options.includes('--next-root') ? 'next' : 'sysroot'}"
      eval "$3"`
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      ['-m', 'sh', '-euc', outer, 'sh', dir, moduleDir, script],
      { encoding: 'utf8' },
    )
    return { out: stdout, err: stderr, status }
  }
  const mounts = 'findmnt -rno SOURCE,FSTYPE,OPTIONS'

  test('an overlay named after the image, /etc and /var writable, the disk at /sysroot read-only', () => {
    const { out, err, status } = setUp(
      `root=LABEL=root composefs=?${id}`,
      `${mounts} "$PWD"; cat etc/local var/kept etc/../usr/bin/tool00 | head -c 15
       echo; echo new >etc/new; echo new >var/new; ls sysroot
       (: >usr/x) 2>/dev/null || echo usr is read-only
       (: >sysroot/x) 2>/dev/null || echo sysroot is read-only; echo "left: $(ls "$1/run" 2>/dev/null)"`,
    )
    expect(err).toContain(`root is composefs:${id}, fs-verity optional`)
    expect(status).toBe(0)
    expect(out.split('\n')[0]).toMatch(new RegExp(`^composefs:${id} overlay ro,`))
    expect(out).toContain('redirect_dir=on')
    expect(out).not.toContain('verity=require')
    expect(out).toContain('local\nkept\ntool\ncomposefs\nstate\nusr is read-only\nsysroot is read-only\n')
    expect(out).toContain('left: \n')
    expect(readFileSync(join(dir, 'sysroot/state/deploy', id, 'etc/new'), 'utf8')).toBe('new\n')
    expect(readFileSync(join(dir, 'sysroot/state/os/default/var/new'), 'utf8')).toBe('new\n')
  })

  test('beside the running root for a soft reboot: writable state, nothing shared, the old root as it was', () => {
    const { out, err, status } = setUp(
      `root=LABEL=root composefs=${'b2'.repeat(64)}`,
      `${mounts} "$PWD"; ${mounts} "$PWD/sysroot"
       cat etc/local var/kept; echo new >etc/new; echo new >var/new; ls sysroot
       (: >usr/x) 2>/dev/null || echo usr is read-only
       (: >sysroot/x) 2>/dev/null || echo sysroot is read-only; echo "left: $(ls "$1/run" 2>/dev/null)"
       mkdir "$1/sysroot/x" 2>/dev/null || echo the old one is read-only
       umount "$1/sysroot" && echo the old one is not in use
       umount -R -l "$1/next"; ls -A "$1/next"; grep -c "$1/next" /proc/self/mountinfo || :`,
      '',
      `--next-root "$1/next" --arguments "x composefs=?${id} y"`,
    )
    expect(err).toContain(`next root is composefs:${id}, fs-verity optional`)
    expect(status).toBe(0)
    expect(out.split('\n')[0]).toMatch(new RegExp(`^composefs:${id} overlay ro,`))
    expect(out).toContain('local\nkept\ncomposefs\nstate\nusr is read-only\nsysroot is read-only\nleft: \n')
    expect(out).toContain('the old one is read-only\nthe old one is not in use\n0\n')
    expect(readFileSync(join(dir, 'sysroot/state/deploy', id, 'etc/new'), 'utf8')).toBe('new\n')
    expect(readFileSync(join(dir, 'sysroot/state/os/default/var/new'), 'utf8')).toBe('new\n')
  })

  test('a next root that cannot be set up leaves nothing behind', () => {
    writeFileSync(object(id), 'garbage'.repeat(9000))
    const { err, status } = setUp('', '', '', `--next-root "$1/next" --arguments "composefs=?${id}"`)
    expect(err).toContain('mounting the EROFS image')
    expect(err).toContain('restart the machine instead')
    expect(status).toBe(1)
    expect(readdirSync(join(dir, 'next'))).toEqual([])
    expect(existsSync(join(dir, 'run'))).toBe(false)
  })

  test('a /var of its own in fstab is left to systemd, as long as nothing else is asked for', () => {
    const fstab = join(dir, 'sysroot/state/deploy', id, 'etc/fstab')
    const show = `${mounts} "$PWD/var" || echo none`
    writeFileSync(fstab, 'UUID=1 /var ext4 defaults 0 2\n')
    const left = setUp(`composefs=?${id}`, show)
    expect(left).toMatchObject({ out: 'none\n', status: 0 })
    expect(left.err).toContain('/var is in fstab')
    expect(setUp(`composefs=?${id}`, show, '[var]\ntransient = true\n').out).toMatch(/^transient overlay /)
    writeFileSync(fstab, 'UUID=1 /var/home ext4 defaults 0 2\n')
    rmSync(join(dir, 'conf.toml'))
    expect(setUp(`composefs=?${id}`, show).out).not.toBe('none\n')
  })

  test('a transient root takes writes and forgets them; its source still names the image', () => {
    const { out, status } = setUp(
      `composefs=?${id}`,
      `${mounts} "$PWD"; echo x >usr/x; cat usr/x etc/local; ls -d sysroot/composefs`,
      '[root]\ntransient = true\n',
    )
    expect(status).toBe(0)
    expect(out).toMatch(new RegExp(`^transient:composefs=${id} overlay rw,`))
    expect(out).toContain('x\nlocal\nsysroot/composefs\n')
  })

  test('/etc as an overlay over the image, or forgotten, or none', () => {
    mkdirSync(join(dir, 'sysroot/state/deploy', id, 'etc/upper'))
    const show = `${mounts} "$PWD/etc" || echo none; cat etc/hostname; (echo y >etc/y) 2>/dev/null && cat etc/y`
    const overlay = setUp(`composefs=?${id}`, show, '[etc]\nmount = "overlay"\n')
    expect(overlay.out).toMatch(/^overlay overlay rw,.*\nhost\ny\n$/)
    expect(readFileSync(join(dir, 'sysroot/state/deploy', id, 'etc/upper/y'), 'utf8')).toBe('y\n')
    expect(setUp(`composefs=?${id}`, show, '[etc]\ntransient = true\n').out).toMatch(
      /^transient overlay rw,.*\nhost\ny\n$/,
    )
    expect(setUp(`composefs=?${id}`, show, '[etc]\nmount = "none"\n').out).toBe('none\nhost\n')
  })

  test.each([
    ['without an argument', () => 'root=LABEL=root', 'no composefs= argument'],
    ['for a malformed argument', () => `composefs=${id}0`, `the kernel argument composefs=`],
    ['for an image that is not there', () => `composefs=?${'b2'.repeat(64)}`, 'there is no image b2b2'],
    [
      'for a link to another object',
      () => {
        const other = 'c3'.repeat(64)
        symlinkSync(`../${objectPath()}`, join(dir, 'sysroot/composefs/images', other))
        return `composefs=?${other}`
      },
      'leads to ../objects/a1/',
    ],
    [
      'for a link out of the repository',
      () => {
        const other = 'c3'.repeat(64)
        symlinkSync('/etc/passwd', join(dir, 'sysroot/composefs/images', other))
        return `composefs=?${other}`
      },
      'leads to /etc/passwd instead of ../objects/c3/',
    ],
    [
      'without state',
      () => {
        rmSync(join(dir, 'sysroot/state/deploy', id), { recursive: true })
        return `composefs=?${id}`
      },
      'there is no state for the image',
    ],
    [
      'when /var leads out of the disk',
      () => {
        rmSync(join(dir, 'sysroot/state/deploy', id, 'var'))
        symlinkSync('/usr', join(dir, 'sysroot/state/deploy', id, 'var'))
        return `composefs=?${id}`
      },
      'there is no ',
    ],
    [
      'for an image that is no EROFS image',
      () => {
        writeFileSync(object(id), 'garbage'.repeat(9000))
        return `composefs=?${id}`
      },
      'mounting the EROFS image',
    ],
    ['for a damaged configuration', () => `composefs=?${id}`, 'line 1 of the configuration', 'what?'],
  ])('refused %s', (_name, prepare, message, config = '') => {
    const { err, status, out } = setUp(prepare(), 'echo reached', config)
    expect(err).toContain(`bootc-sdk: cannot boot this composefs image: `)
    expect(err).toContain(message)
    expect(status).toBe(1)
    expect(out).toBe('')
  })

  test('fs-verity that is required and not there is refused, with what to do', () => {
    const missing = setUp(`composefs=${id}`)
    expect(missing.err).toContain('fs-verity is required, but not enabled in the repository')
    expect(missing.err).toContain(`composefs=?${id}`)
    measures({}, 'Operation not supported')
    const unsupported = setUp(`composefs=${id}`)
    expect(unsupported.err).toContain('or the kernel has none (Operation not supported)')
    expect(unsupported.err).toContain('tune2fs -O verity')
  })

  test('an image with another digest is refused, even when fs-verity is optional', () => {
    measures({ [objectPath()]: `sha512:${'0'.repeat(128)}` })
    for (const demand of ['', '?']) {
      const { err, status } = setUp(`composefs=${demand}${id}`)
      expect(err).toContain(`has the fs-verity digest sha512:000`)
      expect(status).toBe(1)
    }
  })

  test('a secure repository is not switched to insecure by the kernel argument', () => {
    measures({ 'meta.json': 'sha512:ff' })
    const { err, status } = setUp(`composefs=?${id}`)
    expect(err).toContain('the ? of the kernel argument counts for nothing')
    expect(err).toContain('fs-verity is required, but its file has none: it was replaced')
    expect(err).not.toContain('composefs=?')
    expect(status).toBe(1)
  })

  test('without the measuring tool nothing is started', () => {
    writeFileSync(join(dir, 'cmdline'), `composefs=?${id}\n`)
    mkdirSync(join(dir, 'few'))
    for (const name of ['cat', 'readlink', 'dirname']) symlinkSync(`/bin/${name}`, join(dir, 'few', name))
    const { stderr, status } = spawnSync(
      '/bin/sh',
      [
        join(moduleDir, 'setup-root.sh'),
        '--sysroot',
        join(dir, 'sysroot'),
        '--cmdline',
        join(dir, 'cmdline'),
      ],
      { encoding: 'utf8', env: { PATH: join(dir, 'few') } },
    )
    expect(stderr).toContain('fsverity is not in this initramfs')
    expect(status).toBe(1)
  })
})
