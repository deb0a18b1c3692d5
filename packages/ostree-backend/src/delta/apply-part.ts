import { sha256Hex } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import { isSymlinkMode } from '../format/mode.js'
import type { FileHeader, MetadataType, OstreeRepo, RepoTransaction } from '../repo/api.js'
import { collect } from '../repo/io.js'
import { applyBspatch } from './bspatch.js'
import type { PartPayload } from './part.js'
import { describeObject, type DeltaObject, type PartHeader } from './superblock.js'
import { OperationReader } from './varint.js'

/** Largest file of the old commit that is read for the new one. */
const maxSourceBytes = 1024 * 1024 * 1024

/** Codes are letters. @see ostree.md §12.4 in the format documents */
const op = {
  splice: 0x53,
  open: 0x6f,
  write: 0x77,
  setSource: 0x72,
  unsetSource: 0x52,
  close: 0x63,
  patch: 0x42,
} as const

/**
 * Make the objects of a part. Every one is verified: those that hash to something else never get a name.
 *
 * @returns how many
 * @throws BootcError `STORE_OSTREE_CORRUPT`, `STORE_OSTREE_NO_OBJECT` for files of the old commit
 */
export async function applyPart(
  repo: OstreeRepo,
  transaction: RepoTransaction,
  payload: PartPayload,
  { objects, objectBytes, maxObjectBytes }: PartHeader & { readonly maxObjectBytes: number },
  what: string,
): Promise<number> {
  const writer = transaction.content()
  const expected: (readonly [id: number, object: DeltaObject])[] = []
  const reader = new OperationReader(payload.operations, what)
  const readSource = sourceReader(repo)
  const fail = (reason: string) => corrupt(what, reason)
  let index = 0
  let madeBytes = 0
  let output: { readonly header: FileHeader; readonly data: Buffer; at: number } | undefined
  let source: Buffer | undefined

  const next = (): DeltaObject => {
    const object = objects[index++]
    if (object === undefined) throw fail('makes more objects than it lists')
    return object
  }
  const blob = (offset: number, length: number): Buffer => {
    if (offset + length > payload.blob.length) throw fail('reads beyond its data')
    return payload.blob.subarray(offset, offset + length)
  }
  const count = (sizeBytes: number) => {
    madeBytes += sizeBytes
    // Generous: what counts as an object's size differs between versions of the tools.
    if (madeBytes > objectBytes * 2 + 1024 * 1024) throw fail('makes more than it announced')
    if (sizeBytes > maxObjectBytes) throw fail(`makes an object of ${sizeBytes} bytes`)
  }
  const header = (): Omit<FileHeader, 'symlinkTarget'> => {
    const [mode, xattrs] = [payload.modes[reader.number()], payload.xattrSets[reader.number()]]
    if (mode === undefined || xattrs === undefined) throw fail('names attributes that it does not have')
    return { ...mode, xattrs }
  }
  const put = async (object: DeltaObject, meta: FileHeader, data: Uint8Array) => {
    if (object.type !== 'file') throw fail(`makes a file for ${describeObject(object)}`)
    expected.push([writer.put(meta, data), object])
    if (writer.full) await writer.drain()
  }

  try {
    for (let code = reader.code(); code !== undefined; code = reader.code()) {
      if (code === op.splice) {
        if (output !== undefined) throw fail('opens an object inside another')
        const object = next()
        if (object.type === 'file') {
          const meta = header()
          const length = reader.number()
          const data = blob(reader.number(), length)
          count(length)
          const isLink = isSymlinkMode(meta.mode)
          const whole = isLink ? { ...meta, symlinkTarget: data.toString('utf8') } : meta
          await put(object, whole, isLink ? new Uint8Array() : data)
        } else {
          const length = reader.number()
          const data = blob(reader.number(), length)
          count(length)
          await writeMetadata(transaction, object, data, what)
        }
      } else if (code === op.open) {
        if (output !== undefined) throw fail('opens an object inside another')
        const meta = header()
        const sizeBytes = reader.number()
        count(sizeBytes)
        output = { header: meta, data: Buffer.alloc(sizeBytes), at: 0 }
      } else if (code === op.write) {
        const length = reader.number()
        const offset = reader.number()
        const from = source ?? payload.blob
        if (
          output === undefined ||
          offset + length > from.length ||
          length > output.data.length - output.at
        ) {
          throw fail('writes what it does not have, or where nothing is open')
        }
        from.copy(output.data, output.at, offset, offset + length)
        output.at += length
      } else if (code === op.setSource) {
        source = await readSource(blob(reader.number(), 32).toString('hex'))
      } else if (code === op.unsetSource) {
        source = undefined
      } else if (code === op.patch) {
        const offset = reader.number()
        const patch = blob(offset, reader.number())
        if (output === undefined || source === undefined || output.at !== 0) throw fail('patches nothing')
        applyBspatch(source, patch, output.data.length, what).copy(output.data)
        output.at = output.data.length
      } else if (code === op.close) {
        if (output === undefined || output.at !== output.data.length)
          throw fail('closes an object that is not whole')
        await put(next(), output.header, output.data)
        output = undefined
        source = undefined
      } else throw fail(`has an unknown operation ${code}`)
    }
    if (output !== undefined || index !== objects.length) throw fail('ends before all objects are made')
    const checksums = await writer.finish()
    for (const [id, object] of expected) {
      if (checksums[id] !== object.checksum)
        throw fail(`${describeObject(object)} hashes to ${checksums[id]}`)
    }
    return objects.length
  } finally {
    writer.close()
  }
}

async function writeMetadata(
  transaction: RepoTransaction,
  object: DeltaObject,
  data: Buffer,
  what: string,
): Promise<void> {
  if (sha256Hex(data) !== object.checksum)
    throw corrupt(what, `${describeObject(object)} has another checksum`)
  // Detached metadata comes with the superblock.
  if (object.type !== 'commitmeta') await transaction.writeMetadata(object.type as MetadataType, data)
}

/** The last file read stays for as long as its part: operations go back and forth between it and the part's own data. */
function sourceReader(repo: OstreeRepo): (checksum: string) => Promise<Buffer> {
  let last: { readonly checksum: string; readonly data: Buffer } | undefined
  return async (checksum) => {
    if (last?.checksum !== checksum) {
      last = undefined
      last = { checksum, data: await collect(repo.fileContent(checksum), maxSourceBytes, `${checksum}.file`) }
    }
    return last.data
  }
}
