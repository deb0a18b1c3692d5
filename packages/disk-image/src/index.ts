export {
  type DiskPlan,
  type DiskRequest,
  type PartitionRole,
  type PlannedPartition,
  planDisk,
} from './plan/plan-disk.js'
export { seedUuid } from './plan/seed-uuid.js'
