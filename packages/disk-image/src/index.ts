export {
  type DiskPlan,
  type DiskRequest,
  type PartitionRole,
  type PlannedPartition,
  planDisk,
} from './plan/plan-disk.js'
export { seedUuid } from './plan/seed-uuid.js'
export { type OwnerRecord, type OwnerTable, parseOwners, printOwners } from './record/owner-table.js'
export { recordingDir, type RecordingDir, type RecordingOptions } from './record/recording-dir.js'
