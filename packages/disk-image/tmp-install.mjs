import { mkdir, writeFile } from 'node:fs/promises'
import { openBootc, parseImageReference } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { defaultTransports } from '@bootc-sdk/core/transports'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import {
  hostFormatters,
  packDisk,
  packingSysroot,
  printOwners,
  recordedSource,
  recordingDir,
} from '@bootc-sdk/disk-image'
const [, , image, work, out, storeName = 'ostree', espPath] = process.argv
await mkdir(work + '/root', { recursive: true })
await mkdir(work + '/run', { recursive: true })
const host = nodeHost({ live: false, arch: 'amd64' })
const root = await recordingDir(nodeDir(work + '/root'))
const esp = espPath && nodeDir(espPath)
const sysroot = await packingSysroot({ root, run: nodeDir(work + '/run'), host, ...(esp ? { esp } : {}) })
console.log('uid', process.getuid())
let t = performance.now()
const lap = (what) => {
  console.log(what, ((performance.now() - t) / 1000).toFixed(1), 's')
  t = performance.now()
}
const bootc = await openBootc({
  sysroot,
  transports: defaultTransports({}),
  stores: [ostreeBackend(), composefsBackend({ allowMissingVerity: true })],
  bootloaders: [grubBootloader()],
})
const r = await bootc.install({
  source: { signature: { kind: 'insecure' }, image: parseImageReference(image) },
  store: storeName,
  kargs: { root: ['root=LABEL=root', 'rw', ...(process.env.KARGS ?? '').split(' ').filter(Boolean)] },
})
console.log(r.deployment, r.kargs, r.warnings)
lap('install')
const owners = await root.owners()
await writeFile(work + '/owners', printOwners(owners))
console.log(owners.size, 'records')
lap('owners')
const p = await packDisk({
  disk: { architecture: 'amd64', bootMode: 'uefi', rootFs: 'ext4', seed: r.image.manifestDigest },
  sources: { root: recordedSource(root), ...(esp ? { esp: { tree: esp, contentPath: esp.hostPath } } : {}) },
  formatters: hostFormatters(host),
  format: out.endsWith('qcow2') ? 'qcow2' : 'raw',
  outPath: out,
})
console.log(p.entries, JSON.stringify(p.plan))
lap('pack')
