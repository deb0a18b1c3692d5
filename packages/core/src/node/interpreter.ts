import { closeSync, openSync, readSync, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { perlFdScript, pythonFdScript } from './fd-scripts.js'
import { perlScript, pythonScript } from './xattr-scripts.js'

/** A program that can make system calls which Node lacks. */
export interface Interpreter {
  readonly program: string
  readonly isPerl: boolean
  /** e_machine of the program: system calls have other numbers on each. */
  readonly machine: number
  /** For requests about extended attributes, see `XattrProcess`. */
  readonly args: readonly string[]
  /** For one call on a descriptor, see `FdCalls`; the call follows. */
  readonly fdArgs: readonly string[]
}

/** Looked at before PATH: wrappers in PATH (pyenv, asdf) need an environment. */
const usualPlaces = ['/usr/bin', '/bin', '/usr/local/bin']

/** Numbers of lsetxattr, lgetxattr, llistxattr, lremovexattr by e_machine of 64-bit programs. @see asm/unistd_64.h, asm-generic/unistd.h */
const callNumbers: Readonly<Record<number, readonly number[]>> = {
  62: [189, 192, 195, 198],
  183: [6, 9, 12, 15],
}

let shared: { readonly interpreter: Interpreter | undefined } | undefined

/** The interpreter of this machine, looked for once. */
export function sharedInterpreter(): Interpreter | undefined {
  return (shared ??= { interpreter: findInterpreter() }).interpreter
}

/** Perl (part of every Debian), else Python; undefined where neither is there. Nothing is started. */
export function findInterpreter(
  directories: readonly string[] = [...usualPlaces, ...(process.env.PATH ?? '').split(delimiter)],
  names: readonly string[] = ['perl', 'python3'],
): Interpreter | undefined {
  if (process.platform !== 'linux') return undefined
  const found = (name: string) => (names.includes(name) ? firstProgram(directories, name) : undefined)
  const perl = found('perl')
  const calls = perl === undefined ? undefined : callNumbers[perl.machine]
  if (perl !== undefined && calls !== undefined) {
    // -f: no site-wide customization.
    const args = ['-f', '-e', perlScript, ...calls.map(String)]
    const { path: program, machine } = perl
    return { program, isPerl: true, machine, args, fdArgs: ['-f', '-e', perlFdScript] }
  }
  const python = found('python3')
  if (python === undefined) return undefined
  const options = ['-I', '-S', '-c']
  const { path: program, machine } = python
  const own = { args: [...options, pythonScript], fdArgs: [...options, pythonFdScript] }
  return { program, isPerl: false, machine, ...own }
}

function firstProgram(
  directories: readonly string[],
  name: string,
): { path: string; machine: number } | undefined {
  for (const directory of directories.filter(isAbsolute)) {
    const path = join(directory, name)
    const machine = elfMachine(path)
    if (machine !== undefined) return { path, machine }
  }
  return undefined
}

/** e_machine of a 64-bit little-endian ELF file (as a 32-bit perl would use other numbers); undefined for all else. */
function elfMachine(path: string): number | undefined {
  try {
    const fd = openSync(realpathSync(path), 'r')
    try {
      const head = Buffer.alloc(20)
      readSync(fd, head, 0, head.length, 0)
      return head.subarray(0, 6).toString('latin1') === '\x7fELF\x02\x01' ? head.readUInt16LE(18) : undefined
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}
