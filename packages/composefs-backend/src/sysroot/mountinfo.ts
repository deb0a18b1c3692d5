import type { Deployment, Host } from '@bootc-sdk/core'
import { isDeploymentId } from './layout.js'

/** A line of /proc/self/mountinfo. */
interface Mount {
  readonly point: string
  readonly options: string
  readonly source: string
}

/** What the mounts of the running system say. */
export interface RunningMounts {
  /** Image behind the root; undefined when the root is something else. */
  readonly id?: string
  readonly unlocked: Deployment['unlocked']
}

/**
 * The image that is mounted as root: after a soft reboot the kernel command line still names the one before.
 * Sources are `composefs:<id>`, or `transient:composefs=<id>` below a writable overlay that is lost at reboot.
 */
export async function runningMounts(host: Host): Promise<RunningMounts> {
  const text = await host.mountinfo?.()
  const mounts = (text ?? '').split('\n').flatMap(parseMount)
  const id = imageAt(mounts, '/')
  const usr = mounts.findLast(({ point }) => point === '/usr')
  return {
    ...(id === undefined ? {} : { id }),
    // What is mounted over /usr of such a root is an overlay that somebody asked for.
    unlocked:
      usr === undefined ? 'none' : usr.options.split(',').includes('ro') ? 'transient' : 'development',
  }
}

/** The image that is mounted where systemd takes the root from in a soft reboot. */
export function nextRootImage(mountinfo: string): string | undefined {
  return imageAt(mountinfo.split('\n').flatMap(parseMount), '/run/nextroot')
}

function imageAt(mounts: readonly Mount[], where: string): string | undefined {
  const source = mounts.findLast(({ point }) => point === where)?.source ?? ''
  const id = /^(?:composefs:|transient:composefs=)(.*)$/.exec(source)?.[1]
  return id !== undefined && isDeploymentId(id) ? id : undefined
}

/** @see proc_pid_mountinfo(5): ID, parent, device, root, mount point, options, fields, `-`, type, source, … */
function parseMount(line: string): Mount[] {
  const [left, right] = line.split(' - ')
  const [, , , , point, options] = (left ?? '').split(' ')
  const [, source] = (right ?? '').split(' ')
  if (point === undefined || options === undefined || source === undefined) return []
  return [{ point: unescape(point), options, source: unescape(source) }]
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}
