import { describe, expect, test } from 'vitest'
import { openBootc } from '../../src/orchestrate/index.js'
import {
  bootableImage,
  dir,
  file,
  memoryBackend,
  memoryBootloader,
  memoryDir,
  memorySysroot,
  memoryTransport,
  simulateBoot,
  symlink,
  type MemorySysroot,
} from '../../src/testing/index.js'
import type { Provider, StoreBackend } from '../../src/interfaces/index.js'
import { stable } from './machine.js'

type Spec = Parameters<typeof bootableImage>[0]

/** An image with these files on top, about to be installed. */
async function about(
  files: Readonly<Record<string, string>>,
  more: {
    readonly sysroot?: MemorySysroot
    readonly stores?: readonly Provider<StoreBackend>[]
    spec?: Partial<Spec>
  } = {},
) {
  const entries = Object.entries(files).flatMap(([path, content]) => [
    ...path
      .split('/')
      .slice(0, -1)
      .map((_, depth, parts) => dir(parts.slice(0, depth + 1).join('/'))),
    content.startsWith('-> ') ? symlink(path, content.slice(3)) : file(path, content),
  ])
  const image = bootableImage({
    version: 1,
    compression: 'none',
    extraLayers: [{ entries, compression: 'none' }],
    ...more.spec,
  })
  const transport = memoryTransport({ [stable.image.name]: image })
  const sysroot = more.sysroot ?? memorySysroot()
  const bootc = await openBootc({
    sysroot,
    transports: [transport],
    stores: more.stores ?? [memoryBackend()],
    bootloaders: [memoryBootloader()],
  })
  const text = async (path: string): Promise<string | undefined> => {
    if ((await sysroot.root.stat(path)) === undefined) return undefined
    const chunks: Uint8Array[] = []
    for await (const chunk of sysroot.root.read(path)) chunks.push(chunk)
    return Buffer.concat(chunks).toString('utf8')
  }
  return { bootc, sysroot, text, transport }
}

describe("an image's installation settings", () => {
  test('settle what the options leave open', async () => {
    const { bootc } = await about({
      'usr/lib/bootc/install/10.toml':
        '[install]\nstateroot = "fleet"\nkargs = ["net.ifnames=0"]\nkarg-deletes = ["quiet"]\nroot-mount-spec = "LABEL=r"\n',
      'etc/bootc/install/20.toml': '[install]\nkargs = ["debug"]\n',
    })
    const result = await bootc.install({ source: stable, kargs: { root: ['root=UUID=1', 'rw'] } })
    expect(result).toMatchObject({
      stateroot: 'fleet',
      configFiles: ['/usr/lib/bootc/install/10.toml', '/etc/bootc/install/20.toml'],
      config: { stateroot: 'fleet', block: ['direct'] },
    })
    expect(result.kargs.slice(0, 5)).toEqual([
      'root=LABEL=r',
      'rw',
      'net.ifnames=0',
      'debug',
      'console=ttyS0',
    ])
    expect(result.kargs).not.toContain('quiet')
  })

  test('are not read when told so, and others may count above them', async () => {
    const files = { 'usr/lib/bootc/install/10.toml': '[install]\nkargs = ["a"]\n' }
    const without = await about(files)
    const plain = await without.bootc.install({ source: stable, config: false })
    expect(plain.kargs).not.toContain('a')
    const above = memoryDir({ directories: ['run', 'run/bootc', 'run/bootc/install'] })
    await above.write('run/bootc/install/10.toml', Buffer.from('[install]\nkargs = ["b"]\n'))
    const { bootc } = await about(files)
    const { kargs } = await bootc.install({
      source: stable,
      config: [{ tree: above, path: 'run/bootc/install' }],
    })
    expect(kargs).toContain('b')
    expect(kargs).not.toContain('a')
  })

  test('that are not understood stop it before anything boots', async () => {
    const { bootc, text } = await about({ 'usr/lib/bootc/install/10.toml': '[install]\nnew-key = 1\n' })
    await expect(bootc.install({ source: stable })).rejects.toMatchObject({
      code: 'IMAGE_INSTALL_CONFIG',
      details: { path: '/usr/lib/bootc/install/10.toml', key: 'install.new-key' },
    })
    expect((await bootc.status()).order).toEqual([])
    expect(await text('.bootc-aleph.json')).toBeUndefined()
  })
})

describe('what an installation leaves beside the deployment', () => {
  test('the aleph file', async () => {
    const { bootc, text } = await about({})
    await bootc.install({ source: stable, aleph: { kernel: '6.1.0' } })
    expect(JSON.parse((await text('.bootc-aleph.json'))!)).toMatchObject({
      image: 'registry.example/os:stable',
      'target-image': 'registry.example/os:stable',
      kernel: '6.1.0',
      selinux: 'disabled',
      version: '1',
    })
  })

  test.each([
    [{}, 'host-disabled'],
    [{ aleph: { hostSelinux: true } }, 'enabled'],
    [{ disableSelinux: true, aleph: { hostSelinux: true } }, 'force-target-disabled'],
  ])('with %j it says %s of an image with a policy', async (options, state) => {
    const { bootc, text } = await about({ 'etc/selinux/config': 'SELINUX=enforcing\n' })
    const { kargs } = await bootc.install({ source: stable, ...options })
    expect(JSON.parse((await text('.bootc-aleph.json'))!)).toMatchObject({ selinux: state })
    expect(kargs.includes('selinux=0')).toBe(state === 'force-target-disabled')
  })

  test('the stamp for a clean-up, only when asked for', async () => {
    const { bootc, text } = await about({})
    await bootc.install({ source: stable, cleanup: true, aleph: false })
    expect(await text('etc/bootc-destructive-cleanup')).toBe('')
    expect(await text('.bootc-aleph.json')).toBeUndefined()
  })
})

// The line that bootc 1.16.9 writes for the same home and keys.
test('keys of root are given by tmpfiles, in the home that /root leads to', async () => {
  const { bootc, sysroot } = await about({})
  await bootc.install({ source: stable, rootSshAuthorizedKeys: 'ssh-ed25519 ABCDE example@demo\n' })
  const boot = await simulateBoot(sysroot)
  expect(await boot.read('etc/tmpfiles.d/bootc-root-ssh.conf')).toBe(
    'f~ /var/roothome/.ssh/authorized_keys 600 root root - c3NoLWVkMjU1MTkgQUJDREUgZXhhbXBsZUBkZW1vCg==\n',
  )
})

test('a boot volume that is there now is mounted as it was, read-only', async () => {
  const { bootc, sysroot } = await about({})
  const bootMount = { source: 'UUID=b', fsType: 'ext4', options: 'noatime' }
  const { kargs } = await bootc.install({ source: stable, bootMount })
  expect(kargs).toContain('boot=UUID=b')
  expect(await (await simulateBoot(sysroot)).read('etc/fstab')).toBe('UUID=b /boot ext4 noatime,ro 0 0\n')
})

describe('alongside another system', () => {
  const occupied = async () => {
    const root = memoryDir({ directories: ['boot', 'boot/grub', 'boot/loader', 'boot/efi', 'etc', 'usr'] })
    await root.write('boot/vmlinuz-5.0', Buffer.from('old kernel'))
    await root.write('boot/efi/file', Buffer.from('of somebody else'))
    await root.write('etc/passwd', Buffer.from('root'))
    return memorySysroot({ root })
  }

  test('its kernels go, its files and EFI programs stay', async () => {
    const { bootc, sysroot } = await about({}, { sysroot: await occupied() })
    await bootc.install({ source: stable, replace: 'alongside' })
    expect(await sysroot.root.stat('boot/vmlinuz-5.0')).toBeUndefined()
    expect(await sysroot.root.stat('boot/grub')).toBeUndefined()
    expect(await sysroot.root.stat('boot/efi/file')).toBeDefined()
    expect(await sysroot.root.stat('etc/passwd')).toBeDefined()
    expect((await simulateBoot(sysroot)).version).toBe('1')
  })

  test('nothing of it is touched for an image that could not boot', async () => {
    const second = 'usr/lib/modules/6.99/'
    const { bootc, sysroot } = await about(
      { [`${second}vmlinuz`]: 'k', [`${second}initramfs.img`]: 'i' },
      { sysroot: await occupied() },
    )
    await expect(bootc.install({ source: stable, replace: 'alongside' })).rejects.toMatchObject({
      code: 'IMAGE_KERNEL',
      details: { problem: 'several' },
    })
    for (const path of ['boot/vmlinuz-5.0', 'boot/grub', 'etc/passwd']) {
      expect(await sysroot.root.stat(path), path).toBeDefined()
    }
  })
})

describe('the image to follow', () => {
  const target = { ...stable, image: { ...stable.image, name: 'registry.example/os:next' } }

  test('is looked for first when asked to', async () => {
    const { bootc, sysroot } = await about({})
    await expect(bootc.install({ source: stable, target, fetchCheck: true })).rejects.toMatchObject({
      code: 'TRANSPORT_NOT_FOUND',
    })
    const names: string[] = []
    for await (const { name } of sysroot.root.list('')) names.push(name)
    expect(names).toEqual(['boot'])
  })

  test('need not be there otherwise', async () => {
    const { bootc } = await about({})
    const { image } = await bootc.install({ source: stable, target })
    expect(image.reference.image.name).toBe('registry.example/os:next')
  })
})

test('the result names directory and entries', async () => {
  const { bootc } = await about({})
  const result = await bootc.install({ source: stable })
  expect(result.entries).toHaveLength(1)
  expect(result.bootloaderReason).toBe('no other was given')
  expect(JSON.parse(JSON.stringify(result))).toMatchObject({ deployment: result.deployment })
})
