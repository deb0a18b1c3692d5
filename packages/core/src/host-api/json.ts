import { canonicalJson } from '../oci/canonical-json.js'
import type { BootcHost } from './types.js'

/** The document as bootc prints it for `--format json`: keys sorted, no spaces, no final newline. */
export function canonicalHostJson(host: BootcHost): string {
  return canonicalJson(host)
}
