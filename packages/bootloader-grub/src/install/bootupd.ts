import { isBootcError } from '@bootc-sdk/core'
import type { OpOptions, ReadTree, Sysroot } from '@bootc-sdk/core'
import { isDirectory } from '@bootc-sdk/core/boot-kit'

/** Does the image bring what bootupd installs? */
export async function bringsBootupd(tree: ReadTree): Promise<boolean> {
  return isDirectory(tree, 'usr/lib/bootupd/updates')
}

/**
 * Have bootupd install what the image brings: only onto a mounted target, for it finds the disks behind that by
 * itself. It writes its static configuration, which reads entries by blscfg.
 *
 * @returns why it was not done; undefined when it was
 */
export async function runBootupd(
  { host, root }: Sysroot,
  tree: ReadTree & { readonly hostPath?: string },
  { firmwareVariables, signal }: OpOptions & { readonly firmwareVariables: boolean },
): Promise<string | undefined> {
  if (root.hostPath === undefined || tree.hostPath === undefined) return 'the target is not mounted'
  if (!host.supports.root) return 'only root can run bootupctl'
  const run = async (argv: readonly string[]) =>
    host.run(argv, { signal }).catch((error: unknown) => {
      if (isBootcError(error, 'HOST_NO_PROGRAM')) return { code: 127, stdout: '', stderr: 'not found' }
      throw error
    })
  if ((await run(['findmnt', '--noheadings', '--mountpoint', root.hostPath])).code !== 0) {
    return 'the target is a directory, not a mounted file system'
  }
  const result = await run([
    ...['bootupctl', 'backend', 'install', '--write-uuid'],
    ...(firmwareVariables ? ['--update-firmware', '--auto'] : []),
    ...['--src-root', tree.hostPath, '--filesystem', root.hostPath, root.hostPath],
  ])
  if (result.code === 0) return undefined
  return result.code === 127
    ? 'bootupctl is missing'
    : (result.stderr.trim().split('\n').at(-1) ?? 'it failed')
}
