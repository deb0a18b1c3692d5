import { randomBytes } from 'node:crypto'
import { fstatSync, linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { joinPath, parentPath } from '../names/index.js'
import type { NodeRoot, Place } from './place.js'
import { errnoOf } from './tree-error.js'

/**
 * Locks without the addon and without an interpreter, for want of flock(2) in Node: within this process a table, between processes a
 * file `.NAME.bootc-sdk-lock` (in a locked directory `.bootc-sdk-lock`) made with O_EXCL that names its owner. Only programs of ours look at it, and
 * two processes never share it, even for shared locks.
 */
interface Held {
  exclusive: boolean
  count: number
}

/** By device and inode of what is locked. */
const held = new Map<string, Held>()

/** @returns how to unlock, or undefined when somebody else holds it */
export function tryLockFile(
  root: NodeRoot,
  place: Place,
  fd: number,
  exclusive: boolean,
): (() => void) | undefined {
  const stat = fstatSync(fd)
  const { dev, ino } = stat
  const key = `${dev}:${ino}`
  const current = held.get(key)
  if (current !== undefined) {
    if (exclusive || current.exclusive) return undefined
    current.count++
    return () => release(key)
  }
  // Descriptors of the place are gone when the lock is released, so its name must not depend on them.
  const file = lockFileOf(root, place, stat.isDirectory())
  if (!makeLockFile(file)) return undefined
  held.set(key, { exclusive, count: 1 })
  files.set(key, file)
  return () => release(key)
}

const files = new Map<string, string>()

function release(key: string): void {
  const current = held.get(key)!
  if (--current.count > 0) return
  held.delete(key)
  unlinkQuietly(files.get(key)!)
  files.delete(key)
}

function lockFileOf(root: NodeRoot, place: Place, isDirectory: boolean): string {
  // Locks are taken on names that we chose, so they are UTF-8.
  if (isDirectory) return joinPath(root.hostPath, place.shown, '.bootc-sdk-lock')
  return joinPath(root.hostPath, parentPath(place.shown), `.${place.name}.bootc-sdk-lock`)
}

function makeLockFile(file: string): boolean {
  try {
    writeFileSync(file, owner(process.pid), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
  const text = readQuietly(file)
  if (text === undefined || isAlive(text)) return false
  // Move it away first: whoever moves it owns the decision, and a fresh lock moved by mistake goes back.
  const aside = `${file}.${randomBytes(4).toString('hex')}`
  try {
    renameSync(file, aside)
    if (readQuietly(aside) !== text) linkSync(aside, file)
  } catch {
    // Another process was faster; the next try will see.
  }
  unlinkQuietly(aside)
  return false
}

/** Process number and start time, so that a number used again is told apart. */
function owner(pid: number): string {
  return `${pid} ${startTime(pid) ?? ''}\n`
}

function isAlive(text: string): boolean {
  const pid = Number.parseInt(text, 10)
  // An empty file is being written, or its writer died at once; both are rare, so wait for the former.
  if (!Number.isSafeInteger(pid) || pid <= 0) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false
  }
  return owner(pid) === text
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot. */
function startTime(pid: number): string | undefined {
  const text = readQuietly(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

function readQuietly(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function unlinkQuietly(file: string): void {
  try {
    unlinkSync(file)
  } catch {
    // Gone already.
  }
}
