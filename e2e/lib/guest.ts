import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

export interface Boot {
  /**
   * report: the guest's agent finished the script; refused: kernel, initramfs or systemd gave up; timeout; off: the
   * machine went off without a report
   */
  readonly end: 'report' | 'refused' | 'timeout' | 'off'
  /** Exit status of the script. */
  readonly status: number
  /** What the script printed. */
  readonly report: string
  /** The value of a line `E2E key=value` of the report. */
  value(key: string): string | undefined
  /** Everything on the serial console, without colours. */
  readonly console: string
  readonly seconds: number
}

export interface BootOptions {
  /** For console.log, report.log; they stay, for whoever wants to know what happened. */
  readonly log: string
  /** Disk images; the machine boots from the first one's EFI system partition. */
  readonly disks: readonly string[]
  /** Shell script for the guest's agent; afterwards the machine goes off. */
  readonly script: string
  /** Default 900: emulated machines are slow, and slower where others work too. */
  readonly timeoutSeconds?: number
}

/** Console messages after which no report will come. */
const dead =
  /Kernel panic|Reached target .*emergency\.target|Freezing execution|You are in emergency mode|bootc-sdk: restarting in/

/** Boot a machine in QEMU, by UEFI, and wait until it went off. */
export async function boot(options: BootOptions): Promise<Boot> {
  const { log, disks, timeoutSeconds = 900 } = options
  rmSync(log, { recursive: true, force: true })
  mkdirSync(log, { recursive: true })
  const file = (name: string) => join(log, name)
  writeFileSync(file('script'), options.script)
  copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', file('vars'))

  const start = performance.now()
  const child = spawn('qemu-system-x86_64', qemuArguments(disks, file), {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
  let end: Boot['end'] = 'report'
  while (child.exitCode === null && child.signalCode === null) {
    const late = performance.now() - start > timeoutSeconds * 1000
    if (late || dead.test(text(file('console.log')))) {
      // What systemd says about the failure comes a little later.
      if (!late) await Promise.race([exited, sleep(2000)])
      end = late ? 'timeout' : 'refused'
      child.kill('SIGKILL')
      break
    }
    await Promise.race([exited, sleep(300)])
  }
  const code = await exited
  if (code !== null && code !== 0) throw new Error(`qemu ended with ${code}: ${errors}`)
  const seconds = (performance.now() - start) / 1000
  const lines = /E2E-BEGIN\n([^]*?)E2E-END rc=(\d+)/.exec(text(file('report.log')))
  // It may have restarted, which ends QEMU, before anybody looked: panic= and rd.emergency=reboot make it.
  if (end === 'report' && lines === null) end = dead.test(text(file('console.log'))) ? 'refused' : 'off'
  rmSync(file('vars'))
  const report = lines?.[1] ?? ''
  return {
    end,
    status: Number(lines?.[2] ?? -1),
    report,
    value: (key) =>
      report
        .split('\n')
        .find((line) => line.startsWith(`E2E ${key}=`))
        ?.slice(key.length + 5),
    console: text(file('console.log')),
    seconds,
  }
}

function qemuArguments(disks: readonly string[], file: (name: string) => string): string[] {
  const firmware = '/usr/share/OVMF/OVMF_CODE_4M.fd'
  return [
    ...['-machine', 'q35', '-accel', process.env['QEMU_ACCEL'] ?? 'tcg,thread=multi'],
    // Without what TCG cannot do or does slowly.
    ...['-cpu', 'max,-cx16,-la57', '-smp', '2', '-m', '1536', '-no-reboot'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-monitor', 'none'],
    ...['-serial', `file:${file('console.log')}`, '-serial', `file:${file('report.log')}`],
    ...['-object', 'rng-random,filename=/dev/urandom,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
    ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${firmware}`],
    ...['-drive', `if=pflash,format=raw,unit=1,file=${file('vars')}`],
    ...['-fw_cfg', `name=opt/e2e/script,file=${file('script')}`],
    ...disks.flatMap((disk, n) => [
      ...['-drive', `file=${disk},if=none,id=d${n},format=raw,cache=unsafe`],
      ...['-device', `virtio-blk-pci,drive=d${n},bootindex=${n + 1}`],
    ]),
  ]
}

/** A serial log as it would look on a screen. */
function text(path: string): string {
  if (!existsSync(path)) return ''
  // eslint-disable-next-line no-control-regex
  return readFileSync(path, 'utf8').replace(/\r|\x1b\[[0-9;:?]*[A-Za-z]/g, '')
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
