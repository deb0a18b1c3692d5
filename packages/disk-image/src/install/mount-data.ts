import type { Dir, ReadTree, Xattr } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/store-kit'
import { invalidDisk, unsupportedDisk } from '../errors.js'
import type { PlannedPartition } from '../plan/plan-disk.js'

const growFileSystem = 59

/**
 * Have the system mount its data partitions: lines in the fstab of its /etc, which upgrades keep as a local change. Not by the
 * type of the partition, since systemd takes for /var only what has the number of the machine in its name.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID` where the image's own fstab has the place already
 */
export async function addDataMounts(
  etc: Dir,
  parts: readonly PlannedPartition[],
  /** Of a new fstab. */
  label: readonly Xattr[],
): Promise<void> {
  if (parts.length === 0) return
  const found = await etc.stat('fstab')
  if (found !== undefined && found.type !== 'file') throw invalidDisk('/etc/fstab', `is a ${found.type}`)
  const text = (await readText(etc, 'fstab')) ?? ''
  const taken = new Set(
    text.split('\n').map((line) =>
      line
        .trim()
        .split(/\s+/)[1]
        ?.replace(/(.)\/+$/, '$1'),
    ),
  )
  for (const { mountPoint } of parts) {
    if (taken.has(mountPoint))
      throw invalidDisk(`partition for ${mountPoint}`, 'fstab of the image has another')
  }
  const lines = [...parts].sort((a, b) => (a.mountPoint! < b.mountPoint! ? -1 : 1)).map(fstabLine)
  const separator = text === '' || text.endsWith('\n') ? '' : '\n'
  const { mode, uid, gid } = found ?? { mode: 0o644, uid: 0, gid: 0 }
  const xattrs = found === undefined ? label : await etc.xattrs('fstab')
  await etc.write('fstab', Buffer.from(`${text}${separator}${lines.join('')}`), { mode, uid, gid, xattrs })
}

function fstabLine({ mountPoint, fs, attributeBits }: PlannedPartition): string {
  const options = attributeBits.includes(growFileSystem) ? 'defaults,x-systemd.growfs' : 'defaults'
  // The others are not checked at boot.
  const pass = fs!.type === 'ext4' ? 2 : 0
  return `UUID=${fs!.uuid} ${mountPoint} ${fs!.type} ${options} 0 ${pass}\n`
}

/**
 * People say /home, and images have a link there.
 *
 * @throws BootcError `SYSROOT_DISK_UNSUPPORTED`
 */
export async function assertHomeInVar(image: Pick<ReadTree, 'stat' | 'readlink'>): Promise<void> {
  const link = (await image.stat('home'))?.type === 'symlink' ? await image.readlink('home') : undefined
  if (link !== undefined && /^(\.?\/)?var\/home\/?$/.test(link)) return
  throw unsupportedDisk('partition for /home', '/home of the image is no link to var/home')
}
