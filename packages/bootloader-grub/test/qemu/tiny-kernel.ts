import { writeSerial } from './write-serial.js'

/**
 * A kernel that writes its command line to the first serial port, with a line break, and resets the machine: as much
 * as it takes to see what a boot loader started. For loaders that enter it in 32-bit mode (GRUB for BIOS).
 *
 * @see Linux Documentation/arch/x86/boot.rst
 */
export function tinyKernel(): Buffer {
  const code = Buffer.from([
    ...[0x8b, 0x9e, 0x28, 0x02, 0x00, 0x00], // mov ebx, [esi + 0x228]: cmd_line_ptr
    ...writeSerial, //                     next:
    ...[0x43], //                                inc ebx
    ...[0x80, 0xfc, 0x0a], //                    cmp ah, '\n'
    ...[0x75, 0xe2], //                          jnz next
    ...[0xb0, 0xfe], //                          mov al, 0xfe
    ...[0xe6, 0x64], //                          out 0x64, al
    ...[0xeb, 0xfa], //                          jmp -6
  ])
  const setup = Buffer.alloc(1024)
  setup[0x1f1] = 1 // setup_sects
  setup.writeUInt32LE(Math.ceil(code.length / 16), 0x1f4) // syssize
  setup.writeUInt16LE(0xaa55, 0x1fe)
  setup.writeUInt16LE(0x66eb, 0x200) // jump over the header
  setup.write('HdrS', 0x202)
  setup.writeUInt16LE(0x0206, 0x206)
  setup[0x211] = 1 // loaded high
  setup.writeUInt32LE(0x100000, 0x214)
  setup.writeUInt32LE(0x37ffffff, 0x22c) // initrd_addr_max
  setup.writeUInt32LE(2047, 0x238) // cmdline_size
  const rest = Buffer.alloc(4096)
  code.copy(rest)
  return Buffer.concat([setup, rest])
}
