import type { InstallResult, ReadTree, Sysroot, Xattr } from '@bootc-sdk/core'
import { openBootc } from '@bootc-sdk/core'
import { loadLabeler } from '@bootc-sdk/core/selinux'
import { applyCustomizations } from '../customize/apply.js'
import { unsupportedDisk } from '../errors.js'
import type { PlannedPartition } from '../plan/plan-disk.js'
import { type Carved, carveData } from './carve-data.js'
import { addDataMounts, assertHomeInVar } from './mount-data.js'
import type { InstallToImageOptions } from './types.js'

const typeBits = { file: 0o100000, directory: 0o040000 } as const

export interface InstalledSystem {
  readonly installed: InstallResult
  readonly epoch: number
  /** Of role `data`. */
  readonly data: readonly PlannedPartition[]
}

/**
 * Users, keys, host name and files into the deployment that is on the sysroot, labelled as its policy says; then parts of its
 * /var out of it that get partitions of their own.
 */
export async function customizeInstalled(
  sysroot: Sysroot,
  options: InstallToImageOptions,
  { installed, epoch, data }: InstalledSystem,
): Promise<Carved> {
  const { customizations, parts, disk } = options
  if (customizations === undefined && data.length === 0) return new Map()
  const bootc = await openBootc({ ...parts, sysroot })
  const { deployments } = await bootc.store(installed.store)
  const varPath = await deployments.varDir?.(installed.deployment)
  if (varPath === undefined) throw unsupportedDisk('customizations', `store ${installed.store} has no /var`)
  const image = await deployments.root(installed.deployment)
  const wished = [...(disk?.data ?? []), ...(customizations?.filesystems ?? [])]
  if (wished.some(({ mountPoint }) => mountPoint === '/home')) await assertHomeInVar(image)
  if (data.some(({ mountPoint }) => mountPoint === '/var')) {
    const store = parts.stores.find(({ name }) => name === installed.store)
    const [note] = (await store?.ownVarNotes?.(image)) ?? []
    if (note !== undefined) throw unsupportedDisk('partition for /var', note.message)
  }
  const xattrsOf = await labelsOf(image)
  await using lock = await sysroot.lock()
  const etc = await deployments.etc(installed.deployment, lock)
  if (customizations !== undefined) {
    await applyCustomizations(customizations, {
      etc,
      var: sysroot.root.sub(varPath),
      image,
      xattrsOf,
      epoch,
    })
  }
  await addDataMounts(etc, data, xattrsOf('etc/fstab', 'file'))
  return carveData(sysroot, data, { varPath, xattrsOf })
}

/** Attributes of what is made in a system of this image, by path as `etc/hostname`. */
async function labelsOf(
  image: ReadTree,
): Promise<(path: string, type: 'file' | 'directory') => readonly Xattr[]> {
  const labeler = await loadLabeler(image)
  return (path, type) => {
    const label = labeler?.label(`/${path}`, typeBits[type])
    return label === undefined ? [] : [{ name: 'security.selinux', value: Buffer.from(`${label}\0`) }]
  }
}
