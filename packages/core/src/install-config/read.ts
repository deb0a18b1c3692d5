import { BootcError } from '../errors.js'
import type { ReadTree, Warning } from '../interfaces/index.js'
import { compareNames, joinPath } from '../names/index.js'
import { followPath, readSmall } from '../store-kit/index.js'
import { configError } from './fields.js'
import { mergeInstallConfigs } from './merge.js'
import { parseInstallConfig } from './parse.js'
import type { InstallConfig } from './types.js'

type ConfigTree = Pick<ReadTree, 'stat' | 'list' | 'read' | 'readlink'>

/** A directory of `*.toml` files in some tree. */
export interface ConfigDirectory {
  readonly tree: ConfigTree
  readonly path: string
}

export interface LoadedInstallConfig {
  /** Undefined where no file says anything. */
  readonly config: InstallConfig | undefined
  /** As absolute paths, in the order in which they count. */
  readonly files: readonly string[]
  readonly warnings: readonly Warning[]
}

const bases = ['usr/lib', 'usr/local/lib', 'etc', 'run'] as const

/**
 * Where bootc looks, in one root; later directories win. In an image that was made a commit /etc is /usr/etc.
 */
export async function installConfigDirectories(tree: ConfigTree): Promise<ConfigDirectory[]> {
  const hasEtc = (await tree.stat('etc'))?.type === 'directory'
  return bases.map((base) => ({
    tree,
    path: `${base === 'etc' && !hasEtc ? 'usr/etc' : base}/bootc/install`,
  }))
}

/**
 * Installation settings: in every directory files by name, a name in a later directory replaces that of an earlier
 * one, a link to `/dev/null` takes it away; then merged in the order of names.
 *
 * @param arch of the machine to be installed
 * @throws BootcError `IMAGE_INSTALL_CONFIG`
 * @see bootc 1.16.9 crates/lib/src/install/config.rs; liboverdrop
 */
export async function readInstallConfig(
  directories: readonly ConfigDirectory[],
  arch: string,
): Promise<LoadedInstallConfig> {
  const files = new Map<string, { tree: ConfigTree; path: string }>()
  for (const { tree, path: directory } of directories) {
    for (const name of await tomlFiles(tree, directory)) {
      const path = joinPath(directory, name)
      const target = await followLinks(tree, path)
      if (await isMask(tree, path)) files.delete(name)
      else if (target !== undefined) files.set(name, { tree, path: target })
    }
  }
  const warnings: Warning[] = []
  const configs: InstallConfig[] = []
  const read: string[] = []
  for (const name of [...files.keys()].sort(compareNames)) {
    const { tree, path } = files.get(name)!
    const parsed = parseInstallConfig(await readUtf8(tree, path), `/${path}`)
    read.push(`/${path}`)
    warnings.push(...parsed.warnings)
    if (parsed.config !== undefined) configs.push(parsed.config)
  }
  return { config: mergeInstallConfigs(configs, arch), files: read, warnings }
}

async function tomlFiles(tree: ConfigTree, directory: string): Promise<string[]> {
  // A link on the way leads nowhere here.
  for (let at = directory.indexOf('/'); at > 0; at = directory.indexOf('/', at + 1)) {
    if ((await tree.stat(directory.slice(0, at)))?.type !== 'directory') return []
  }
  if ((await tree.stat(directory))?.type !== 'directory') return []
  const names: string[] = []
  for await (const { name } of tree.list(directory)) {
    if (name.endsWith('.toml') && !name.startsWith('.')) names.push(name)
  }
  return names
}

/** The regular file that a name leads to; undefined for what is none. Links stay in the tree. */
async function followLinks(tree: ConfigTree, path: string): Promise<string | undefined> {
  const target = await followPath(tree, path)
  return target !== undefined && (await tree.stat(target))?.type === 'file' ? target : undefined
}

async function isMask(tree: ConfigTree, path: string): Promise<boolean> {
  return (await tree.stat(path))?.type === 'symlink' && (await tree.readlink(path)) === '/dev/null'
}

async function readUtf8(tree: ConfigTree, path: string): Promise<string> {
  const data = await readSmall(tree, path).catch((error: unknown) => {
    if (!(error instanceof BootcError)) throw error
    throw configError(`/${path}`, error.message, {}, error)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data)
  } catch (cause) {
    throw configError(`/${path}`, 'is not UTF-8', {}, cause)
  }
}
