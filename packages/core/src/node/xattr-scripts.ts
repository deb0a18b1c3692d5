/*
 * The other end of `XattrProcess`. A request is one line of fields with single spaces between them, all but the
 * first in hex: `s PATH (NAME VALUE)*` sets attributes, `r PATH NAME` removes one, `l PATH` lists all. The answer
 * is one line: errno (0: done), and for `l` the names and values. Signals of a terminal or a service manager also
 * reach the helper, while its parent may still have things to tidy up; it ends with its input.
 */

/** Arguments: numbers of lsetxattr, lgetxattr, llistxattr, lremovexattr. 65536 is the kernel's limit of lists and values; 61 is ENODATA. */
export const perlScript = `
my ($set, $get, $list, $remove) = map { $_ + 0 } @ARGV;
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
$| = 1;
binmode STDIN;
binmode STDOUT;
while (defined(my $line = <STDIN>)) {
  chomp $line;
  my ($op, @fields) = split / /, $line, -1;
  my ($path, @rest) = map { pack 'H*', $_ } @fields;
  my ($errno, @answer) = (0);
  if ($op eq 's') {
    while (@rest) {
      my ($name, $value) = splice @rest, 0, 2;
      next if syscall($set, $path, $name, $value, length($value), 0) == 0;
      $errno = $! + 0;
      last;
    }
  } elsif ($op eq 'r') {
    $errno = $! + 0 if syscall($remove, $path, $rest[0]) != 0;
  } else {
    my $names = "\\0" x 65536;
    my $size = syscall($list, $path, $names, 65536);
    if ($size < 0) {
      $errno = $! + 0;
      $size = 0;
    }
    for my $name (split /\\0/, substr($names, 0, $size)) {
      my $value = "\\0" x 65536;
      my $got = syscall($get, $path, $name, $value, 65536);
      if ($got >= 0) {
        push @answer, unpack('H*', $name), unpack('H*', substr($value, 0, $got));
      } elsif ($! + 0 != 61) {
        $errno = $! + 0;
        last;
      }
    }
  }
  print join(' ', $errno, @answer) . "\\n";
}
`

export const pythonScript = `
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
for line in sys.stdin.buffer:
    op, path, *rest = line.rstrip(b'\\n').split(b' ')
    path, *rest = [bytes.fromhex(field.decode()) for field in (path, *rest)]
    errno, answer = 0, []
    try:
        if op == b's':
            for name, value in zip(rest[::2], rest[1::2]):
                os.setxattr(path, name, value, follow_symlinks=False)
        elif op == b'r':
            os.removexattr(path, rest[0], follow_symlinks=False)
        else:
            for name in os.listxattr(path, follow_symlinks=False):
                name = os.fsencode(name)
                try:
                    answer += [name, os.getxattr(path, name, follow_symlinks=False)]
                except OSError as error:
                    if error.errno != 61:
                        raise
    except OSError as error:
        errno = error.errno
    fields = [str(errno)] + [field.hex() for field in answer]
    sys.stdout.buffer.write(' '.join(fields).encode() + b'\\n')
    sys.stdout.buffer.flush()
`
