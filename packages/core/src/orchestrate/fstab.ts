import type { Dir } from '../interfaces/index.js'
import { readText } from '../store-kit/read-text.js'
import type { BootMount } from './install-types.js'

/** Have /boot mounted read-only from a file system of its own: `SPEC /boot auto ro 0 0` in fstab. */
export async function addBootMount(etc: Dir, mount: BootMount): Promise<void> {
  const found = await etc.stat('fstab')
  const text = (await readText(etc, 'fstab')) ?? ''
  const separator = text === '' || text.endsWith('\n') ? '' : '\n'
  const mode = found?.type === 'file' ? found.mode : 0o644
  await etc.write('fstab', Buffer.from(`${text}${separator}${fstabLine(mount)}\n`), { mode })
}

function fstabLine({ source, fsType = 'auto', options }: BootMount): string {
  const all = options === undefined ? 'ro' : `${options},ro`
  return `${source} /boot ${fsType} ${all} 0 0`
}

/**
 * What an fstab mounts at /boot by UUID: other names may mean another device when a new system boots.
 *
 * @param text fstab(5)
 */
export function bootMountOf(text: string): BootMount | undefined {
  for (const line of text.split('\n')) {
    const [source = '', target, fsType = 'auto', options] = line.trim().split(/\s+/)
    if (source.startsWith('#') || target !== '/boot') continue
    if (!source.startsWith('UUID=')) return undefined
    return { source, fsType, ...(options === undefined ? {} : { options }) }
  }
  return undefined
}

/**
 * Does a line of an fstab have a directory mounted at boot? As systemd's generator reads it, and the initramfs program of
 * ours (`fstab_mounts`).
 *
 * @param text fstab(5)
 */
export function mountsAtBoot(text: string, directory: string): boolean {
  return text.split('\n').some((line) => {
    const [source = '', target, , options = ''] = line.trim().split(/\s+/)
    if (source === '' || source.startsWith('#')) return false
    return (target === directory || target === `${directory}/`) && !options.split(',').includes('noauto')
  })
}
