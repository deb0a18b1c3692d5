import type { InstallResult, Sysroot, Xattr } from '@bootc-sdk/core'
import { openBootc } from '@bootc-sdk/core'
import { loadLabeler } from '@bootc-sdk/core/selinux'
import { applyCustomizations } from '../customize/apply.js'
import { unsupportedDisk } from '../errors.js'
import type { InstallToImageOptions } from './types.js'

const typeBits = { file: 0o100000, directory: 0o040000 } as const

/** Users, keys, host name and files into the deployment that is on the sysroot, labelled as its policy says. */
export async function customizeInstalled(
  sysroot: Sysroot,
  options: InstallToImageOptions,
  { installed, epoch }: { readonly installed: InstallResult; readonly epoch: number },
): Promise<void> {
  const { customizations, parts } = options
  if (customizations === undefined) return
  const bootc = await openBootc({ ...parts, sysroot })
  const { deployments } = await bootc.store(installed.store)
  const varPath = await deployments.varDir?.(installed.deployment)
  if (varPath === undefined) throw unsupportedDisk('customizations', `store ${installed.store} has no /var`)
  const image = await deployments.root(installed.deployment)
  const labeler = await loadLabeler(image)
  const xattrsOf = (path: string, type: 'file' | 'directory'): readonly Xattr[] => {
    const label = labeler?.label(`/${path}`, typeBits[type])
    return label === undefined ? [] : [{ name: 'security.selinux', value: Buffer.from(`${label}\0`) }]
  }
  await using lock = await sysroot.lock()
  const etc = await deployments.etc(installed.deployment, lock)
  await applyCustomizations(customizations, {
    etc,
    var: sysroot.root.sub(varPath),
    image,
    xattrsOf,
    epoch,
  })
}
