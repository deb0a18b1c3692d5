import { spawnSync } from 'node:child_process'
import { getSystemErrorName } from 'node:util'
import type { Interpreter } from './interpreter.js'

/** Number of renameat2 by e_machine. @see asm/unistd_64.h, asm-generic/unistd.h */
const callNumbers: Readonly<Record<number, number>> = { 62: 316, 183: 276 }

/** Arguments: number of the call, two names in the directories that are open as descriptors 3 and 4; exit code errno. */
const perlScript = `
my ($call, $from, $to) = @ARGV;
syscall($call + 0, 3, $from, 4, $to, 2) == 0 or exit $! + 0;
exit 0;
`
const pythonScript = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
name = lambda text: ctypes.c_char_p(os.fsencode(text))
if libc.syscall(int(sys.argv[1]), 3, name(sys.argv[2]), 4, name(sys.argv[3]), ctypes.c_uint(2)) != 0:
    sys.exit(ctypes.get_errno())
`

/** A name in an open directory. */
export interface NameAt {
  readonly fd: number
  readonly name: string
}

/** Can this interpreter exchange two names? */
export function canExchange(interpreter: Interpreter | undefined): boolean {
  return interpreter !== undefined && callNumbers[interpreter.machine] !== undefined
}

/** RENAME_EXCHANGE by a short-lived interpreter, where the addon is not there. Rare: once in an operation. */
export function exchangeBy(interpreter: Interpreter, from: NameAt, to: NameAt): void {
  const { program, machine, isPerl } = interpreter
  const script = isPerl ? ['-f', '-e', perlScript] : ['-I', '-S', '-c', pythonScript]
  const args = [...script, String(callNumbers[machine]), from.name, to.name]
  const { status, error } = spawnSync(program, args, {
    cwd: '/',
    env: { LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'ignore', 'ignore', from.fd, to.fd],
  })
  if (status === 0) return
  const cause = error === undefined ? {} : { cause: error }
  // Neither a program that cannot be started nor one that was killed says anything about the names.
  const code = status === null ? 'EIO' : getSystemErrorName(-status)
  throw Object.assign(new Error(`${code}: exchange`, cause), { errno: -(status ?? 5), code })
}
