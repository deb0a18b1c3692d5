import type { ReadTree, Warning } from '@bootc-sdk/core'

/** Any of these in an image: its initramfs was probably built with a program that mounts a composefs root. */
const initramfsParts = [
  'usr/lib/bootc/initramfs-setup',
  'usr/lib/dracut/modules.d/51bootc',
  'usr/lib/dracut/modules.d/51bootc-sdk',
] as const

/**
 * What stands against booting a root from this store, for those who plan to move a system to it. The initramfs
 * itself is not opened, so that part is a hint.
 */
export async function bootNotes(tree: ReadTree): Promise<Warning[]> {
  const notes: Warning[] = []
  for (const path of ['boot', 'sysroot']) {
    if ((await tree.stat(path))?.type === 'directory') continue
    notes.push({
      code: 'composefs:directory-missing',
      message: `the image has no /${path}, which a composefs deployment needs; it will be refused`,
      details: { path },
    })
  }
  const found = await Promise.all(initramfsParts.map((path) => tree.stat(path)))
  if (found.every((stat) => stat === undefined)) {
    notes.push({
      code: 'composefs:initramfs',
      message:
        'the image carries no initramfs module for composefs that is known here (bootc, bootc-sdk); without one it does not boot from this store',
    })
  }
  return notes
}
