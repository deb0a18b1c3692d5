import { InvalidArgumentError, Option } from 'commander'
import { parseDiskSize } from './disk-size.js'

/** As `DataPartition` of the disk, which checks the place. */
export interface PartitionFlag {
  readonly mountPoint: string
  readonly sizeBytes?: number
  readonly fs?: 'ext4' | 'xfs' | 'btrfs'
}

/** `--partition`: a part of /var on a partition of its own. */
export function partitionOption(): Option {
  return new Option(
    '--partition <place[:size[:type]]>',
    'A file system of its own for var, home or a directory below /var, as var:10G or /var/lib/containers:20G:ext4; without a size the last one takes what is left; may be repeated',
  ).argParser(collectPartitions)
}

function collectPartitions(text: string, before: readonly PartitionFlag[] = []): PartitionFlag[] {
  return [...before, parsePartition(text)]
}

/** @throws InvalidArgumentError */
export function parsePartition(text: string): PartitionFlag {
  const [place = '', size = '', type = '', ...rest] = text.split(':')
  if (place === '' || rest.length > 0) throw new InvalidArgumentError('Expected PLACE[:SIZE[:TYPE]].')
  if (type !== '' && type !== 'ext4' && type !== 'xfs' && type !== 'btrfs') {
    throw new InvalidArgumentError('Expected ext4, xfs or btrfs as the type.')
  }
  return {
    mountPoint: place.startsWith('/') ? place : `/${place}`,
    ...(size === '' ? {} : { sizeBytes: parseDiskSize(size) }),
    ...(type === '' ? {} : { fs: type }),
  }
}
