import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface BootOptions {
  /** Default `bios`. */
  readonly firmware?: 'bios' | 'efi'
  /** End when the serial port has said this. */
  readonly until?: RegExp
  readonly timeoutMs?: number
}

/** Start a disk and return what it wrote to its serial port until it reset itself. The disk is written to. */
export async function boot(
  disk: string,
  { firmware = 'bios', until, timeoutMs = 150_000 }: BootOptions = {},
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'grub-boot-'))
  const serial = join(dir, 'serial')
  const flash =
    firmware === 'bios'
      ? []
      : [
          '-drive',
          `if=pflash,format=raw,readonly=on,file=${ovmf}`,
          '-drive',
          `if=pflash,format=raw,snapshot=on,file=${ovmfVars}`,
        ]
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'q35', '-accel', 'tcg', '-cpu', 'max,-cx16,-la57', '-m', '512', '-nodefaults'],
      ...['-no-reboot', '-display', 'none', '-vga', 'std', '-serial', `file:${serial}`, ...flash],
      ...[
        '-drive',
        `file=${disk},format=raw,if=none,id=d0`,
        '-device',
        'virtio-blk-pci,drive=d0,bootindex=1',
      ],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const said = () => (existsSync(serial) ? readFileSync(serial, 'latin1') : '')
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing after ${timeoutMs} ms: ${said()}`)), timeoutMs)
      const watch = setInterval(() => {
        if (until?.test(said()) === true) done()
      }, 100)
      const done = () => {
        clearTimeout(timer)
        clearInterval(watch)
        resolve()
      }
      child.once('exit', done)
      child.once('error', reject)
    })
    return said()
  } finally {
    child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

export const ovmf = '/usr/share/OVMF/OVMF_CODE_4M.fd'
const ovmfVars = '/usr/share/OVMF/OVMF_VARS_4M.fd'

/** Why guests cannot be started here; undefined when they can. In CI that is a failure, not a reason. */
export function missingForGuests(files: readonly string[] = []): string | undefined {
  const programs = [
    'qemu-system-x86_64',
    'grub-mkimage',
    'grub-script-check',
    'mke2fs',
    'mkfs.vfat',
    'mcopy',
    'sfdisk',
    'debugfs',
  ]
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`
  const absent = programs.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: path } }).status !== 0,
  )
  absent.push(...['/usr/lib/grub/i386-pc/kernel.img', ...files].filter((file) => !existsSync(file)))
  if (absent.length === 0) return undefined
  if (process.env['CI']) throw new Error(`missing: ${absent.join(', ')}`)
  return absent.join(', ')
}
