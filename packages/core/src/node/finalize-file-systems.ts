import { realpathSync } from 'node:fs'
import type { OpOptions, Sysroot, Warning } from '../interfaces/index.js'
import { mountAt } from './mounts.js'

/**
 * Prepare file systems for their first boot: give unused blocks back to the device, remount read-only, which reports
 * errors of writing in the background, and flush the journal by freezing. What is no mount point is left alone, what
 * does not work is a warning: nothing of the system depends on it.
 *
 * @see bootc 1.16.9 crates/lib/src/install.rs, finalize_filesystem
 */
export async function finalizeFileSystems(sysroot: Sysroot, options: OpOptions = {}): Promise<Warning[]> {
  const warnings: Warning[] = []
  if (!sysroot.host.supports.root) return warnings
  for (const path of mountPoints(sysroot)) {
    const isFat = mountAt(path)?.fsType === 'vfat'
    const steps: readonly (readonly string[])[] = [
      ['fstrim', '--quiet-unsupported', path],
      ['mount', '-o', 'remount,ro', path],
      // FAT has no journal.
      ...(isFat ? [] : [['fsfreeze', '--freeze', path] as const]),
    ]
    for (const argv of steps) {
      options.signal?.throwIfAborted()
      const problem = await tryRun(sysroot, argv)
      if (problem !== undefined) {
        const message = `${argv[0]} of ${path} was skipped: ${problem}`
        warnings.push({ code: 'install:finalize-skipped', message, details: { path, program: argv[0] } })
      } else if (argv[0] === 'fsfreeze') {
        // Nothing may come between the two.
        await tryRun(sysroot, ['fsfreeze', '--unfreeze', path])
      }
    }
  }
  return warnings
}

/** Deepest first: what is mounted on another is done before it. */
function mountPoints({ root, boot, esps }: Sysroot): string[] {
  const paths = [...esps.map(({ dir }) => dir.hostPath), boot.dir.hostPath, root.hostPath].flatMap((path) => {
    if (path === undefined) return []
    try {
      const real = realpathSync(path)
      return mountAt(real) === undefined ? [] : [real]
    } catch {
      return []
    }
  })
  return [...new Set(paths)].sort((a, b) => b.length - a.length)
}

async function tryRun({ host }: Sysroot, argv: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stderr } = await host.run(argv)
    return code === 0 ? undefined : stderr.trim().split('\n')[0] || `exit code ${code}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
