import { isBootcError } from '@bootc-sdk/core'
import type { Host, LoaderInstallOptions, LoaderProgram, OpOptions, ReadTree, Sysroot } from '@bootc-sdk/core'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { bootupdPrograms } from './bootupd-status.js'

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
  options: OpOptions & Required<Pick<LoaderInstallOptions, 'firmwareVariables' | 'skipBootUuid'>>,
): Promise<string | undefined> {
  const { firmwareVariables, skipBootUuid, signal } = options
  if (root.hostPath === undefined || tree.hostPath === undefined) return 'the target is not mounted'
  if (!host.supports.root) return 'only root can run bootupctl'
  const run = (argv: readonly string[]) => runProgram(host, argv, signal)
  if ((await run(['findmnt', '--noheadings', '--mountpoint', root.hostPath])).code !== 0) {
    return 'the target is a directory, not a mounted file system'
  }
  const result = await run([
    ...['bootupctl', 'backend', 'install', skipBootUuid ? '--with-static-configs' : '--write-uuid'],
    ...(firmwareVariables ? ['--update-firmware', '--auto'] : []),
    ...['--src-root', tree.hostPath, '--filesystem', root.hostPath, root.hostPath],
  ])
  return whyNot(result)
}

/** Did bootupd install what is there? Then updates are its own. */
export async function isBootupds({ boot }: Sysroot): Promise<boolean> {
  return (await boot.dir.stat('bootupd-state.json'))?.type === 'file'
}

/** @returns as `runBootupd` */
export async function updateByBootupd(
  { host, live }: Sysroot,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (!live) return 'it updates only the running system'
  return whyNot(await runProgram(host, ['bootupctl', 'update'], signal))
}

/** What it says of components that it installed; empty where it cannot be asked. */
export async function programsOfBootupd(sysroot: Sysroot): Promise<LoaderProgram[]> {
  if (!sysroot.live || !(await isBootupds(sysroot))) return []
  const { code, stdout } = await runProgram(sysroot.host, ['bootupctl', 'status', '--json'], undefined)
  return code === 0 ? bootupdPrograms(stdout) : []
}

function whyNot({ code, stderr }: { readonly code: number; readonly stderr: string }): string | undefined {
  if (code === 0) return undefined
  return code === 127 ? 'bootupctl is missing' : stderr.trim().split('\n').at(-1) || 'it failed'
}

async function runProgram(host: Host, argv: readonly string[], signal: AbortSignal | undefined) {
  return host.run(argv, { signal }).catch((error: unknown) => {
    if (isBootcError(error, 'HOST_NO_PROGRAM')) return { code: 127, stdout: '', stderr: 'not found' }
    throw error
  })
}
