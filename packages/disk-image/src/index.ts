export {
  type DiskPlan,
  type DiskRequest,
  type PartitionRole,
  type PlannedPartition,
  planDisk,
  type TableWish,
} from './plan/plan-disk.js'
export { readRepartDir } from './repart/read-repart.js'
export { repartDisk, type RepartOptions } from './repart/repart-disk.js'
export type { RepartFile } from './repart/parse-fragment.js'
export { type DataPartition, dataMountPoint } from './plan/data-partitions.js'
export { seedUuid } from './plan/seed-uuid.js'
export { type OwnerRecord, type OwnerTable, parseOwners, printOwners } from './record/owner-table.js'
export { recordingDir, type RecordingDir, type RecordingOptions } from './record/recording-dir.js'
export { hostSource, recordedSource } from './host-source.js'
export { packDisk, type PackEvent, type PackOptions, type PackResult } from './pack-disk.js'
export type { PackNode, PackSource } from './scan-tree.js'
export type {
  Contents,
  Ext4Options,
  FormatContext,
  Formatters,
  Region,
  VfatOptions,
} from './tools/formatters.js'
export { hostFormatters } from './tools/host-formatters.js'
export { packingSysroot, type PackingSysrootOptions } from './record/packing-sysroot.js'
export { applyCustomizations, type CustomizeTarget } from './customize/apply.js'
export { parseCustomizations, type ParseOptions } from './customize/parse.js'
export type * from './customize/types.js'
export { installToImage } from './install/install-to-image.js'
export type { ImageDisk, ImageOutput, InstallToImageOptions, InstallToImageResult } from './install/types.js'
export { checkDiskTarget, type DiskTarget, type DiskTargetOptions } from './target/disk-target.js'
export { biosTargetBeside, biosTargetOn } from './target/bios-target.js'
