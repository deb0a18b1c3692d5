import { expect } from 'vitest'
import type { Reply } from './agent.js'
import type { Machine } from './machine.js'

/** One deployment in what `bootc-sdk status --json` prints. */
export interface Slot {
  readonly image: { readonly version: string; readonly imageDigest: string }
  readonly softRebootCapable: boolean
  readonly softRebootQueued?: true
}

export interface Status {
  readonly status: {
    readonly booted: Slot | null
    readonly staged: Slot | null
    readonly rollback: Slot | null
    readonly rollbackQueued: boolean
    readonly healing?: { readonly trials?: readonly unknown[] }
  }
}

/** What scripts of the guest may use. */
const prelude = `say() { printf 'E2E %s=%s\\n' "$1" "$2"; }\n`

/** Run a script that has to succeed. */
export async function guest(machine: Machine, script: string): Promise<Reply> {
  const reply = await machine.run(prelude + script)
  expect(reply.status, `the script "${script.trim()}" printed: ${reply.output}`).toBe(0)
  return reply
}

export async function statusOf(machine: Machine): Promise<Status> {
  const { output } = await guest(machine, 'bootc-sdk status --json')
  return JSON.parse(output) as Status
}

/** What is deployed where, by digests of images. @param wanted slots left out are empty */
export async function expectSlots(
  machine: Machine,
  wanted: { readonly booted: string; readonly staged?: string; readonly rollback?: string },
): Promise<Status['status']> {
  const { status } = await statusOf(machine)
  const digestOf = (slot: Slot | null) => slot?.image.imageDigest
  expect({
    booted: digestOf(status.booted),
    staged: digestOf(status.staged),
    rollback: digestOf(status.rollback),
  }).toEqual({ staged: undefined, rollback: undefined, ...wanted })
  return status
}

/** Fetch and stage what the followed tag is now. */
export async function upgrade(machine: Machine, options = ''): Promise<Reply> {
  return guest(machine, `bootc-sdk upgrade --tls-verify=false ${options}`)
}

/** What runs, as the kernel and the programs of the distribution see it. */
export interface Facts {
  readonly version: string
  /** Where `/` comes from, with mount options. */
  readonly root: string
  readonly cmdline: string
  readonly firmware: string
  /** What systemd-boot says about itself; empty with other loaders. */
  readonly loader: string
  /** Units that failed. */
  readonly failed: string
  /** Edited in the running system. */
  readonly local: string
  /** Written below /var. */
  readonly kept: string
  /** Changed by the image only. */
  readonly colour: string
}

export async function factsOf(machine: Machine): Promise<Facts> {
  const reply = await guest(
    machine,
    `say version "$(cat /usr/share/app/version)"
     say root "$(findmnt -no SOURCE,OPTIONS /)"
     say cmdline "$(cat /proc/cmdline)"
     say firmware "$([ -d /sys/firmware/efi ] && echo uefi || echo bios)"
     say loader "$(cat /sys/firmware/efi/efivars/LoaderInfo-* 2>/dev/null | tail -c +5 | tr -d '\\0')"
     say failed "$(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1 | tr '\\n' ' ')"
     say local "$(cat /etc/local.conf 2>/dev/null)"
     say kept "$(cat /var/kept 2>/dev/null)"
     say colour "$(sed -n s/^colour=//p /etc/app.conf)"`,
  )
  const value = (key: string) => reply.value(key)?.trim() ?? ''
  return {
    version: value('version'),
    root: value('root'),
    cmdline: value('cmdline'),
    firmware: value('firmware'),
    loader: value('loader'),
    failed: value('failed'),
    local: value('local'),
    kept: value('kept'),
    colour: value('colour'),
  }
}
