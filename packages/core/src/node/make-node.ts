import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { renameSync, unlinkSync } from 'node:fs'
import type { Meta, SpecialNode } from '../interfaces/index.js'
import { applyMeta } from './metadata.js'
import { Place, type NodeRoot } from './place.js'
import { treeError } from './tree-error.js'

/** @see sys/stat.h: S_IFCHR, S_IFBLK, S_IFIFO */
const typeBits = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const
const letters = { char: 'c', block: 'b', fifo: 'p' } as const

/** mknod(2): by the addon, else by the program that every machine has. The mode is 0600 unless `meta` says more. */
export async function makeNode(
  root: NodeRoot,
  place: Place,
  node: SpecialNode,
  meta: Meta = {},
): Promise<void> {
  if (place.parent.lstat(place.name) !== undefined) throw treeError('TREE_EXISTS', place.shown)
  // Under another name first: the program takes no names that are not UTF-8, and attributes come before the name.
  const name = `.bootc-sdk-${randomBytes(4).toString('hex').slice(0, 6)}.tmp`
  const made = new Place(place.parent, name, place.shown)
  const { type, major, minor } = node
  if (root.native === undefined) runMknod(place, name, node)
  else root.native.sys.mknodat(place.dirfd(), name, typeBits[type] | 0o600, major, minor)
  try {
    await applyMeta(root, made, { mode: 0o600, ...meta })
    renameSync(made.path, place.path)
  } catch (error) {
    unlinkSync(made.path)
    throw error
  }
}

function runMknod(place: Place, name: string, { type, major, minor }: SpecialNode): void {
  const numbers = type === 'fifo' ? [] : [String(major), String(minor)]
  const { status, stderr, error } = spawnSync(
    'mknod',
    ['-m', '0600', '--', name, letters[type], ...numbers],
    {
      cwd: `/proc/${process.pid}/fd/${place.dirfd()}`,
      env: { ...process.env, LC_ALL: 'C' },
      encoding: 'utf8',
    },
  )
  if (status === 0) return
  const denied = stderr?.includes('not permitted') === true
  throw treeError(denied ? 'TREE_PERMISSION' : 'TREE_UNSUPPORTED', place.shown, {
    problem: `is a node that cannot be made: ${(stderr ?? '').trim() || 'no mknod'}`,
    ...(error === undefined ? {} : { cause: error }),
  })
}
