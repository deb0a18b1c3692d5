import { fakeHost } from '../fake-host.js'
import { memoryDir } from '../memory-dir.js'
import { memorySysroot, type MemoryDisks, type MemorySysroot } from '../memory-sysroot.js'
import { simulateBoot, type SimulateBootOptions, type SimulatedBoot } from './simulate-boot.js'

/**
 * Start a machine from its disks: what boots, and the running system's sysroot on the same disks with an
 * empty /run and a command line of its own.
 *
 * @throws BootFailure
 */
export async function simulateReboot(
  disks: MemoryDisks,
  { arch, ...options }: SimulateBootOptions & { readonly arch?: string } = {},
): Promise<{ boot: SimulatedBoot; sysroot: MemorySysroot }> {
  const off = memorySysroot({ ...disks })
  const boot = await simulateBoot(off, options)
  const run = memoryDir()
  const { run: files = {}, mountinfo, runProgram } = boot.marks
  for (const [path, text] of Object.entries(files)) await run.write(path, Buffer.from(text))
  const host = fakeHost({
    cmdline: boot.cmdline,
    ...(arch === undefined ? {} : { arch }),
    ...(mountinfo === undefined ? {} : { mountinfo }),
    ...(runProgram === undefined ? {} : { run: runProgram }),
  })
  return { boot, sysroot: memorySysroot({ ...disks, run, host, live: true }) }
}
