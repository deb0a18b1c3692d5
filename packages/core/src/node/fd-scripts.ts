/*
 * One call on descriptor 3 (Python refuses a directory as standard input); the exit code is errno, 0 when done. Arguments: `flock N`
 * with N of flock(2), `ofd N` with l_type for F_OFD_SETLK (37) over the whole file, `immutable 0|1` for
 * FS_IMMUTABLE_FL (0x10) through FS_IOC_GETFLAGS and FS_IOC_SETFLAGS. @see linux/fs.h, asm-generic/fcntl.h
 */

export const perlFdScript = `
my ($call, $value) = @ARGV;
open my $fd, '<&=', 3 or exit $! + 0;
if ($call eq 'flock') {
  flock($fd, $value + 0) or exit $! + 0;
} elsif ($call eq 'ofd') {
  my $lock = pack 's s x4 q q i x4', $value, 0, 0, 0, 0;
  fcntl($fd, 37, $lock) or exit $! + 0;
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
    else:
        old, = struct.unpack('L', fcntl.ioctl(3, 0x80086601, struct.pack('L', 0)))
        fcntl.ioctl(3, 0x40086602, struct.pack('L', old | 0x10 if value else old & ~0x10))
except OSError as error:
    sys.exit(error.errno)
`
