/*
 * One call on descriptor 3 (Python refuses a directory as standard input); the exit code is errno, 0 when done. Arguments: `flock N`
 * with N of flock(2), `ofd N` with l_type for F_OFD_SETLK (37) over the whole file, `immutable 0|1` for
 * FS_IMMUTABLE_FL (0x10) through FS_IOC_GETFLAGS and FS_IOC_SETFLAGS, `enable-verity N` with N = 1 for SHA-256 or
 * 2 for SHA-512 and 4096-byte blocks, `measure-verity 0`, which prints that number and the digest in hex.
 * @see linux/fs.h, linux/fsverity.h, asm-generic/fcntl.h
 */

export const perlFdScript = `
my ($call, $value) = @ARGV;
open my $fd, '<&=', 3 or exit $! + 0;
if ($call eq 'flock') {
  flock($fd, $value + 0) or exit $! + 0;
} elsif ($call eq 'ofd') {
  my $lock = pack 's s x4 q q i x4', $value, 0, 0, 0, 0;
  fcntl($fd, 37, $lock) or exit $! + 0;
} elsif ($call eq 'enable-verity') {
  my $request = pack 'L L L x116', 1, $value, 4096;
  ioctl($fd, 0x40806685, $request) or exit $! + 0;
} elsif ($call eq 'measure-verity') {
  my $answer = pack 'S S x64', 0, 64;
  ioctl($fd, 0xc0046686, $answer) or exit $! + 0;
  my ($algorithm, $digest) = unpack 'S S/a', $answer;
  print $algorithm, ' ', unpack('H*', $digest);
} else {
  my $flags = pack 'L x4', 0;
  ioctl($fd, 0x80086601, $flags) or exit $! + 0;
  my $old = unpack 'L', $flags;
  $flags = pack 'L x4', $value ? $old | 0x10 : $old & ~0x10;
  ioctl($fd, 0x40086602, $flags) or exit $! + 0;
}
exit 0;
`

export const pythonFdScript = `
import fcntl, struct, sys
call, value = sys.argv[1], int(sys.argv[2])
try:
    if call == 'flock':
        fcntl.flock(3, value)
    elif call == 'ofd':
        fcntl.fcntl(3, 37, struct.pack('hhqqi4x', value, 0, 0, 0, 0))
    elif call == 'enable-verity':
        fcntl.ioctl(3, 0x40806685, struct.pack('=LLL116x', 1, value, 4096))
    elif call == 'measure-verity':
        answer = fcntl.ioctl(3, 0xc0046686, struct.pack('=HH64x', 0, 64))
        algorithm, size = struct.unpack_from('=HH', answer)
        print(algorithm, answer[4:4 + size].hex())
    else:
        old, = struct.unpack('L', fcntl.ioctl(3, 0x80086601, struct.pack('L', 0)))
        fcntl.ioctl(3, 0x40086602, struct.pack('L', old | 0x10 if value else old & ~0x10))
except OSError as error:
    sys.exit(error.errno)
`
