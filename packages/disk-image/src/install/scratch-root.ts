import { mkdir } from 'node:fs/promises'
import type { Dir, Host } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { hostSource, recordedSource } from '../host-source.js'
import { recordingDir } from '../record/recording-dir.js'
import type { PackSource } from '../scan-tree.js'
import { scratchDir } from './scratch-dir.js'

/** A directory that becomes a file system with owners. */
export interface ScratchRoot {
  readonly dir: Dir
  /** To be called when it is filled. */
  source(): Promise<PackSource>
}

/**
 * Root sets owners and attributes on the files themselves, which is faster, wherever the directory adds none of its own
 * (labels of SELinux, default ACLs, an inherited group); for everybody else they are noted. The disk is the same.
 */
export async function scratchRoot(path: string, host: Host): Promise<ScratchRoot> {
  await mkdir(path, { mode: 0o755 })
  const plain = nodeDir(path)
  if (host.supports.root && (await keepsAll(plain))) {
    await plain.setMeta('', { mode: 0o755, uid: 0, gid: 0 })
    return { dir: scratchDir(plain), source: () => hostSource(plain, host) }
  }
  const recording = await recordingDir(plain)
  await recording.setMeta('', { mode: 0o755 })
  return { dir: scratchDir(recording), source: () => Promise.resolve(recordedSource(recording)) }
}

/** Names of the kinds that images have; the value is a capability set that is empty. */
const probes = [
  { name: 'security.capability', value: Buffer.from(`01000002${'00'.repeat(16)}`, 'hex') },
  { name: 'user.probe', value: Buffer.from('x') },
]

/** Can everything that a store sets be set here, and is nothing there that nobody set? */
async function keepsAll(dir: Dir): Promise<boolean> {
  const { xattrs, chown, hardlink, symlink, immutable } = dir.supports
  if (!xattrs || !chown || !hardlink || !symlink || !immutable || dir.setImmutable === undefined) return false
  try {
    await dir.mkdir('probe', { mode: 0o700 })
    await dir.write('probe/file', Buffer.from('x'), {
      mode: 0o4755,
      uid: 70_000,
      gid: 70_001,
      xattrs: probes,
    })
    await dir.mkdir('probe/plain')
    await dir.setImmutable('probe/plain', true)
    const file = await dir.stat('probe/file')
    const plain = await dir.stat('probe/plain')
    const names = (await dir.xattrs('probe/file')).map(({ name }) => name)
    return (
      file?.uid === 70_000 &&
      file.gid === 70_001 &&
      file.mode === 0o4755 &&
      names.join() === 'security.capability,user.probe' &&
      plain?.uid === 0 &&
      plain.gid === 0 &&
      (await dir.xattrs('probe/plain')).length === 0
    )
  } catch {
    return false
  } finally {
    await dir.remove('probe')
  }
}
