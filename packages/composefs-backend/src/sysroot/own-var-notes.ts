import type { ReadTree, Warning } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/store-kit'
import { readSetupRootConf } from './setup-root-conf.js'

/** Where images have the functions of our initramfs program; from some version on they look into fstab. */
const parsers = [
  'usr/lib/dracut/modules.d/51bootc-sdk/parse.sh',
  'usr/lib/bootc-sdk/initramfs/parse.sh',
] as const

/**
 * An initramfs that mounts the shared /var hides from systemd that fstab means another: that one would never be mounted. Ours
 * leaves it; bootc's does what its configuration says. The initramfs itself is not opened.
 */
export async function ownVarNotes(tree: Pick<ReadTree, 'stat' | 'read'>): Promise<Warning[]> {
  if ((await readSetupRootConf(tree)).var === 'none') return []
  for (const path of parsers) {
    if ((await readText(tree, path))?.includes('fstab_mounts') === true) return []
  }
  return [
    {
      code: 'composefs:own-var',
      message:
        'the initramfs of the image mounts the /var of all deployments, whatever fstab says; build it with the module bootc-sdk, or with mount = "none" below [var] in /usr/lib/composefs/setup-root-conf.toml',
    },
  ]
}
