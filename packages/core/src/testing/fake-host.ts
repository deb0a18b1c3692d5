import type { Host } from '../interfaces/index.js'

export interface FakeHostOptions {
  readonly arch?: string
  readonly cmdline?: string
  readonly bootId?: string
  /** Text of /proc/self/mountinfo. */
  readonly mountinfo?: string
  /** EFI variables by name. */
  readonly efiVariables?: Readonly<Record<string, Uint8Array>>
  /** Milliseconds since the epoch; default a clock that moves one second with every look. */
  readonly now?: () => number
  readonly supports?: Partial<Host['supports']>
  /** Default: every program is missing, as on the barest machine. */
  readonly run?: Host['run']
}

/** A machine for tests: nothing of the real one shows through. */
export interface FakeHost extends Host {
  /** Programs asked for, in order. */
  readonly calls: readonly (readonly string[])[]
  /** Reboot: another command line, another boot id. */
  reboot(cmdline: string): void
}

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  let { cmdline = '', bootId = '00000000-0000-4000-8000-000000000000' } = options
  let boots = 0
  let nowMs = 1_700_000_000_000
  const calls: (readonly string[])[] = []
  const { run = async () => ({ code: 127, stdout: '', stderr: 'not found' }) } = options
  return {
    arch: options.arch ?? 'amd64',
    supports: Object.freeze({ root: true, loop: false, mount: false, efivars: false, ...options.supports }),
    calls,
    cmdline: () => Promise.resolve(cmdline),
    bootId: () => Promise.resolve(bootId),
    ...(options.mountinfo === undefined ? {} : { mountinfo: async () => options.mountinfo! }),
    ...(options.efiVariables === undefined
      ? {}
      : { efiVariable: async (name: string) => Promise.resolve(options.efiVariables![name]) }),
    now: options.now ?? (() => (nowMs += 1000)),
    run(argv, runOptions) {
      calls.push([...argv])
      return run(argv, runOptions)
    },
    reboot(next) {
      cmdline = next
      bootId = `00000000-0000-4000-8000-${String(++boots).padStart(12, '0')}`
    },
  }
}
