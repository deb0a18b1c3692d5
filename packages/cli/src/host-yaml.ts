import type { BootcHost } from '@bootc-sdk/core/host-api'
import { printYaml } from './yaml.js'

/** A BootcHost document in declaration order; a remote's signature is a tagged scalar, as bootc writes it. */
export function printHostYaml(host: BootcHost): string {
  return printYaml(host, (key, value) => {
    const remote =
      key === 'signature' && typeof value === 'object' && value !== null && 'ostreeRemote' in value
    return remote ? { tag: '!ostreeRemote', text: String(value.ostreeRemote) } : undefined
  })
}
