import { digestFiles, type VerityAlgorithm } from '@bootc-sdk/composefs-backend'
import { BootcError } from '@bootc-sdk/core'
import type { Cli } from '../io.js'

/** `bootc-sdk composefs measure`: what the kernel would measure, computed from the content; one line a file. */
export async function measure(
  cli: Cli,
  options: { readonly algorithm: VerityAlgorithm },
  files: readonly string[],
): Promise<void> {
  const results = await digestFiles(files, options.algorithm)
  for (const [index, result] of results.entries()) {
    if ('digest' in result) {
      await cli.out.write(`${result.digest}\n`)
      continue
    }
    const path = files[index]!
    throw new BootcError('TREE_IO', `${path} cannot be read: ${result.code}`, {
      details: { path, code: result.code },
    })
  }
}
