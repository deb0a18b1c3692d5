import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootableImage, dirs, file, writeOciLayout } from '@bootc-sdk/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeDataDisk, makeDisk, offlineRoot } from './lib/disk.js'
import { boot, type Boot } from './lib/guest.js'
import { debianImageDir, install, missing, newerToolsDir, outputDir, run, scratch } from './lib/tools.js'
import { guestsWanted } from './lib/wanted.js'

const reason =
  guestsWanted() !== 'all'
    ? `E2E_GUESTS=${process.env['E2E_GUESTS']}`
    : missing('qemu-system-x86_64', 'mmdebstrap', 'jq', 'sfdisk', 'mcopy', 'mkfs.vfat', 'debugfs')

const images = '/run/e2e/images'
/** What scripts of the guest begin with: our command as the machine has it, the second disk, a writable sysroot. */
const prelude = `
  mkdir -p ${images}
  mount -o ro /dev/disk/by-label/images ${images} || exit 90
  say() { printf 'E2E %s=%s\\n' "$1" "$2"; }
  root() { say root "$(findmnt -no SOURCE,OPTIONS /)"; say version "$(cat /usr/share/app/version)"; }
`
const object = (id: string) => `/composefs/objects/${id.slice(0, 2)}/${id.slice(2)}`

describe.skipIf(reason)(
  `a machine that boots a composefs deployment made here${reason ? ` (${reason})` : ''}`,
  () => {
    const { path, clean } = scratch()
    const disk = join(path, 'disk.img')
    const root = offlineRoot(disk)
    let v1: string
    let v2: string
    /** Object of a file that starting needs, and of one that it does not; both are in v1 and v2. */
    let systemd: string
    let perl: string

    let boots = 0
    const start = async (name: string, script: string): Promise<Boot> => {
      const log = outputDir('composefs-boot', `${++boots}-${name}`)
      const ended = await boot({ log, disks: [disk, join(path, 'images.img')], script: prelude + script })
      writeFileSync(join(log, 'summary.log'), `${ended.end} after ${ended.seconds.toFixed(1)} s\n`)
      return ended
    }
    const entries = () =>
      root
        .list('/boot/loader/entries')
        .sort()
        .reverse()
        .map((name) => root.read(`/boot/loader/entries/${name}`))
    const idOf = (entry: string) => /composefs=\??([0-9a-f]{128})/.exec(entry)?.[1] ?? ''

    beforeAll(async () => {
      const image = debianImageDir()
      const tools = newerToolsDir()
      mkdirSync(join(path, 'root'))
      install(`oci:${image}/oci:v1`, join(path, 'root'), {
        store: 'composefs',
        kargs: ['root=LABEL=root'],
        target: `oci:${images}/debian:stable`,
      })

      // GRUB of a newer Debian, which reads boot loader entries.
      const esp = join(path, 'esp')
      mkdirSync(join(esp, 'EFI/BOOT'), { recursive: true })
      mkdirSync(join(esp, 'EFI/debian/x86_64-efi'), { recursive: true })
      const grub = join(tools, 'usr/lib/grub')
      copyFileSync(join(grub, 'x86_64-efi-signed/grubx64.efi.signed'), join(esp, 'EFI/BOOT/BOOTX64.EFI'))
      copyFileSync(join(grub, 'x86_64-efi/blsuki.mod'), join(esp, 'EFI/debian/x86_64-efi/blsuki.mod'))
      writeFileSync(
        join(esp, 'EFI/debian/grub.cfg'),
        'insmod blsuki\nsearch --no-floppy --label root --set root\nset timeout=0\nblscfg --path /boot/loader/entries\n',
      )
      makeDisk(disk, { esp, root: join(path, 'root') })

      // What a registry would have: the next version under the tag that is followed, and something small.
      const data = join(path, 'images')
      mkdirSync(data)
      cpSync(join(image, 'oci'), join(data, 'debian'), { recursive: true })
      const index = join(data, 'debian/index.json')
      writeFileSync(index, readFileSync(index, 'utf8').replace('"v2"', '"stable"'))
      mkdirSync(join(data, 'small'))
      const files = Array.from({ length: 20 }, (_, n) =>
        file(`usr/share/data/${n}`, `${n}\n`.repeat(n * 500)),
      )
      await writeOciLayout(
        join(data, 'small'),
        bootableImage({
          version: 1,
          extraLayers: [{ entries: [...dirs('usr/share', 'usr/share/data'), ...files] }],
        }),
        'latest',
      )
      makeDataDisk(join(path, 'images.img'), data, 'images', 512)
    }, 900_000)
    afterAll(clean)

    test('installed where fs-verity is not: boots, and the repository can be made to require it', async () => {
      const [entry] = entries()
      expect(entry).toContain('composefs=?')
      v1 = idOf(entry!)
      const first = await start(
        'v1-not-enforced',
        `root
         bootc-sdk composefs verity status --repo /sysroot/composefs
         mount -o remount,rw /sysroot
         bootc-sdk composefs verity enable --repo /sysroot/composefs || exit 1
         sed -i 's/composefs=?/composefs=/' /sysroot/boot/loader/entries/*.conf
         for f in /usr/lib/systemd/systemd /usr/bin/perl; do
           say "digest:$f" "$(fsverity digest --compact --hash-alg=sha512 $f)"
         done
         say meta "$(fsverity measure /sysroot/composefs/meta.json | cut -d: -f1)"`,
      )
      expect(first.report).toContain(`E2E root=composefs:${v1} `)
      expect(first.value('root')).not.toContain('verity=require')
      expect(first.value('version')).toBe('1')
      expect(first.value('meta')).toBe('sha512')
      expect(first.status).toBe(0)
      systemd = first.value('digest:/usr/lib/systemd/systemd')!
      perl = first.value('digest:/usr/bin/perl')!
    }, 1_000_000)

    test('boots with fs-verity required; the addon and secure repositories work on a real file system', async () => {
      const second = await start(
        'v1-enforced',
        `root
         say state "$(systemctl is-system-running)"
         say image "$(fsverity measure /sysroot${object(v1)} | cut -d' ' -f1)"
         echo local >/etc/local.conf; echo kept >/var/kept
         mkdir /var/tmp/checks && node /usr/libexec/e2e/addon-verity.mjs /var/tmp/checks
         mkdir /var/tmp/repos && sh /usr/libexec/e2e/secure-repository /var/tmp/repos oci:${images}/small:latest
         bootc-sdk upgrade || exit 1
         bootc-sdk status`,
      )
      expect(second.value('root')).toContain(`composefs:${v1} `)
      expect(second.value('root')).toContain('verity=require')
      expect(second.value('image')).toBe(`sha512:${v1}`)
      expect(second.report.match(/^not ok .*/gm)).toBeNull()
      expect(second.report.match(/^ok .*/gm)?.length).toBeGreaterThan(35)
      expect(second.status).toBe(0)
    }, 1_000_000)

    test('the upgrade that was staged is what boots: /etc is merged, /var kept; rollback', async () => {
      v2 = idOf(entries()[0]!)
      expect(v2).not.toBe(v1)
      expect(entries().map((entry) => /composefs=(\S{0,1})/.exec(entry)?.[1] === '?')).toEqual([false, false])
      const third = await start(
        'v2',
        `root
         say local "$(cat /etc/local.conf)"; say kept "$(cat /var/kept)"; say app "$(cat /etc/app.conf | tr '\\n' ' ')"
         bootc-sdk status --json | tr -d '\\n'; echo
         bootc-sdk rollback || exit 1`,
      )
      expect(third.value('root')).toContain(`composefs:${v2} `)
      expect(third.value('root')).toContain('verity=require')
      expect(third.value('version')).toBe('2')
      expect(third.value('local')).toBe('local')
      expect(third.value('kept')).toBe('kept')
      expect(third.value('app')).toContain('colour=green')
      expect(third.status).toBe(0)
    }, 1_000_000)

    test('rolled back; a damaged object and one without fs-verity cannot be read', async () => {
      expect(idOf(entries()[0]!)).toBe(v1)
      const repair = root.damage(object(perl))
      const fourth = await start(
        'v1-damaged-file',
        `root
         cat /usr/bin/perl >/dev/null && say perl readable || say perl unreadable
         cat /usr/bin/grep >/dev/null && say grep readable
         dmesg | grep -i verity | tail -n 3`,
      )
      repair()
      expect(fourth.value('root')).toContain(`composefs:${v1} `)
      expect(fourth.value('version')).toBe('1')
      expect(fourth.value('perl')).toBe('unreadable')
      expect(fourth.report).toContain('Input/output error')
      expect(fourth.value('grep')).toBe('readable')
    }, 1_000_000)

    test.each([
      ['damaged-systemd', () => systemd, 3, /FILE CORRUPTED/],
      ['damaged-image', () => v1, 100, /bootc-sdk: cannot boot this composefs image: .* is damaged/],
    ] as const)(
      'refuses to start from one that is damaged anywhere, and says so: %s',
      async (name, victim, block, message) => {
        const repair = root.damage(object(victim()), block)
        const ended = await start(name, 'root')
        repair()
        expect(ended.end).toBe('refused')
        expect(ended.console).toMatch(message)
      },
      1_000_000,
    )

    test('refuses an image that was replaced, also when the boot entry says that fs-verity is optional', async () => {
      const image = run('debugfs', '-R', `stat ${object(v1)}`, `${disk}?offset=${65 << 20}`)
      expect(image).toContain('Type: regular')
      const name = root.list('/boot/loader/entries').sort().reverse()[0]!
      const entry = root.read(`/boot/loader/entries/${name}`)
      root.write(`/boot/loader/entries/${name}`, entry.replace('composefs=', 'composefs=?'))
      root.write(object(v1), readFileSync(join(path, 'root', object(v1))))
      const seventh = await start('replaced-image', 'root')
      expect(seventh.end).toBe('refused')
      expect(seventh.console).toContain('the repository demands fs-verity')
      expect(seventh.console).toContain('fs-verity is required, but its file has none: it was replaced')
    }, 1_000_000)
  },
)
