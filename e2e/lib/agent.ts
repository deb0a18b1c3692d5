import { connect, type Socket } from 'node:net'

/** A boot whose agent is there: systemd has started everything, or given up on some. */
export interface Ready {
  /** How often this /var was booted. */
  readonly boots: number
  readonly bootId: string
  /** Of the image that runs. */
  readonly version: string
  /** As `systemctl is-system-running` says. */
  readonly state: string
}

/** What a script in the guest did. */
export interface Reply {
  readonly status: number
  /** Both of its outputs. */
  readonly output: string
  /** The value of a line `E2E key=value`. */
  value(key: string): string | undefined
}

interface Pending {
  readonly number: number
  readonly lines: string[]
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

/** The harness's end of `usr/libexec/e2e/run`: lines over a virtio port. */
export interface Agent {
  /** Boots that nobody asked for yet, oldest first. */
  readonly ready: Ready[]
  /** Hand over a script and wait for its end. Rejects when the machine starts again instead. */
  run(script: string): Promise<Reply>
  close(): void
}

/** @param path of the socket; QEMU may not have made it yet */
export async function openAgent(path: string, isAlive: () => boolean): Promise<Agent> {
  const socket = await connectPatiently(path, isAlive)
  const ready: Ready[] = []
  let pending: Pending | undefined
  let count = 0
  let rest = ''
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = lines.pop()!
    for (const line of lines) take(line)
  })
  socket.on('close', () => fail('the machine is gone'))

  function fail(why: string): void {
    pending?.reject(new Error(`${why} while a script ran; it printed: ${pending.lines.join('\n')}`))
    pending = undefined
  }

  function take(line: string): void {
    const boot = /^E2E-READY boots=(\d+) boot=(\S+) version=(\S*) state=(\S*)$/.exec(line)
    if (boot !== null) {
      fail('the machine started again')
      ready.push({ boots: Number(boot[1]), bootId: boot[2]!, version: boot[3]!, state: boot[4]! })
      return
    }
    if (pending === undefined) return
    const end = /^E2E-END (\d+) rc=(\d+)$/.exec(line)
    if (end === null || Number(end[1]) !== pending.number) {
      pending.lines.push(line)
      return
    }
    const { lines, resolve } = pending
    pending = undefined
    resolve({
      status: Number(end[2]),
      output: lines.join('\n'),
      value: (key) => lines.find((l) => l.startsWith(`E2E ${key}=`))?.slice(key.length + 5),
    })
  }

  return {
    ready,
    run(script) {
      fail('another script was sent')
      const number = ++count
      return new Promise((resolve, reject) => {
        pending = { number, lines: [], resolve, reject }
        socket.write(`E2E-SCRIPT ${number}\n${script}\nE2E-GO\n`)
      })
    },
    close: () => socket.destroy(),
  }
}

/** Connect to a socket that a program is about to listen on. */
export async function connectPatiently(path: string, isAlive: () => boolean): Promise<Socket> {
  for (;;) {
    const socket = connect(path)
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (connected) return socket.on('error', () => undefined)
    if (!isAlive()) throw new Error(`nobody listens on ${path}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
