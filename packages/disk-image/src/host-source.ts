import { resolve } from 'node:path'
import { type EntryType, type Host, isBootcError, type ReadTree } from '@bootc-sdk/core'
import { isUtf8Name, joinPath } from '@bootc-sdk/core/names'
import { getNative } from '@bootc-sdk/core/node'
import { invalidDisk } from './errors.js'
import { deviceNumbers, hasImmutableFlag, hostTree } from './host-tree.js'
import type { RecordingDir } from './record/recording-dir.js'
import type { PackSource } from './scan-tree.js'
import { runTool } from './tools/run-tool.js'

const whiteout = { major: 0, minor: 0 }

/** To pack a directory that was filled through a recording: owners and attributes are those noted. */
export function recordedSource(dir: RecordingDir): PackSource {
  if (dir.contentPath === undefined) throw invalidDisk('source', 'is not a directory of this machine')
  return {
    tree: dir,
    contentPath: dir.contentPath,
    isImmutable: (path) => dir.isImmutable(path),
    deviceOf: async (path) => (await dir.nodeAt(path)) ?? whiteout,
  }
}

/**
 * To pack a directory as it is on disk, owners included: made by root, or of content that belongs to nobody, as an ESP.
 *
 * @param tree its view (`nodeDir(hostPath)`)
 */
export async function hostSource(
  tree: ReadTree & { readonly hostPath?: string },
  host: Pick<Host, 'run'>,
): Promise<PackSource> {
  if (tree.hostPath === undefined) throw invalidDisk('source', 'is not a directory of this machine')
  const contentPath = resolve(tree.hostPath)
  const deviceOf = (path: string) => Promise.resolve(deviceNumbers(contentPath, path))
  const native = getNative()
  if (native !== undefined) {
    const isImmutable = (path: string, type: EntryType) =>
      Promise.resolve(type === 'directory' && hasImmutableFlag(contentPath, path, native))
    return { tree: hostTree(contentPath, native), contentPath, isImmutable, deviceOf }
  }
  const flagged = await immutableDirectories(tree, contentPath, host)
  return { tree, contentPath, isImmutable: (path) => Promise.resolve(flagged.has(path)), deviceOf }
}

/** Flags of directories; those of files are nothing that a store sets. Where there are no flags, none are set. */
async function immutableDirectories(
  tree: ReadTree,
  contentPath: string,
  host: Pick<Host, 'run'>,
): Promise<Set<string>> {
  const paths: string[] = []
  const visit = async (path: string): Promise<void> => {
    if (!path.includes('\n') && isUtf8Name(path)) paths.push(path)
    for await (const { name, stat } of tree.list(path)) {
      if (stat.type === 'directory') await visit(joinPath(path, name))
    }
  }
  await visit('')
  const flagged = new Set<string>()
  for (let i = 0; i < paths.length; i += 1000) {
    const group = new Map(paths.slice(i, i + 1000).map((path) => [`${contentPath}/${path}`, path]))
    const { stdout } = await runTool(host, 'lsattr', ['-d', '--', ...group.keys()]).catch(
      (error: unknown) => {
        if (isBootcError(error, 'HOST_TOOL_FAILED')) return { stdout: '' }
        throw error
      },
    )
    for (const line of stdout.split('\n')) {
      const [, flags = '', shown = ''] = /^(\S+) (.*)$/.exec(line) ?? []
      const path = group.get(shown)
      if (path !== undefined && flags.includes('i')) flagged.add(path)
    }
  }
  return flagged
}
