import { runCli, type Output } from '../src/index.js'

/** Run the command in this process with captured streams. */
export async function run(
  args: readonly string[],
  options: { env?: Record<string, string>; stdin?: string; terminal?: boolean; signal?: AbortSignal } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const out = capture(options.terminal === true)
  const err = capture(options.terminal === true)
  const code = await runCli(args, {
    out,
    err,
    env: { CACHE_DIRECTORY: process.env['CACHE_DIRECTORY'], ...options.env },
    stdin: (async function* () {
      await Promise.resolve()
      yield options.stdin ?? ''
    })(),
    signal: options.signal ?? new AbortController().signal,
  })
  return { code, stdout: out.text(), stderr: err.text() }
}

export function capture(isTerminal: boolean): Output & { text(): string } {
  const chunks: Buffer[] = []
  return {
    isTerminal,
    columns: 80,
    closed: false,
    write(data) {
      chunks.push(Buffer.from(data as string))
      return Promise.resolve()
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}
