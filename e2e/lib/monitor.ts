import { createInterface } from 'node:readline'
import { connectPatiently } from './agent.js'

interface Answer {
  readonly return?: { readonly status?: string }
  readonly error?: { readonly desc: string }
}

/** Talk to QEMU's monitor. @see QEMU Machine Protocol, docs/interop/qmp-spec */
async function withMonitor<T>(
  path: string,
  isAlive: () => boolean,
  use: (execute: (command: string, args?: object) => Promise<Answer>) => Promise<T>,
): Promise<T> {
  const socket = await connectPatiently(path, isAlive)
  const answers: Answer[] = []
  let wake: () => void = () => undefined
  createInterface({ input: socket }).on('line', (line) => {
    const message = JSON.parse(line) as Answer
    if (message.return === undefined && message.error === undefined) return
    answers.push(message)
    wake()
  })
  const execute = async (command: string, args: object = {}): Promise<Answer> => {
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    while (answers.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    const answer = answers.shift()!
    if (answer.error !== undefined) throw new Error(`${command}: ${answer.error.desc}`)
    return answer
  }
  try {
    await execute('qmp_capabilities')
    return await use(execute)
  } finally {
    socket.destroy()
  }
}

/** Stop the machine and write its state, disks excepted, to a file. */
export function saveState(path: string, file: string, isAlive: () => boolean): Promise<void> {
  return withMonitor(path, isAlive, async (execute) => {
    await execute('stop')
    await execute('migrate', { uri: `exec:cat > ${file}` })
    for (;;) {
      const { status } = (await execute('query-migrate')).return ?? {}
      if (status === 'completed') return
      if (status === 'failed') throw new Error('QEMU could not write its state')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })
}

/** Wait until a saved state is loaded and the machine runs. */
export function startCpus(path: string, isAlive: () => boolean): Promise<void> {
  return withMonitor(path, isAlive, async (execute) => {
    for (;;) {
      const { status } = (await execute('query-status')).return ?? {}
      if (status === 'running') return
      if (status === 'paused' || status === 'postmigrate') await execute('cont')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
}
