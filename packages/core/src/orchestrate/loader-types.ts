import type { RunningLoader } from '../boot-kit/running-loader.js'
import type { LoaderProgram, Warning } from '../interfaces/index.js'

/** The boot loader itself, as installed and as the system's image brings it. Plain data. */
export interface LoaderStatus {
  readonly bootloader: string
  /** On all volumes that are mounted; empty where the loader does not say. */
  readonly programs: readonly LoaderProgram[]
  readonly updateAvailable: boolean
  /** The loader that started this system, where it has said so. */
  readonly running?: RunningLoader
}

/** Plain data. */
export interface LoaderUpdateResult {
  readonly bootloader: string
  /** As they are now. */
  readonly programs: readonly LoaderProgram[]
  /** Those that were replaced, with the version they had before. */
  readonly updated: readonly (LoaderProgram & { readonly before: string })[]
  readonly warnings: readonly Warning[]
}
