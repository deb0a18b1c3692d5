import type { ReadTree, Warning } from '../interfaces/index.js'
import { compareNames, joinPath } from '../names/index.js'
import { followPath } from '../store-kit/follow-path.js'

/** Directory below each of the roots. */
export type HealthKind = 'check/required.d' | 'check/wanted.d' | 'green.d' | 'red.d'

export interface HealthProgram {
  readonly name: string
  /** In the tree. */
  readonly path: string
}

export interface FoundPrograms {
  /** In the order to run them. */
  readonly programs: readonly HealthProgram[]
  readonly warnings: readonly Warning[]
}

interface Family {
  /** Later ones replace files of the same name in earlier ones. */
  readonly roots: readonly string[]
  readonly suffix: string
}

/** Ours, then greenboot's, whose directories hold shell scripts and other files beside them. */
const families: readonly Family[] = [
  { roots: ['usr/lib/bootc-sdk', 'etc/bootc-sdk'], suffix: '' },
  { roots: ['usr/lib/greenboot', 'etc/greenboot'], suffix: '.sh' },
]

/** Hidden files, and what editors and package managers leave beside a file that was changed. */
const ignored = /^\.|~$|\.(?:rpmnew|rpmsave|rpmorig|dpkg-[a-z]+|ucf-[a-z]+|bak|swp)$/

/**
 * Executables of one kind: those of bootc-sdk, then greenboot's, each sorted by name. A file in /etc replaces the
 * one of its name in /usr/lib; a link to /dev/null takes it away. What cannot be run is left out with a warning.
 *
 * @param tree root of the running system
 */
export async function findPrograms(
  tree: Pick<ReadTree, 'stat' | 'list' | 'readlink'>,
  kind: HealthKind,
): Promise<FoundPrograms> {
  const programs: HealthProgram[] = []
  const warnings: Warning[] = []
  for (const { roots, suffix } of families) {
    const byName = new Map<string, string>()
    for (const root of roots) {
      for (const name of await namesIn(tree, joinPath(root, kind))) {
        if (name.endsWith(suffix) && !ignored.test(name)) byName.set(name, joinPath(root, kind, name))
      }
    }
    for (const name of [...byName.keys()].sort(compareNames)) {
      const path = byName.get(name)!
      const problem = await problemOf(tree, path)
      if (problem === undefined) programs.push({ name, path })
      else if (problem !== 'masked') warnings.push(skipped(path, problem))
    }
  }
  return { programs, warnings }
}

async function namesIn(tree: Pick<ReadTree, 'stat' | 'list' | 'readlink'>, path: string): Promise<string[]> {
  const real = await followPath(tree, path)
  if (real === undefined || (await tree.stat(real))?.type !== 'directory') return []
  const names: string[] = []
  for await (const { name } of tree.list(real)) names.push(name)
  return names
}

/** Undefined: it can be run. */
async function problemOf(
  tree: Pick<ReadTree, 'stat' | 'readlink'>,
  path: string,
): Promise<string | undefined> {
  // The directory itself may be reached through a link.
  const directory = await followPath(tree, path.slice(0, path.lastIndexOf('/')))
  const here = joinPath(directory ?? '', path.slice(path.lastIndexOf('/') + 1))
  if ((await tree.stat(here))?.type === 'symlink' && (await tree.readlink(here)) === '/dev/null') {
    return 'masked'
  }
  const real = await followPath(tree, here)
  const stat = real === undefined ? undefined : await tree.stat(real)
  if (stat === undefined) return 'is a link that leads nowhere'
  if (stat.type !== 'file') return `is no file (${stat.type})`
  return (stat.mode & 0o111) === 0 ? 'is not executable' : undefined
}

function skipped(path: string, problem: string): Warning {
  return { code: 'health:skipped', message: `/${path} ${problem}, so it is not run`, details: { path } }
}
