/**
 * Machine code, the same in 32-bit and 64-bit mode: the byte at ebx (rbx) to the first serial port, a line break for 0. It
 * is in ah afterwards.
 */
export const writeSerial: readonly number[] = [
  ...[0x8a, 0x23], //                    next: mov ah, [ebx]
  ...[0x84, 0xe4], //                          test ah, ah
  ...[0x75, 0x02], //                          jnz put
  ...[0xb4, 0x0a], //                          mov ah, '\n'
  ...[0x66, 0xba, 0xfd, 0x03], //         put: mov dx, 0x3fd
  ...[0xec], //                          wait: in al, dx
  ...[0xa8, 0x20], //                          test al, 0x20
  ...[0x74, 0xfb], //                          jz wait
  ...[0x66, 0xba, 0xf8, 0x03], //              mov dx, 0x3f8
  ...[0x88, 0xe0], //                          mov al, ah
  ...[0xee], //                                out dx, al
]
