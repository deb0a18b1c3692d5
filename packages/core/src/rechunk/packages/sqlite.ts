/** A column: text and blobs as bytes, numbers, or nothing. */
export type SqliteValue = number | Uint8Array | undefined

const interior = 0x05
const leaf = 0x0d
/** Pages below each other; a database of terabytes has fewer. */
const maxDepth = 20

/**
 * Rows of a table, in order of their ids. A write-ahead log beside the file is not looked at.
 *
 * @param file the whole database
 * @throws RangeError when it is no database, damaged, or has no such table
 * @see sqlite.org/fileformat2.html, version 3.46
 */
export function* readTable(file: Buffer, table: string): Generator<SqliteValue[]> {
  if (file.toString('latin1', 0, 16) !== 'SQLite format 3\0') throw new RangeError('no SQLite database')
  const database = new Database(file)
  for (const [type, name, , rootPage] of database.rows(1)) {
    const isIt = textOf(type) === 'table' && textOf(name) === table
    if (isIt && typeof rootPage === 'number') return yield* database.rows(rootPage)
  }
  throw new RangeError(`no table ${table}`)
}

function textOf(value: SqliteValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : ''
}

class Database {
  readonly #file: Buffer
  readonly #pageBytes: number
  /** Of a page, without what is reserved at its end. */
  readonly #usable: number
  /** Pages seen: a damaged file may lead in circles. */
  #pagesLeft: number

  constructor(file: Buffer) {
    this.#file = file
    const pageBytes = file.readUInt16BE(16)
    this.#pageBytes = pageBytes === 1 ? 65536 : pageBytes
    if (this.#pageBytes < 512) throw new RangeError('page size is wrong')
    this.#usable = this.#pageBytes - file[20]!
    this.#pagesLeft = 2 * Math.ceil(file.length / this.#pageBytes)
  }

  *rows(page: number, depth = 0): Generator<SqliteValue[]> {
    if (depth > maxDepth) throw new RangeError('tree is too deep')
    const bytes = this.#page(page)
    // The first page starts with the header of the file.
    const header = page === 1 ? 100 : 0
    const type = bytes[header]
    const cells = bytes.readUInt16BE(header + 3)
    const pointers = header + (type === interior ? 12 : 8)
    for (let i = 0; i < cells; i++) {
      const cell = bytes.readUInt16BE(pointers + 2 * i)
      if (type === interior) yield* this.rows(bytes.readUInt32BE(cell), depth + 1)
      else if (type === leaf) yield this.#row(bytes, cell)
      else throw new RangeError('page is of no table')
    }
    if (type === interior) yield* this.rows(bytes.readUInt32BE(header + 8), depth + 1)
  }

  #page(number: number): Buffer {
    if (--this.#pagesLeft < 0) throw new RangeError('pages lead in a circle')
    const start = (number - 1) * this.#pageBytes
    if (number < 1 || start + this.#pageBytes > this.#file.length) throw new RangeError('no such page')
    return this.#file.subarray(start, start + this.#pageBytes)
  }

  #row(page: Buffer, cell: number): SqliteValue[] {
    const [payloadBytes, afterSize] = varint(page, cell)
    const [, start] = varint(page, afterSize)
    if (payloadBytes > this.#file.length) throw new RangeError('row is too long')
    return parseRecord(this.#payload(page, start, payloadBytes))
  }

  /** What does not fit a page goes on in a chain of others. */
  #payload(page: Buffer, start: number, sizeBytes: number): Buffer {
    const most = this.#usable - 35
    if (sizeBytes <= most) return page.subarray(start, start + sizeBytes)
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23
    const fitting = least + ((sizeBytes - least) % (this.#usable - 4))
    const here = fitting <= most ? fitting : least
    const parts = [page.subarray(start, start + here)]
    let next = page.readUInt32BE(start + here)
    for (let left = sizeBytes - here; left > 0;) {
      const overflow = this.#page(next)
      next = overflow.readUInt32BE(0)
      const part = overflow.subarray(4, 4 + Math.min(left, this.#usable - 4))
      parts.push(part)
      left -= part.length
    }
    return Buffer.concat(parts)
  }
}

const integerBytes = [0, 1, 2, 3, 4, 6, 8]

function parseRecord(record: Buffer): SqliteValue[] {
  const [headerBytes, first] = varint(record, 0)
  const values: SqliteValue[] = []
  let data = headerBytes
  for (let at = first; at < headerBytes;) {
    const [type, next] = varint(record, at)
    at = next
    if (type >= 12) {
      const length = Math.floor((type - 12) / 2)
      if (data + length > record.length) throw new RangeError('column is truncated')
      values.push(record.subarray(data, data + length))
      data += length
    } else if (type === 8 || type === 9) values.push(type - 8)
    else if (type >= 1 && type <= 5) {
      values.push(record.readIntBE(data, integerBytes[type]!))
      data += integerBytes[type]!
    } else {
      values.push(undefined)
      data += type === 6 || type === 7 ? 8 : 0
    }
  }
  return values
}

/** Seven bits a byte, most significant first, the ninth byte whole; larger numbers than 2^53 do not occur here. */
function varint(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0
  for (let i = 0; i < 9; i++) {
    const byte = bytes.readUInt8(at + i)
    if (i === 8) return [value * 256 + byte, at + 9]
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return [value, at + i + 1]
  }
  return [value, at + 9]
}
