import { closeSync, openSync, readSync, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { perlScript, pythonScript } from './xattr-scripts.js'

/** A program that can make the calls for extended attributes, and its arguments. */
export interface Interpreter {
  readonly program: string
  readonly args: readonly string[]
}

/** Looked at before PATH: wrappers in PATH (pyenv, asdf) need an environment. */
const usualPlaces = ['/usr/bin', '/bin', '/usr/local/bin']

/** Numbers of lsetxattr, lgetxattr, llistxattr, lremovexattr by e_machine of 64-bit programs. @see asm/unistd_64.h, asm-generic/unistd.h */
const callNumbers: Readonly<Record<number, readonly number[]>> = {
  62: [189, 192, 195, 198],
  183: [6, 9, 12, 15],
}

/** Perl (part of every Debian), else Python; undefined where neither is there. Nothing is started. */
export function findInterpreter(
  directories: readonly string[] = [...usualPlaces, ...(process.env.PATH ?? '').split(delimiter)],
): Interpreter | undefined {
  if (process.platform !== 'linux') return undefined
  const found = (name: string) => firstProgram(directories, name)
  const perl = found('perl')
  const calls = perl === undefined ? undefined : callNumbers[perl.machine]
  if (perl !== undefined && calls !== undefined) {
    // -f: no site-wide customization.
    return { program: perl.path, args: ['-f', '-e', perlScript, ...calls.map(String)] }
  }
  const python = found('python3')
  return python && { program: python.path, args: ['-I', '-S', '-c', pythonScript] }
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
