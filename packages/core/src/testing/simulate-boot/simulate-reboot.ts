import { fakeHost } from '../fake-host.js'
import { memoryDir } from '../memory-dir.js'
import { memorySysroot, type MemoryDisks, type MemorySysroot } from '../memory-sysroot.js'
import { countBoot } from './count-boot.js'
import { countGrubBoot } from './grub-trial.js'
import { simulateBoot, type SimulateBootOptions, type SimulatedBoot } from './simulate-boot.js'

/** Each has an id of its own. */
let boots = 0

/**
 * Start a machine from its disks: what boots, and the running system's sysroot on the same disks with an
 * empty /run, a boot id and a command line of its own. An entry on trial is counted down, as its loader does it.
 *
 * @throws BootFailure
 */
export async function simulateReboot(
  disks: MemoryDisks,
  { arch, ...options }: SimulateBootOptions & { readonly arch?: string } = {},
): Promise<{ boot: SimulatedBoot; sysroot: MemorySysroot }> {
  const off = memorySysroot({ ...disks })
  const boot = await simulateBoot(off, options)
  const started = boot.menu[options.entry ?? 0]
  if (boot.loader === 'blscfg') await countGrubBoot(off.boot.dir, boot.menu)
  else if (started !== undefined) await countBoot(boot.loader, off.boot.dir, started)
  const run = memoryDir()
  const { run: files = {}, mountinfo, runProgram } = boot.marks
  for (const [path, text] of Object.entries(files)) await run.write(path, Buffer.from(text))
  const host = fakeHost({
    cmdline: boot.cmdline,
    bootId: `00000000-0000-4000-8001-${String(++boots).padStart(12, '0')}`,
    ...(arch === undefined ? {} : { arch }),
    ...(mountinfo === undefined ? {} : { mountinfo }),
    ...(runProgram === undefined ? {} : { run: runProgram }),
  })
  return { boot, sysroot: memorySysroot({ ...disks, run, host, live: true }) }
}
