import { maxAllSignatureBytes, maxSignatures } from '../containers-conf/index.js'
import { BootcError } from '../errors.js'

/** What lies where signatures are kept, and is none. */
export function signatureInvalid(where: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_SIGNATURE_INVALID', `${where}: ${problem}`, { details: { where }, cause })
}

/** Counts the signatures of one image. @param where for messages */
export function signatureBudget(where: string): (bytes: Uint8Array) => void {
  let count = 0
  let sizeBytes = 0
  return (bytes) => {
    count++
    sizeBytes += bytes.length
    if (count > maxSignatures) throw signatureInvalid(where, `more than ${maxSignatures} signatures`)
    if (sizeBytes > maxAllSignatureBytes) {
      throw signatureInvalid(where, `signatures of more than ${maxAllSignatureBytes} bytes`)
    }
  }
}
