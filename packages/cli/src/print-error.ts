import { isBootcError } from '@bootc-sdk/core'
import { printable } from './format.js'

/** One line: `outer: inner: … [CODE]`, the code being the outermost one. */
export function errorLine(error: unknown): string {
  const parts: string[] = []
  let code: string | undefined
  for (const link of chain(error)) {
    code ??= isBootcError(link) ? link.code : undefined
    const text = messageOf(link)
    // Wrappers often repeat what they wrap.
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text)
  }
  const line = printable(parts.join(': '))
  return code === undefined ? line : `${line} [${code}]`
}

/** The chain of causes, one block each, with codes, details and (for our own mistakes) stacks. */
export function errorReport(error: unknown): string {
  const lines: string[] = []
  for (const [depth, link] of chain(error).entries()) {
    const label = depth === 0 ? 'error' : 'caused by'
    const code = isBootcError(link) ? ` [${link.code}]` : ''
    lines.push(`${label}: ${printable(messageOf(link))}${code}`)
    if (isBootcError(link)) {
      for (const [key, value] of Object.entries(link.details)) lines.push(`  ${key}: ${inspect(value)}`)
    } else if (link instanceof Error && link.stack !== undefined) {
      for (const frame of link.stack.split('\n').filter((text) => /^\s+at /.test(text))) {
        lines.push(`  ${frame.trim()}`)
      }
    }
  }
  return lines.join('\n')
}

/** Outer to inner; a cycle ends it. */
function chain(error: unknown): unknown[] {
  const links: unknown[] = []
  for (let link: unknown = error; link !== undefined && link !== null && !links.includes(link);) {
    links.push(link)
    link = link instanceof Error || isBootcError(link) ? link.cause : undefined
  }
  return links
}

function messageOf(error: unknown): string {
  if (isBootcError(error)) return error.message
  if (!(error instanceof Error)) return String(error)
  // `TypeError: x is not a function` is a mistake of ours; plain and system errors explain themselves.
  const plain = ['Error', 'AbortError', 'UsageError'].includes(error.name) || 'code' in error
  return plain ? error.message : `${error.name}: ${error.message}`
}

function inspect(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? item.toString() : item,
  ) as string | undefined
  return printable(text ?? String(value))
}
