import { baseName } from '../../names/index.js'
import { fakeHost } from '../fake-host.js'
import { memoryDir } from '../memory-dir.js'
import { bootedFile } from '../memory-store/deployment-store.js'
import { memorySysroot, type MemoryDisks, type MemorySysroot } from '../memory-sysroot.js'
import { simulateBoot, type SimulatedBoot } from './simulate-boot.js'

/**
 * Start a machine from its disks: what boots, and the running system's sysroot on the same disks with an
 * empty /run and a command line of its own.
 *
 * @throws BootFailure
 */
export async function simulateReboot(
  disks: MemoryDisks,
  options: { readonly arch?: string; readonly entry?: number } = {},
): Promise<{ boot: SimulatedBoot; sysroot: MemorySysroot }> {
  const off = memorySysroot({ ...disks })
  const boot = await simulateBoot(off, options.entry === undefined ? {} : { entry: options.entry })
  const run = memoryDir()
  // Notes that an initramfs leaves for the system.
  if (boot.deployment.startsWith('memory/'))
    await run.write(bootedFile, Buffer.from(baseName(boot.deployment)))
  else await run.write('ostree-booted', new Uint8Array())
  const running = await disks.root.stat(boot.deployment)
  const host = fakeHost({
    cmdline: boot.cmdline,
    ...(options.arch === undefined ? {} : { arch: options.arch }),
    // The one program that tells which directory `/` is.
    async run([program, , path]) {
      const known = program === 'stat' && path === '/'
      return known
        ? { code: 0, stdout: `${running!.dev} ${running!.ino}\n`, stderr: '' }
        : { code: 127, stdout: '', stderr: 'not found' }
    },
  })
  return { boot, sysroot: memorySysroot({ ...disks, run, host, live: true }) }
}
