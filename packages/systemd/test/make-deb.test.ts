import { spawnSync, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeRoot, missing } from './support.js'

const workspace = join(import.meta.dirname, '../../..')
const unbuilt = existsSync(join(workspace, 'packages/cli/dist/main.js'))
  ? undefined
  : 'the command is not built'
const reason = missing('dpkg-deb') ?? unbuilt

const makeDeb = (out: string) => {
  const { status, stdout, stderr } = spawnSync(join(import.meta.dirname, '../make-deb.sh'), [out], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout.trim()
}
const sha256 = (path: string) => execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 64)

test.skipIf(reason)(
  `a Debian package: reproducible, owned by root, with command, units and links${reason ? ` (${reason})` : ''}`,
  { timeout: 120_000 },
  () => {
    const out = fakeRoot({ a: null, b: null })
    const deb = makeDeb(join(out, 'a'))
    expect(sha256(makeDeb(join(out, 'b')))).toBe(sha256(deb))
    const listed = execFileSync('dpkg-deb', ['-c', deb], { encoding: 'utf8' })
    for (const line of listed.trim().split('\n')) expect(line).toMatch(/^\S+ root\/root /)
    expect(listed).toMatch(/^lrwx.* \.\/usr\/bin\/bootc-sdk -> \.\.\/lib\/bootc-sdk\/bin\/bootc-sdk\.js$/m)
    expect(listed).toMatch(/^-rwxr-xr-x .*system-generators\/bootc-sdk-generator$/m)
    expect(listed).toMatch(/^-rw-r--r-- .*\/bootc-sdk-update\.timer$/m)
    expect(listed).toMatch(/multi-user\.target\.wants\/bootc-sdk-boot-check\.service -> /)
    expect(listed).not.toContain('timers.target.wants')
    for (const path of [
      'usr/lib/bootc-sdk/initramfs/setup-root.sh',
      'usr/lib/dracut/modules.d/51bootc-sdk/module-setup.sh',
      'usr/share/initramfs-tools/hooks/bootc-sdk',
      'usr/share/initramfs-tools/scripts/local-bottom/bootc-sdk',
      'usr/share/initramfs-tools/hooks/bootc-sdk-ostree',
      'usr/share/initramfs-tools/scripts/local-bottom/bootc-sdk-ostree',
    ]) {
      expect(listed).toMatch(new RegExp(`^-rwxr-xr-x .*\\./${path}$`, 'm'))
    }
    expect(listed).toMatch(/^-rw-r--r-- .*\/usr\/lib\/initcpio\/install\/bootc-sdk$/m)
    expect(listed).not.toContain('./etc/')
    const field = (name: string) => execFileSync('dpkg-deb', ['-f', deb, name], { encoding: 'utf8' }).trim()
    expect(field('Depends')).toContain('nodejs (>= 20)')
    // What it carries runs from where it was unpacked.
    const root = join(out, 'root')
    execFileSync('dpkg-deb', ['-x', deb, root])
    const help = execFileSync(process.execPath, [
      join(root, 'usr/lib/bootc-sdk/bin/bootc-sdk.js'),
      '--version',
    ])
    expect(help.toString()).toContain('bootc-sdk')
  },
)
