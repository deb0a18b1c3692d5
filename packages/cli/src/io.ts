/** Where text goes. A closed pipe swallows what follows; readers of `closed` can stop early. */
export interface Output {
  readonly isTerminal: boolean
  /** Width in characters; 80 where unknown. */
  readonly columns: number
  /** The other end has gone away (EPIPE). */
  readonly closed: boolean
  /** Resolves when the stream takes more. */
  write(data: string | Uint8Array): Promise<void>
}

/** What a command sees of the process around it; tests pass their own. */
export interface Cli {
  readonly out: Output
  readonly err: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: AsyncIterable<Uint8Array | string>
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
}

/** An error in how the command was called: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command ran to its end in another process; nothing is left to do but to end with its exit code. */
export class AlreadyRun extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`already run, exit code ${exitCode}`)
    this.exitCode = exitCode
  }
}

/** Wrap a stream of the process. EPIPE is remembered, never thrown. */
export function outputOf(stream: NodeJS.WriteStream): Output {
  let closed = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    closed = true
    if (error.code !== 'EPIPE') throw error
  })
  return {
    isTerminal: stream.isTTY,
    get columns() {
      return stream.columns > 0 ? stream.columns : 80
    },
    get closed() {
      return closed
    },
    write(data) {
      if (closed) return Promise.resolve()
      return new Promise((resolve) => {
        // The callback also runs after a failure, which the handler above has seen by then.
        if (stream.write(data, () => resolve())) resolve()
      })
    },
  }
}

/** Wait until everything written so far has left the process. */
export function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve()
    else stream.write('', () => resolve())
  })
}

/** Whole standard input as text. */
export async function readStdin(cli: Cli): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of cli.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks).toString('utf8')
}
