import { canonicalJson } from '../oci/index.js'
import type { InstallConfig } from './types.js'

/**
 * What `bootc install print-configuration` writes: canonical JSON without a line end, `null` for what is not set.
 * Kernel arguments, which `to-filesystem` handles itself, are left out unless `all`.
 */
export function printInstallConfig(
  config: InstallConfig | undefined,
  { all = false }: { readonly all?: boolean } = {},
): string {
  const { filesystem, ostree, bootupd, ...rest } = config ?? {}
  return canonicalJson({
    'root-fs-type': rest.rootFsType ?? null,
    block: rest.block ?? null,
    filesystem: filesystem === undefined ? null : { root: rootOf(filesystem) },
    ...(all ? { kargs: rest.kargs, 'karg-deletes': rest.kargDeletes } : {}),
    'match-architectures': rest.matchArchitectures ?? null,
    ostree: ostree === undefined ? null : { 'bls-append-except-default': ostree.blsAppendExceptDefault },
    stateroot: rest.stateroot ?? null,
    'root-mount-spec': rest.rootMountSpec ?? null,
    'boot-mount-spec': rest.bootMountSpec ?? null,
    bootupd: bootupd === undefined ? null : { 'skip-boot-uuid': bootupd.skipBootUuid ?? null },
    bootloader: rest.bootloader ?? null,
    'discoverable-partitions': rest.discoverablePartitions ?? null,
    'enforce-container-sigpolicy': rest.enforceContainerSigpolicy ?? null,
  })
}

function rootOf({ root }: NonNullable<InstallConfig['filesystem']>): { type: string | null } | null {
  return root === undefined ? null : { type: root.type ?? null }
}
