import type { Cli } from '../io.js'

/** Write many lines in few pieces; stops when nobody reads any more. */
export async function writeLines(cli: Cli, lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let text = ''
  for await (const line of lines) {
    text += `${line}\n`
    if (text.length < 65_536) continue
    cli.signal.throwIfAborted()
    if (cli.out.closed) return
    await cli.out.write(text)
    text = ''
  }
  if (text !== '') await cli.out.write(text)
}
