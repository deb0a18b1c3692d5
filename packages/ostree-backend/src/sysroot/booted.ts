import type { Host, ReadTree, Sysroot } from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import { decodeDict } from '../format/variant-dict.js'
import { rootPath, type DeploymentName } from './layout.js'
import { readSmall } from '@bootc-sdk/core/store-kit'

/** Written by ostree-prepare-root in the initramfs. */
const bootedPath = 'ostree-booted'
/** Written when a soft reboot was prepared; becomes `ostree-booted` afterwards. */
export const nextRootPath = 'ostree/nextroot-booted'

export interface DeviceInode {
  readonly dev: bigint
  readonly ino: bigint
}

/** Find the deployment that is the running root, by device and inode number. */
export async function runningDeployment(
  sysroot: Sysroot,
  names: readonly DeploymentName[],
): Promise<DeploymentName | undefined> {
  if (!sysroot.live) return undefined
  const bytes = await readSmall(sysroot.run, bootedPath)
  if (bytes === undefined) return undefined
  return byInode(sysroot.root, names, backingInode(bytes) ?? (await inodeOfRoot(sysroot.host)))
}

/** The deployment that a prepared soft reboot would start. */
export async function softRebootTarget(
  sysroot: Sysroot,
  names: readonly DeploymentName[],
): Promise<DeploymentName | undefined> {
  if (!sysroot.live) return undefined
  const bytes = await readSmall(sysroot.run, nextRootPath)
  return bytes === undefined ? undefined : byInode(sysroot.root, names, backingInode(bytes))
}

/**
 * `backing-root-device-inode` of such a file: where the root comes from when it is not the deployment directory
 * itself (composefs). Undefined for an empty file and for older versions.
 */
export function backingInode(bytes: Uint8Array): DeviceInode | undefined {
  try {
    const found = decodeDict(bytes, 'ostree-booted').find(([key]) => key === 'backing-root-device-inode')?.[1]
    if (found?.type !== '(tt)') return undefined
    const [dev, ino] = found.value as [bigint, bigint]
    return { dev, ino }
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

async function byInode(
  root: Pick<ReadTree, 'stat'>,
  names: readonly DeploymentName[],
  wanted: DeviceInode | undefined,
): Promise<DeploymentName | undefined> {
  if (wanted === undefined) return undefined
  for (const name of names) {
    const stat = await root.stat(rootPath(name))
    if (stat !== undefined && BigInt(stat.ino) === wanted.ino && BigInt(stat.dev) === wanted.dev) return name
  }
  return undefined
}

/** The sysroot does not show the running `/`; without composefs it is a bind mount of the deployment. */
async function inodeOfRoot(host: Host): Promise<DeviceInode | undefined> {
  try {
    const { code, stdout } = await host.run(['stat', '--format=%d %i', '/'])
    const match = code === 0 ? /^(\d+) (\d+)\s*$/.exec(stdout) : null
    return match === null ? undefined : { dev: BigInt(match[1]!), ino: BigInt(match[2]!) }
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}
