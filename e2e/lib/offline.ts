import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { run } from './tools.js'

interface Partition {
  readonly start: number
  readonly size: number
  readonly type: string
}

const esp = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
const xbootldr = 'BC13C2FF-59E6-4262-A352-B275FD6F7172'
const biosBoot = '21686148-6449-6E6F-744E-656564454649'

/** Partitions of a raw disk image, in bytes. */
export function partitionsOf(image: string): Partition[] {
  const { partitiontable } = JSON.parse(run('sfdisk', '--json', image)) as {
    partitiontable: { sectorsize: number; partitions: Partition[] }
  }
  const bytes = (sectors: number) => sectors * partitiontable.sectorsize
  return partitiontable.partitions.map(({ start, size, type }) => ({
    start: bytes(start),
    size: bytes(size),
    type,
  }))
}

/** The distribution's own programs find nothing wrong with a disk whose machine is off. */
export function checkDisk(image: string): void {
  expect(run('sgdisk', '-v', image)).toContain('No problems found')
  const dir = mkdtempSync(join(tmpdir(), 'e2e-check-'))
  try {
    for (const { start, size, type } of partitionsOf(image)) {
      if (type === biosBoot) continue
      // fsck.fat knows no offsets.
      const part = join(dir, 'partition')
      run(
        'dd',
        ...[`if=${image}`, `of=${part}`, 'bs=1M', `skip=${start}`, `count=${size}`],
        ...['iflag=skip_bytes,count_bytes', 'conv=sparse', 'status=none'],
      )
      if (type === esp || type === xbootldr) run('fsck.fat', '-n', part)
      else run('e2fsck', '-fn', part)
      rmSync(part)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
