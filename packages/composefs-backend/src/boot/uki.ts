import { createHash } from 'node:crypto'
import type { Digest } from '@bootc-sdk/core'
import { readRange } from './byte-source.js'
import type { ByteSource } from './byte-source.js'
import { badUki } from './errors.js'
import { maxPeHeadBytes, peSections } from './pe.js'
import type { PeSection } from './pe.js'

/** A unified kernel image, of which only what is asked for is read. */
export interface Uki {
  readonly sections: readonly PeSection[]
  /** Command line; undefined where the image has none (addons may not). */
  cmdline(): Promise<string | undefined>
  /** os-release of the kernel. */
  osRelease(): Promise<string | undefined>
  /** Kernel version. */
  uname(): Promise<string | undefined>
  /** @throws BootcError `BOOT_UKI_INVALID` without a kernel or an initrd */
  bootDigest(): Promise<Digest>
}

/** Command lines are at most 4 KiB (x86: 2 KiB); os-release files are small. */
const maxTextBytes = 64 << 10

/** @throws BootcError `BOOT_UKI_INVALID` */
export async function openUki(source: ByteSource): Promise<Uki> {
  const headBytes = Math.min(maxPeHeadBytes, source.sizeBytes)
  const sections = peSections(await readRange(source, 0, headBytes), source.sizeBytes)
  const find = (name: string): PeSection | undefined =>
    sections.find((section) => section.name === name && section.start > 0)
  const text = async (name: string): Promise<string | undefined> => {
    const section = find(name)
    if (section === undefined) return undefined
    if (section.sizeBytes > maxTextBytes) throw badUki(`its section ${name} is larger than ${maxTextBytes}`)
    const bytes = await readRange(source, section.start, section.start + section.sizeBytes)
    return bytes.toString('utf8').replace(/\0+$/, '')
  }
  return {
    sections,
    cmdline: () => text('.cmdline'),
    osRelease: () => text('.osrel'),
    uname: () => text('.uname'),
    bootDigest: async () => {
      const hash = createHash('sha256')
      for (const name of ['.linux', '.initrd']) {
        const section = find(name)
        if (section === undefined) throw badUki(`it has no section ${name}`)
        const { start, sizeBytes } = section
        for await (const chunk of source.read({ start, end: start + sizeBytes })) hash.update(chunk)
      }
      return `sha256:${hash.digest('hex')}`
    },
  }
}

/**
 * What identifies a kernel and its initramfs together: sha256 over one after the other.
 *
 * @see bootc 1.16 crates/lib/src/bootc_composefs/boot.rs, compute_boot_digest
 */
export async function digestOfKernel(kernel: ByteSource, initrd: ByteSource): Promise<Digest> {
  const hash = createHash('sha256')
  for (const file of [kernel, initrd]) {
    for await (const chunk of file.read({ start: 0, end: file.sizeBytes })) hash.update(chunk)
  }
  return `sha256:${hash.digest('hex')}`
}
