import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { openAgent, type Agent, type Ready, type Reply } from './agent.js'
import { saveState, startCpus } from './monitor.js'
import { qemuArguments, type QemuMachine } from './qemu.js'

export interface MachineOptions extends Pick<QemuMachine, 'firmware' | 'disks' | 'cache' | 'state'> {
  /** For console.log, and scripts.log with what scripts printed; they stay, for whoever wants to know what happened. */
  readonly log: string
  /** The firmware's variables; default a file in `log` that is made anew. */
  readonly vars?: string
  /** How long a boot, or a script, may take; default 900: emulated machines are slow, slower where others work too. */
  readonly timeoutSeconds?: number
}

export interface Machine {
  /**
   * The next boot whose agent reports and that `wanted` takes; others are passed over. Without `wanted` the first one,
   * and a panic or emergency mode meanwhile is an error.
   */
  ready(wanted?: (boot: Ready) => boolean): Promise<Ready & { seconds: number }>
  /** Run a shell script in the guest. */
  run(script: string): Promise<Reply>
  /** Begin a script and do not wait: it may end with the machine. */
  start(script: string): void
  /** Start again as an administrator would, or by another script that ends with the system, and wait for it. */
  reboot(script?: string): Promise<Ready & { seconds: number }>
  /** Shut down as an administrator would. */
  powerOff(): Promise<void>
  /** Cut the power. */
  kill(): Promise<void>
  /** Everything on the serial console so far, without colours. */
  console(): string
  /** Wait for a text on the console. */
  printed(pattern: RegExp): Promise<void>
  /** Write memory and devices to a file and end; the disks stay as they are at this moment. */
  save(state: string): Promise<void>
}

/** Console messages after which no report will come. */
const dead = /Kernel panic|Reached target .*emergency\.target|Freezing execution|You are in emergency mode/
const running = new Set<ChildProcess>()
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** Start a machine in QEMU. It has a network, may start itself again, and is up until it goes off or is killed. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { log, timeoutSeconds = 900, vars = join(log, 'vars'), state } = options
  mkdirSync(log, { recursive: true })
  const consoleLog = join(log, 'console.log')
  for (const name of ['console.log', 'scripts.log']) rmSync(join(log, name), { force: true })
  if (options.vars === undefined) rmSync(vars, { force: true })
  // Names of sockets must be short.
  const sockets = mkdtempSync(join(tmpdir(), 'e2e-'))
  const monitor = join(sockets, 'qmp')
  const agentSocket = join(sockets, 'agent')
  const argv = qemuArguments({ ...options, vars, console: consoleLog, agent: agentSocket, monitor })
  // A test runner that is killed leaves no machine behind.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running.add(child)
  let errors = ''
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const isAlive = () => child.exitCode === null && child.signalCode === null
  const exited = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      errors += String(error)
      resolve()
    })
    child.on('exit', () => {
      running.delete(child)
      rmSync(sockets, { recursive: true, force: true })
      resolve()
    })
  })
  let agent: Agent
  try {
    agent = await openAgent(agentSocket, isAlive)
    if (state !== undefined) await startCpus(monitor, isAlive)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`qemu does not start: ${errors}`, { cause })
  }

  let since = performance.now()
  let seen = 0
  const consoleText = () => readConsole(consoleLog)
  const late = (what: string) =>
    new Error(`${what} within ${timeoutSeconds} s, see ${consoleLog}\n${consoleText().slice(-2000)}`)
  const until = async <T>(what: string, probe: () => T | undefined): Promise<T> => {
    const start = performance.now()
    for (;;) {
      const found = probe()
      if (found !== undefined) return found
      if (!isAlive()) throw new Error(`${what} before the machine went off; see ${consoleLog} ${errors}`)
      if (performance.now() - start > timeoutSeconds * 1000) throw late(what)
      await Promise.race([exited, sleep(100)])
    }
  }
  const begin = () => {
    since = performance.now()
    seen = consoleText().length
    agent.ready.length = 0
  }
  const machine: Machine = {
    async ready(wanted) {
      const boot = await until('no report', () => {
        if (wanted === undefined && dead.test(consoleText().slice(seen)))
          throw new Error(`the machine gave up, see ${consoleLog}\n${consoleText().slice(-2000)}`)
        for (let next = agent.ready.shift(); next !== undefined; next = agent.ready.shift())
          if (wanted?.(next) ?? true) return next
        return undefined
      })
      const seconds = (performance.now() - since) / 1000
      since = performance.now()
      seen = consoleText().length
      return { ...boot, seconds }
    },
    run(script) {
      const ended = agent.run(script)
      const note = (text: string) => appendFileSync(join(log, 'scripts.log'), text)
      note(`${script.replace(/^/gm, '$ ')}\n`)
      void ended.then(
        ({ output, status }) => note(`${output}\n[${status}]\n\n`),
        (error: unknown) => note(`[${String(error)}]\n\n`),
      )
      const timer = new Promise<never>((_, reject) => {
        const handle = setTimeout(() => reject(late('a script did not end')), timeoutSeconds * 1000)
        void ended.catch(() => undefined).then(() => clearTimeout(handle))
      })
      return Promise.race([ended, timer])
    },
    start: (script) => void agent.run(script).catch(() => undefined),
    async reboot(script = 'systemctl --no-block reboot') {
      begin()
      machine.start(script)
      return machine.ready()
    },
    async powerOff() {
      machine.start('systemctl --no-block poweroff')
      const timer = sleep(timeoutSeconds * 1000)
      await Promise.race([exited, timer])
      if (isAlive()) throw late('the machine did not go off')
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
      agent.close()
    },
    console: consoleText,
    printed: (pattern) =>
      until(`no ${String(pattern)}`, () => (pattern.test(consoleText().slice(seen)) ? true : undefined)).then(
        () => undefined,
      ),
    async save(file) {
      await saveState(monitor, file, isAlive)
      await machine.kill()
    },
  }
  return machine
}

/** A serial log as it would look on a screen. */
export function readConsole(path: string): string {
  if (!existsSync(path)) return ''
  // eslint-disable-next-line no-control-regex
  return readFileSync(path, 'utf8').replace(/\r|\x1b\[[0-9;:?]*[A-Za-z]/g, '')
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
