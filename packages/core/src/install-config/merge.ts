import { rustArchitecture } from '../kargs/image-kargs.js'
import { given } from './parse.js'
import type { InstallConfig } from './types.js'

/**
 * Settings of several files, in order: later ones replace, kernel arguments are appended, files for other
 * architectures count as absent. In the end `root-fs-type` and `filesystem.root.type` say the same.
 *
 * @param arch Go's name (`amd64`) or Rust's (`x86_64`)
 * @returns undefined where no file says anything
 */
export function mergeInstallConfigs(
  configs: readonly InstallConfig[],
  arch: string,
): InstallConfig | undefined {
  let merged: InstallConfig | undefined
  for (const config of configs) {
    const architectures = config.matchArchitectures
    if (architectures?.includes(rustArchitecture(arch)) === false) continue
    merged = merged === undefined ? config : mergeTwo(merged, config)
  }
  return merged === undefined ? undefined : canonical(merged)
}

function mergeTwo(before: InstallConfig, after: InstallConfig): InstallConfig {
  const { matchArchitectures: _filter, ...rest } = after
  return {
    ...before,
    ...rest,
    ...given('filesystem', mergeFilesystems(before.filesystem, after.filesystem)),
    ...given('ostree', after.ostree && { ...before.ostree, ...after.ostree }),
    ...given('bootupd', after.bootupd && { ...before.bootupd, ...after.bootupd }),
    ...given('kargs', append(before.kargs, after.kargs)),
    ...given('kargDeletes', append(before.kargDeletes, after.kargDeletes)),
  }
}

function mergeFilesystems(
  before: InstallConfig['filesystem'],
  after: InstallConfig['filesystem'],
): InstallConfig['filesystem'] {
  if (before === undefined || after === undefined) return after ?? before
  return { ...given('root', after.root === undefined ? before.root : { ...before.root, ...after.root }) }
}

function append(before?: readonly string[], after?: readonly string[]): readonly string[] | undefined {
  return before === undefined ? after : [...before, ...(after ?? [])]
}

function canonical(config: InstallConfig): InstallConfig {
  const type = config.filesystem?.root?.type ?? config.rootFsType
  return {
    ...config,
    block: config.block ?? ['direct'],
    ...(type === undefined ? {} : { rootFsType: type, filesystem: { root: { type } } }),
  }
}
