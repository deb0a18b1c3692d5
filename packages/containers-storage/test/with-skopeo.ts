import { spawnSync } from 'node:child_process'

/**
 * Why a storage cannot be shared with the real skopeo here: unpacking layers with the overlay driver, and mounting
 * them, takes root.
 */
export const why =
  spawnSync('skopeo', ['--version']).error !== undefined
    ? 'no skopeo'
    : process.getuid?.() === 0
      ? undefined
      : 'not root'
if (why !== undefined && process.env['CI']) throw new Error(`cannot be tested: ${why}`)
/** For names of tests that are skipped. */
export const reason = why === undefined ? '' : ` (skipped: ${why})`
