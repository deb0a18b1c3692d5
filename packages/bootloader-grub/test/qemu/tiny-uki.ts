import { writeSerial } from './write-serial.js'

/**
 * An EFI program that writes its section `.cmdline` to the first serial port, with a line break, and resets the
 * machine: what a unified kernel image is to a boot loader.
 *
 * @see Microsoft PE format
 */
export function tinyUki(cmdline: string): Buffer {
  const program = Buffer.from([
    ...[0x48, 0x8d, 0x1d, 0xf9, 0x0f, 0x00, 0x00], // lea rbx, [rip + 0x1000 - 7]: the next section
    ...writeSerial, //                     next:
    ...[0x48, 0xff, 0xc3], //                    inc rbx
    ...[0x80, 0xfc, 0x0a], //                    cmp ah, '\n'
    ...[0x75, 0xe0], //                          jnz next
    ...[0x66, 0xba, 0xf9, 0x0c], //              mov dx, 0xcf9
    ...[0xb0, 0x06], //                          mov al, 6
    ...[0xee], //                                out dx, al
    ...[0xeb, 0xfe], //                          jmp here
  ])
  const sections = [
    { name: '.text', data: program, flags: 0x60000020 },
    { name: '.cmdline', data: Buffer.from(`${cmdline}\0`), flags: 0x40000040 },
    // Loaders that look for them find a kernel and an initramfs.
    { name: '.linux', data: Buffer.from('kernel'), flags: 0x40000040 },
    { name: '.initrd', data: Buffer.from('initramfs'), flags: 0x40000040 },
  ]
  const head = Buffer.alloc(0x400)
  head.write('MZ')
  head.writeUInt32LE(0x40, 0x3c)
  head.write('PE\0\0', 0x40, 'latin1')
  head.writeUInt16LE(0x8664, 0x44)
  head.writeUInt16LE(sections.length, 0x46)
  head.writeUInt16LE(0xf0, 0x54) // size of the optional header
  head.writeUInt16LE(0x22, 0x56)
  const optional = 0x58
  head.writeUInt16LE(0x20b, optional)
  head.writeUInt32LE(0x200, optional + 4) // code
  head.writeUInt32LE(0x1000, optional + 16) // entry
  head.writeUInt32LE(0x1000, optional + 20)
  head.writeUInt32LE(0x1000, optional + 32) // alignment of sections
  head.writeUInt32LE(0x200, optional + 36)
  head.writeUInt32LE(0x1000 * (sections.length + 1), optional + 56) // size of the image
  head.writeUInt32LE(head.length, optional + 60)
  head.writeUInt16LE(10, optional + 68) // EFI application
  head.writeUInt32LE(16, optional + 108)
  const parts = [head]
  for (const [index, { name, data, flags }] of sections.entries()) {
    const row = optional + 0xf0 + index * 40
    head.write(name, row, 'latin1')
    head.writeUInt32LE(data.length, row + 8)
    head.writeUInt32LE(0x1000 * (index + 1), row + 12)
    head.writeUInt32LE(0x200, row + 16)
    head.writeUInt32LE(head.length + index * 0x200, row + 20)
    head.writeUInt32LE(flags, row + 36)
    const padded = Buffer.alloc(0x200)
    data.copy(padded)
    parts.push(padded)
  }
  return Buffer.concat(parts)
}
