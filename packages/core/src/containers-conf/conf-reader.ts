import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { confInvalid } from './conf-error.js'

/** The files that configuration is read from; absolute paths. */
export interface ConfReader {
  /** Undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Names of what is in a directory, directories left out; undefined when there is no such directory. */
  list(path: string): Promise<readonly string[] | undefined>
  exists(path: string): Promise<boolean>
}

/** Who asks, and from where: what decides which files count. */
export interface ConfContext {
  readonly reader?: ConfReader
  /** `HOME`, `XDG_CONFIG_HOME` and the variables that name files. Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Files of this machine.
 *
 * @param root directory that stands for `/`, for the configuration of a system that does not run
 */
export function hostConfReader(root = ''): ConfReader {
  const at = (path: string): string => (root === '' ? path : join(root, path))
  return {
    read: (path) => orAbsent(path, () => readFile(at(path))),
    list: (path) =>
      orAbsent(path, async () => {
        const entries = await readdir(at(path), { withFileTypes: true })
        return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name)
      }),
    exists: async (path) => (await orAbsent(path, () => stat(at(path)))) !== undefined,
  }
}

/** `XDG_CONFIG_HOME` is not asked here: containers/image looks for these files below `~/.config` only. */
export function userConfigDir(env: ConfContext['env']): string | undefined {
  const home = (env ?? process.env)['HOME']
  return home === undefined || home === '' ? undefined : join(home, '.config/containers')
}

/** A variable that is set and not empty. */
export function variable(env: ConfContext['env'], name: string): string | undefined {
  const value = (env ?? process.env)[name]
  return value === undefined || value === '' ? undefined : value
}

/** A text file; undefined when there is none. @throws `TRANSPORT_CONFIG_INVALID` when it is not UTF-8 */
export async function readConfText(reader: ConfReader, path: string): Promise<string | undefined> {
  const bytes = await reader.read(path)
  if (bytes === undefined) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw confInvalid(path, 'is not UTF-8', cause)
  }
}

/** Names that end in `suffix`, in byte order. */
export async function listConf(reader: ConfReader, directory: string, suffix: string): Promise<string[]> {
  const names = (await reader.list(directory)) ?? []
  return names.filter((name) => name.endsWith(suffix)).sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
}

function bytes(text: string): Buffer {
  return Buffer.from(text)
}

async function orAbsent<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw confInvalid(path, `cannot be read (${code ?? 'unknown error'})`, cause)
  }
}
