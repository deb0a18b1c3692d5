import { BootFailure } from './boot-failure.js'

/** What firmware starts when an entry names a unified kernel image. */
export interface StartedUki {
  readonly kernel: Buffer
  readonly initrds: readonly Buffer[]
  readonly options: string
}

/**
 * Take a unified kernel image apart, as its stub does.
 *
 * @throws BootFailure
 * @see UAPI.5 Unified Kernel Image
 */
export function startUki(path: string, file: Buffer): StartedUki {
  try {
    const sections = sectionsOf(file)
    const kernel = sections.get('.linux')
    const initrd = sections.get('.initrd')
    if (kernel === undefined) throw new BootFailure(`${path} has no kernel in it`)
    const options = sections.get('.cmdline')?.toString('utf8').replace(/\0+$/, '').trim() ?? ''
    return { kernel, initrds: initrd === undefined ? [] : [initrd], options }
  } catch (error) {
    if (error instanceof BootFailure) throw error
    throw new BootFailure(`${path} cannot be started: ${String(error)}`, { cause: error })
  }
}

function sectionsOf(file: Buffer): Map<string, Buffer> {
  const header = file.readUInt32LE(0x3c)
  if (file.toString('latin1', header, header + 4) !== 'PE\0\0') throw new Error('no PE file')
  const count = file.readUInt16LE(header + 6)
  const table = header + 24 + file.readUInt16LE(header + 20)
  const sections = new Map<string, Buffer>()
  for (let i = 0; i < count; i++) {
    const at = table + i * 40
    const name = file.toString('latin1', at, at + 8).replace(/\0+$/, '')
    const [size, start] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 20)]
    if (start + size > file.length) throw new Error(`section ${name} is cut short`)
    sections.set(name, file.subarray(start, start + size))
  }
  return sections
}
