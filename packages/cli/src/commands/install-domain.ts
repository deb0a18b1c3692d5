import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dir } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { labelXattr, loadLabeler, probeLabels } from '@bootc-sdk/core/selinux'
import { AlreadyRun } from '../io.js'
import type { InstallFlags } from './install-flags.js'
import { runAgain } from './run-again.js'

/** Set in the second run, so that there is no third. */
const marker = 'BOOTC_SDK_INSTALL_DOMAIN'

/** What is asked of the machine, for tests. */
export interface DomainHost {
  /** SELinux is on here. */
  readonly isEnabled: boolean
  readonly isRoot: boolean
  /** Set by a first run. */
  readonly isSecondRun: boolean
  /** Where labels are tried out and the program is copied to. */
  readonly temporary: string
  /** The machine's own root, with its policy. */
  readonly root: Dir
  readonly open: (path: string) => Dir
  run(program: string): Promise<number>
}

const thisMachine = (): DomainHost => ({
  isEnabled: hasSelinux(),
  isRoot: process.geteuid?.() === 0,
  isSecondRun: process.env[marker] !== undefined,
  temporary: tmpdir(),
  root: nodeDir('/'),
  open: nodeDir,
  run: (program) => runAgain([program], marker),
})

/** SELinux of this machine is on, enforcing or not. */
export function hasSelinux(): boolean {
  return existsSync('/sys/fs/selinux/enforce')
}

/**
 * Labels of another system's policy may be written in few domains. Where this process may not, run the command once
 * more by a copy of Node that has the label of /usr/bin/ostree: a policy starts such a program in `install_t`. Where
 * that is not to be had, the installation itself says so, once it knows that the image has a policy.
 *
 * @see bootc 1.16.9 crates/lib/src/lsm.rs, selinux_ensure_install
 * @throws `AlreadyRun` after the second run
 */
export async function enterInstallDomain(
  { disableSelinux = false }: Pick<InstallFlags, 'disableSelinux'>,
  host: DomainHost = thisMachine(),
): Promise<void> {
  if (disableSelinux || !host.isEnabled || !host.isRoot || host.isSecondRun) return
  const temporary = await mkdtemp(join(host.temporary, 'bootc-sdk-install-'))
  let exitCode: number | undefined
  try {
    const dir = host.open(temporary)
    if ((await probeLabels(dir)) === undefined) return
    const label = await installLabel(host.root)
    if (label === undefined || !(await putProgram(dir, temporary, label))) return
    exitCode = await host.run(join(temporary, programName))
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  throw new AlreadyRun(exitCode)
}

const programName = 'node'

async function putProgram(dir: Dir, path: string, label: string): Promise<boolean> {
  await copyFile(process.execPath, join(path, programName))
  try {
    await dir.setMeta(programName, { mode: 0o700, xattrs: [labelXattr(label)] })
    return true
  } catch {
    // Not even a label of this machine's own policy.
    return false
  }
}

/** Of programs that install systems, by the machine's policy. */
async function installLabel(root: Dir): Promise<string | undefined> {
  try {
    return (await loadLabeler(root))?.label('/usr/bin/ostree', 0o100755)
  } catch {
    return undefined
  }
}
