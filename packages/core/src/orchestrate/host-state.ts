import type {
  BootEntry,
  BootVersion,
  Deployment,
  DeploymentId,
  StagedRecord,
  UnlockedState,
} from '../interfaces/index.js'
import type { RunningLoader } from '../boot-kit/running-loader.js'
import type { SoftRebootObstacle } from './soft-reboot.js'
import type { HealingFacts } from './trial-types.js'

/** A deployment in its role. Plain data. */
export interface HostEntry {
  readonly id: DeploymentId
  readonly deployment: Deployment
  /** Place in boot order, 0 is the default; absent for a staged one. */
  readonly index?: number
  /** Its boot entry as found; absent for a staged one. */
  readonly entry?: BootEntry
  /** Words of its kernel command line, root arguments included. */
  readonly kargs: readonly string[]
  /** Keys of its boot entry beyond the common ones, kept when entries are written anew. */
  readonly extra: BootEntry['extra']
  readonly staged: boolean
  /** Staged, but not to be finalized at shutdown (`--download-only`). */
  readonly locked: boolean
  readonly softRebootCapable: boolean
  /** Why not; of entries that were read. */
  readonly softRebootObstacle?: SoftRebootObstacle
}

/**
 * What is on a sysroot and what will boot next; made without locks. Slots as in bootc's Host API. With
 * nothing booted (a directory, another machine's disk) the default entry is the anchor of the slots, and
 * `booted` stays undefined.
 */
export interface HostState {
  readonly live: boolean
  readonly readOnly: boolean
  /** Names of the backend and loader in use; absent on an empty sysroot. */
  readonly store?: string
  readonly bootloader?: string
  /** The loader that started this system, where it has said so (EFI variables). */
  readonly runningLoader?: RunningLoader
  readonly bootVersion: BootVersion
  /** Every deployment with a boot entry, in boot order. */
  readonly order: readonly HostEntry[]
  readonly booted?: HostEntry
  /** First in boot order. */
  readonly defaultEntry?: HostEntry
  /** `booted`, else `defaultEntry`: whose /etc and kargs the next deployment inherits. */
  readonly anchor?: HostEntry
  /** Waits for the next shutdown, in the anchor's stateroot. */
  readonly staged?: HostEntry
  readonly rollback?: HostEntry
  /** Pinned and older ones, other stateroots (also a deployment staged into one). */
  readonly others: readonly HostEntry[]
  /** The rollback entry comes before the booted one. */
  readonly rollbackQueued: boolean
  readonly stagedRecord?: StagedRecord
  /** Whose root is prepared for a soft reboot, which `systemctl reboot` then becomes too. */
  readonly softRebootTarget?: DeploymentId
  /** Of the booted deployment. */
  readonly unlocked: UnlockedState
  /** Complete deployments on disk that no boot entry names (left-overs, or staged). */
  readonly orphans: readonly Deployment[]
  /** Trials and failures; absent when there are none. */
  readonly healing?: HealingFacts
}
