import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { BootcError, isBootcError, type Warning } from '@bootc-sdk/core'
import {
  bootPartitions,
  furtherEsps,
  lsblkArguments,
  mountAt,
  nodeHost,
  type BootPartition,
} from '@bootc-sdk/core/node'

/**
 * Which volumes a command has to see. `needed`: one with boot entries, where none is mounted; `all`: every EFI
 * system partition of the machine.
 */
export type VolumeWish = 'needed' | 'all'

/** A volume that is not mounted, and where it goes. */
export interface VolumeToMount {
  readonly device: string
  readonly target: string
  readonly readOnly: boolean
}

/** Boot volumes of the running system that a command needs and nothing has mounted. */
export async function volumesToMount(wish: VolumeWish): Promise<VolumeToMount[]> {
  if (wish === 'needed' && entriesAreMounted()) return []
  const root = mountAt('/sysroot') ?? mountAt('/')
  if (root === undefined) return []
  try {
    const { code, stdout } = await nodeHost().run(lsblkArguments)
    return code === 0 ? chooseVolumes(bootPartitions(stdout, root), wish) : []
  } catch (error) {
    // Without lsblk only what is mounted is known.
    if (isBootcError(error, 'HOST_NO_PROGRAM') || isBootcError(error, 'HOST_DOCUMENT_INVALID')) return []
    throw error
  }
}

/** Of the partitions to boot from those that are to be mounted, for a wish. */
export function chooseVolumes(partitions: readonly BootPartition[], wish: VolumeWish): VolumeToMount[] {
  const waiting = partitions.filter(
    ({ mountPoints, fsType }) => mountPoints.length === 0 && (fsType ?? 'vfat') === 'vfat',
  )
  return waiting.flatMap(({ role, device, readOnly }) => {
    const name = device.slice(device.lastIndexOf('/') + 1)
    if (role === 'esp') return [{ device, target: `${furtherEsps}/${name}`, readOnly }]
    // Loaders that read an extended boot partition are on an ESP, and updating them takes no entries.
    return wish === 'needed' ? [{ device, target: '/boot', readOnly }] : []
  })
}

/** Where boot entries of a running system may be. Those of unified kernel images need the ESP beside them. */
function entriesAreMounted(): boolean {
  const loaders = ['/boot/loader', '/sysroot/boot/loader', '/efi/loader', '/boot/efi/loader']
  return loaders.some((path) => existsSync(path))
}

/**
 * Mount them, in the namespace of this process.
 *
 * @returns a warning for each that could not be
 * @throws BootcError `SYSROOT_BOOT_VOLUME` when what is needed could not be
 */
export function mountVolumes(volumes: readonly VolumeToMount[], wish: VolumeWish): Warning[] {
  const warnings: Warning[] = []
  for (const { device, target, readOnly } of volumes) {
    mkdirSync(target, { recursive: true, mode: 0o700 })
    const options = `nosuid,nodev,noexec,umask=0077${readOnly ? ',ro' : ''}`
    const { status, stderr, error } = spawnSync('mount', ['-t', 'vfat', '-o', options, device, target], {
      encoding: 'utf8',
    })
    if (status === 0) continue
    const why = error?.message ?? stderr.trim()
    const message = `boot volume ${device} cannot be mounted: ${why}`
    warnings.push({ code: 'boot:volume-skipped', message, details: { device } })
  }
  if (wish === 'needed' && volumes.length > 0 && warnings.length === volumes.length) {
    const { message, details } = warnings[0]!
    throw new BootcError('SYSROOT_BOOT_VOLUME', message, { details: { ...details } })
  }
  return warnings
}
