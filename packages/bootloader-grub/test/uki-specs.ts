import type { BootSpec } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { tinyUki } from './qemu/tiny-uki.js'

/** Of an image by its letter. */
export const idOf = (letter: string) => letter.repeat(128)

/** Unified kernel images, one a letter, first = default. */
export async function ukiSpecs(letters: string, count?: BootSpec['count']): Promise<BootSpec[]> {
  const tree = memoryDir()
  const list: BootSpec[] = []
  for (const [index, letter] of [...letters].entries()) {
    const cmdline = `root=UUID=0d composefs=${idOf(letter)}`
    const data = tinyUki(cmdline)
    await tree.write(`${letter}.efi`, data)
    await tree.write('debug.addon.efi', Buffer.from('addon'))
    const addon = { name: 'debug.addon.efi', tree, path: 'debug.addon.efi', sizeBytes: 5 }
    const image = {
      name: `bootc_composefs-${idOf(letter)}.efi`,
      tree,
      path: `${letter}.efi`,
      sizeBytes: data.length,
    }
    list.push({
      ...{ id: idOf(letter), title: `Edge OS ${letter}`, version: '1', osId: 'edge', entrySet: 'exchange' },
      artifact: {
        ...{ kind: 'uki', bootDigest: `sha256:${letter.repeat(64)}`, dir: 'EFI/Linux/bootc', cmdline },
        ...{ image, addons: [addon] },
      },
      ...{ rootKargs: [], kargs: [] },
      ...(index === 0 && count !== undefined ? { count } : {}),
    })
  }
  return list
}
