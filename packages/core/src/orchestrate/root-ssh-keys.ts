import type { Dir, ReadTree } from '../interfaces/index.js'

/**
 * Have systemd-tmpfiles give root these keys at the next boot, where there are none: root's home may lie in /var,
 * which is no part of a deployment.
 *
 * @param text of an `authorized_keys` file
 * @see bootc 1.16.9 crates/lib/src/install/osconfig.rs
 */
export async function addRootSshKeys(
  root: Pick<ReadTree, 'stat' | 'readlink'>,
  etc: Dir,
  text: string,
): Promise<void> {
  const isLink = (await root.stat('root'))?.type === 'symlink'
  const home = isLink ? (await root.readlink('root')).replace(/^\/+/, '') : 'root'
  const line = `f~ /${home}/.ssh/authorized_keys 600 root root - ${Buffer.from(text).toString('base64')}\n`
  if ((await etc.stat('tmpfiles.d')) === undefined) await etc.mkdir('tmpfiles.d', { mode: 0o755 })
  await etc.write('tmpfiles.d/bootc-root-ssh.conf', Buffer.from(line), { mode: 0o644 })
}
