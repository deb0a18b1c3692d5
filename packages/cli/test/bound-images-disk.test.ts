import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { boundImageStorage } from '@bootc-sdk/containers-storage'
import { type Host, parseImageReference } from '@bootc-sdk/core'
import { nodeHost } from '@bootc-sdk/core/node'
import {
  bootableImage,
  buildImage,
  dir as directory,
  dirs,
  file,
  memoryTransport,
  opaque,
  symlink,
  whiteout,
} from '@bootc-sdk/core/testing'
import { installToImage } from '@bootc-sdk/disk-image'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { expect, onTestFinished, test } from 'vitest'

const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
const tools = ['mke2fs', 'debugfs', 'mkfs.vfat', 'mcopy']
const absent = tools.filter((tool) => spawnSync(tool, ['-V'], { env }).error !== undefined)
if (absent.length > 0 && process.env['CI'] !== undefined) throw new Error(`needs ${absent.join(', ')}`)

const app = buildImage({
  layers: [
    { entries: [directory('d'), file('d/below', 'below'), file('old', 'old')] },
    { entries: [whiteout('old'), directory('d'), opaque('d')] },
  ],
})
const appName = 'registry.example/app:1'
const units = 'usr/share/containers/systemd'
const os = bootableImage({
  version: 1,
  extraEntries: [
    ...dirs('usr/share/containers', units, 'usr/lib/bootc/bound-images.d'),
    file(`${units}/app.image`, `[Image]\nImage=${appName}\n`),
    symlink('usr/lib/bootc/bound-images.d/app.image', `/${units}/app.image`),
  ],
})
const osName = 'registry.example/os:1'

/** Whoever runs the tests. */
const nobody: Host = (() => {
  const host = nodeHost({ live: false, arch: 'amd64' })
  return { ...host, supports: { ...host.supports, root: false, loop: false, mount: false } }
})()

test.skipIf(absent.length > 0)(
  'bound images with whiteouts are in a disk that is made without root',
  async () => {
    const at = await mkdtemp(join(tmpdir(), 'bootc-sdk-bound-disk-'))
    onTestFinished(() => rm(at, { recursive: true, force: true }))
    const path = join(at, 'disk.raw')
    const { disk } = await installToImage({
      parts: {
        transports: [memoryTransport({ [osName]: os, [appName]: app })],
        stores: [ostreeBackend()],
        bootloaders: [grubBootloader()],
        boundImages: boundImageStorage(),
      },
      host: nobody,
      install: {
        source: { image: parseImageReference(`docker://${osName}`), signature: { kind: 'insecure' } },
        store: 'ostree',
        bootloader: 'none',
        boundImages: 'pull',
      },
      output: { path },
    })
    const root = disk.partitions.find(({ role }) => role === 'root')!
    const debugfs = (command: string) =>
      spawnSync('debugfs', ['-R', command, `${path}?offset=${root.startBytes}`], { env, encoding: 'utf8' })
        .stdout
    const storage = '/ostree/bootc/storage/overlay'
    const layers = [...debugfs(`ls -p ${storage}`).matchAll(/\/([0-9a-f]{64})\//g)].map(([, id]) => id!)
    const top = layers.find(
      (id) =>
        debugfs(`ls -p ${storage}/${id}/diff`).includes('/old/') &&
        !debugfs(`cat ${storage}/${id}/diff/old`).includes('old'),
    )
    expect(layers).toHaveLength(2)
    expect(debugfs(`stat ${storage}/${top}/diff/old`)).toMatch(
      /Type: character special[^]*Device major\/minor number: 00:00/,
    )
    expect(debugfs(`ea_list ${storage}/${top}/diff/d`)).toMatch(/overlay.opaque \(1\)/)
  },
)
