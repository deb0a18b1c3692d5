import type { Warning } from '../../interfaces/common.js'

/**
 * Words from the registry to its users: `Warning: 299 - "text"`. Text with control characters is dropped.
 *
 * @see OCI distribution-spec 1.1.1 "Warnings"
 */
export function serverWarnings(headers: readonly string[]): Warning[] {
  const warnings: Warning[] = []
  for (const header of headers) {
    const match = /^299 - "((?:[^"\\]|\\.)*)"$/.exec(header.trim())
    const message = match?.[1]!.replace(/\\(.)/g, '$1')

    if (!message || /[\u0000-\u001f\u007f-\u009f]/.test(message)) continue
    warnings.push({ code: 'transport:server-warning', message: message.slice(0, 1000) })
  }
  return warnings
}
