import { spawn, type ChildProcess } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { Socket } from 'node:net'
import type { Xattr } from '../interfaces/index.js'
import { decodeName, encodeName } from '../names/index.js'
import { sharedInterpreter, type Interpreter } from './interpreter.js'
import type { Place } from './place.js'

interface Pending {
  resolve(fields: string[]): void
  reject(error: Error): void
}

let shared: XattrProcess | undefined

/** The helper of this process; undefined where no interpreter is installed. Started by its first request. */
export function xattrProcess(): XattrProcess | undefined {
  const interpreter = sharedInterpreter()
  return interpreter && (shared ??= new XattrProcess(interpreter))
}

/**
 * Extended attributes without the addon, by a helper that lives as long as this process; it does not keep the
 * process alive. Requests may be many at a time, answers come in order. Failed calls are errors as Node's fs
 * throws them; when the helper dies its requests fail with EPIPE and the next one starts another.
 *
 * The helper has no descriptors of ours, but may look at them: `/proc/PID/fd/N/name` is as safe from exchanged
 * directories as `/proc/self/fd/N/name` is for us. Where the kernel forbids that (a process that changed its
 * user), the present path of the parent is used, and between asking for it and using it there is a window.
 */
export class XattrProcess {
  readonly #interpreter: Interpreter
  #helper: Helper | undefined

  constructor(interpreter: Interpreter) {
    this.#interpreter = interpreter
  }

  /** All attributes in the kernel's order. */
  async list(place: Place): Promise<Xattr[]> {
    const fields = await this.#ask('l', place, [])
    const out: Xattr[] = []
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const name = Buffer.from(fields[i]!, 'hex').toString('utf8')
      out.push({ name, value: Buffer.from(fields[i + 1]!, 'hex') })
    }
    return out
  }

  async set(place: Place, xattrs: readonly Xattr[]): Promise<void> {
    const fields = xattrs.flatMap(({ name, value }) => [nameBytes(name), value])
    await this.#ask('s', place, fields)
  }

  async remove(place: Place, name: string): Promise<void> {
    await this.#ask('r', place, [nameBytes(name)])
  }

  async #ask(op: string, place: Place, fields: readonly Uint8Array[]): Promise<string[]> {
    if (this.#helper === undefined || this.#helper.ended) this.#helper = new Helper(this.#interpreter)
    const helper = this.#helper
    const path = encodeName(`${await helper.directory(place)}/${place.name}`)
    return helper.request([op, ...[path, ...fields].map((field) => Buffer.from(field).toString('hex'))])
  }
}

class Helper {
  readonly #child: ChildProcess
  readonly #pending: Pending[] = []
  readonly #self: Promise<string | undefined>
  #rest = ''
  ended = false

  constructor({ program, args }: Interpreter) {
    // In `/`, so that it keeps no file system busy; nothing of our environment can change what it runs.
    this.#child = spawn(program, args, { cwd: '/', env: { LC_ALL: 'C' }, stdio: ['pipe', 'pipe', 'ignore'] })
    this.#child.on('error', (error) => this.#end(error.message))
    this.#child.on('close', (code, signal) => this.#end(`it ended with ${signal ?? `exit code ${code}`}`))
    // What went wrong is known when it closes.
    this.#child.stdin?.on('error', () => undefined)
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => this.#receive(text))
    this.#self = this.#findSelf()
  }

  /** The parent of a place as the helper may name it. */
  async directory({ parent }: Place): Promise<string> {
    const self = await this.#self
    if (parent.fd === undefined) return parent.prefix
    if (self !== undefined) return `${self}/fd/${parent.fd}`
    return decodeName(readlinkSync(parent.prefix, { encoding: 'buffer' }))
  }

  async request(fields: readonly string[]): Promise<string[]> {
    const [errno, ...answer] = await new Promise<string[]>((resolve, reject) => {
      if (this.ended) return reject(ended('it has ended'))
      if (this.#pending.push({ resolve, reject }) === 1) this.#keepAlive(true)
      this.#child.stdin?.write(`${fields.join(' ')}\n`)
    })
    if (errno === '0') return answer
    const code = getSystemErrorName(-Number(errno))
    throw Object.assign(new Error(`${code}: extended attributes`), { errno: -Number(errno), code })
  }

  /** `/proc/PID` of ours if the helper may look into it. */
  async #findSelf(): Promise<string | undefined> {
    let self
    try {
      // Not process.pid: /proc may be of an outer PID namespace.
      self = `/proc/${readlinkSync('/proc/self')}`
    } catch {
      return undefined
    }
    try {
      await this.request(['l', Buffer.from(`${self}/root/.`).toString('hex')])
      return self
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno === -constants.errno.EACCES ? undefined : self
    }
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#pending.shift()?.resolve(line.split(' '))
    if (this.#pending.length === 0) this.#keepAlive(false)
  }

  #end(reason: string): void {
    this.ended = true
    for (const { reject } of this.#pending.splice(0)) reject(ended(reason))
  }

  /** Node ends when nothing is pending, as with system calls. */
  #keepAlive(on: boolean): void {
    const { stdin, stdout } = this.#child
    for (const handle of [this.#child, stdin as Socket | null, stdout as Socket | null]) {
      if (on) handle?.ref()
      else handle?.unref()
    }
  }
}

function ended(reason: string): Error {
  const message = `EPIPE: the helper for extended attributes is gone: ${reason}`
  return Object.assign(new Error(message), { errno: -constants.errno.EPIPE, code: 'EPIPE' })
}

function nameBytes(name: string): Buffer {
  if (!name.includes('\0')) return Buffer.from(name)
  const { EINVAL } = constants.errno
  throw Object.assign(new Error('EINVAL: NUL in an attribute name'), { errno: -EINVAL, code: 'EINVAL' })
}
