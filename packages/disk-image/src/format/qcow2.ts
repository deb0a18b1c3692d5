/** As QEMU's own tools choose. */
export const clusterBytes = 65536
const clusterBits = 16
const refcountBits = 16
const tableEntries = clusterBytes / 8
const refcountEntries = (clusterBytes * 8) / refcountBits

/** The cluster is its own: no snapshot shares it. */
const copied = 1n << 63n

/**
 * Where things are in a qcow2 image of version 3 whose data clusters follow the header in the order of the disk, and
 * whose tables come last. Give it the clusters that are not all zero, then take the tables.
 *
 * @see QEMU docs/interop/qcow2.rst
 */
export class Qcow2Layout {
  readonly #diskBytes: number
  readonly #l2 = new Map<number, BigUint64Array>()
  #clusters = 1

  constructor(diskBytes: number) {
    this.#diskBytes = diskBytes
  }

  /** @returns offset in the image at which the cluster's data goes */
  add(cluster: number): number {
    const index = Math.floor(cluster / tableEntries)
    let table = this.#l2.get(index)
    if (table === undefined) this.#l2.set(index, (table = new BigUint64Array(tableEntries)))
    const offset = this.#clusters++ * clusterBytes
    table[cluster % tableEntries] = BigInt(offset) | copied
    return offset
  }

  /** Everything but data: `tail` goes behind the last cluster, `header` to the start. */
  finish(): { readonly header: Buffer; readonly tail: Buffer; readonly tailOffset: number } {
    const tailOffset = this.#clusters * clusterBytes
    const l1Entries = Math.ceil(this.#diskBytes / (tableEntries * clusterBytes))
    const l1 = new BigUint64Array(Math.ceil(l1Entries / tableEntries) * tableEntries)
    const parts: Buffer[] = []
    let at = tailOffset
    const put = (table: BigUint64Array): number => {
      const start = at
      const bytes = bigEndian(table)
      parts.push(bytes)
      at += bytes.length
      return start
    }
    for (const [index, table] of this.#l2) l1[index] = BigInt(put(table)) | copied
    const l1Offset = put(l1)
    const { tableOffset, tableClusters, blocks } = refcounts(at)
    parts.push(...blocks)
    const header = encodeHeader({
      diskBytes: this.#diskBytes,
      l1Entries,
      l1Offset,
      tableOffset,
      tableClusters,
    })
    return { header, tail: Buffer.concat(parts), tailOffset }
  }
}

/** Blocks of reference counts, all 1, which count themselves too, then the table that names them. */
function refcounts(start: number): { tableOffset: number; tableClusters: number; blocks: Buffer[] } {
  const used = start / clusterBytes
  let blockCount = 1
  let tableClusters = 1
  for (;;) {
    const total = used + blockCount + tableClusters
    const needed = Math.ceil(total / refcountEntries)
    const neededTables = Math.ceil(needed / tableEntries)
    if (needed <= blockCount && neededTables <= tableClusters) break
    blockCount = Math.max(blockCount, needed)
    tableClusters = Math.max(tableClusters, neededTables)
  }
  const total = used + blockCount + tableClusters
  const counts = Buffer.alloc(blockCount * clusterBytes)
  for (let i = 0; i < total; i++) counts.writeUInt16BE(1, i * 2)
  const table = new BigUint64Array(tableClusters * tableEntries)
  for (let i = 0; i < blockCount; i++) table[i] = BigInt(start + i * clusterBytes)
  const tableOffset = start + counts.length
  return { tableOffset, tableClusters, blocks: [counts, bigEndian(table)] }
}

function encodeHeader(at: {
  diskBytes: number
  l1Entries: number
  l1Offset: number
  tableOffset: number
  tableClusters: number
}): Buffer {
  const header = Buffer.alloc(clusterBytes)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(clusterBits, 20)
  header.writeBigUInt64BE(BigInt(at.diskBytes), 24)
  header.writeUInt32BE(at.l1Entries, 36)
  header.writeBigUInt64BE(BigInt(at.l1Offset), 40)
  header.writeBigUInt64BE(BigInt(at.tableOffset), 48)
  header.writeUInt32BE(at.tableClusters, 56)
  header.writeUInt32BE(Math.log2(refcountBits), 96)
  header.writeUInt32BE(104, 100)
  return header
}

function bigEndian(table: BigUint64Array): Buffer {
  const out = Buffer.alloc(table.length * 8)
  table.forEach((value, index) => {
    if (value !== 0n) out.writeBigUInt64BE(value, index * 8)
  })
  return out
}
