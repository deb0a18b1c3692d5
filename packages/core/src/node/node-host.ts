import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BootcError } from '../errors.js'
import type { Host } from '../interfaces/index.js'
import { errnoOf } from './tree-error.js'

export interface NodeHostOptions {
  /** OCI architecture; default this machine's. */
  readonly arch?: string
  /** Whether the machine's kernel command line means anything for the sysroot; default true. */
  readonly live?: boolean
}

/** Node's architecture names that OCI spells differently. */
const ociArch: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

/** This machine. */
export function nodeHost(options: NodeHostOptions = {}): Host {
  const { arch = ociArch[process.arch] ?? process.arch, live = true } = options
  const root = process.geteuid?.() === 0
  return Object.freeze({
    arch,
    supports: Object.freeze({
      root,
      loop: root && existsSync('/dev/loop-control'),
      mount: root,
      efivars: existsSync('/sys/firmware/efi/efivars'),
    }),
    async cmdline() {
      return live ? readText('/proc/cmdline') : ''
    },
    async bootId() {
      return readText('/proc/sys/kernel/random/boot_id')
    },
    ...(live ? { mountinfo: async () => readText('/proc/self/mountinfo'), efiVariable } : {}),
    now: () => Date.now(),
    run,
  })
}

const run: Host['run'] = async (argv, options = {}) => {
  const { signal, stdin, env } = options
  signal?.throwIfAborted()
  const [program = '', ...args] = argv
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(signal === undefined ? {} : { signal }),
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    // Killed by a signal: as a shell counts it.
    child.on('close', (code, signalName) => resolve(code ?? (signalName === null ? 1 : 128)))
  })
  try {
    const [code, stdout, stderr] = await Promise.all([
      ended,
      text(child.stdout!),
      text(child.stderr!),
      // A program may stop reading before its input ends; its exit code says whether that was right.
      stdin === undefined ? undefined : pipeline(Readable.from(stdin), child.stdin!).catch(ignoreBrokenPipe),
    ])
    return { code, stdout, stderr }
  } catch (error) {
    signal?.throwIfAborted()
    if (errnoOf(error) === undefined) throw error
    throw new BootcError('HOST_NO_PROGRAM', `program ${program} could not be started`, {
      details: { program },
      cause: error,
    })
  }
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function ignoreBrokenPipe(error: unknown): void {
  if (errnoOf(error) !== 'EPIPE') throw error
}

/** @see Linux, Documentation/filesystems/efivarfs.rst: four bytes of attributes, then the value */
async function efiVariable(name: string): Promise<Uint8Array | undefined> {
  try {
    return readFileSync(`/sys/firmware/efi/efivars/${name}`).subarray(4)
  } catch {
    return undefined
  }
}

/** '' where there is no such file (other systems than Linux, no /proc). */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
