// The example of the README, with the rest that makes it a program: install a system into a directory, then
// upgrade it. Run with `node examples/library.ts DIR IMGREF` (Node 22.18 or later runs TypeScript as it is).
import { openBootc, parseSignedReference } from '@bootc-sdk/core'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { defaultTransports } from '@bootc-sdk/core/transports'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'

const [dir = '/mnt', image = 'ostree-unverified-registry:registry.example/os:stable'] = process.argv.slice(2)

const bootc = await openBootc({
  sysroot: nodeSysroot(dir),
  transports: defaultTransports(),
  stores: [ostreeBackend({ composefs: () => import('@bootc-sdk/composefs-backend/format') })],
  bootloaders: [grubBootloader()],
})
const source = parseSignedReference(image)
await bootc.install({ source, kargs: { extra: ['root=LABEL=root', 'rw'] } })
const { outcome } = await bootc.upgrade({ onProgress: (event) => console.log(event.type) })

console.log(outcome)
