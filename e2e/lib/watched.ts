import { expect } from 'vitest'
import type { Fleet } from './fleet.js'
import { nameOf, type BootPath } from './guests.js'
import type { Machine } from './machine.js'
import { factsOf, type Facts } from './system.js'

/** What versions of the image say of themselves in {@link Facts}. */
export const saying = {
  v1: { version: '1', colour: 'red' },
  v2: { version: '2', colour: 'green' },
} as const

/** What {@link edit} left in the running system, as {@link Facts} show it wherever /etc is merged and /var kept. */
export const edited = { local: 'local', kept: 'kept' } as const
export const edit = 'echo local >/etc/local.conf; echo kept >/var/kept'

/** Boots of a machine that was just started. */
export interface Watched {
  /**
   * Wait for a start, note its time, and see that it is the next one, that nothing failed, and that firmware, loader and
   * root are those of the path. After a soft reboot the kernel is the same.
   */
  booted(step: string, starting: ReturnType<Machine['ready']>, kind?: 'soft'): Promise<Facts>
}

export function watch({ summary }: Fleet, machine: Machine, path: BootPath): Watched {
  const { store, loader, firmware = 'uefi' } = path
  const boots: string[] = []
  return {
    async booted(step, starting, kind) {
      const { seconds, bootId, boots: count } = await starting
      summary.add(nameOf(path), kind === undefined ? step : `${step} (${kind})`, seconds)
      expect(boots.at(-1) === bootId, `started anew or not: ${step}`).toBe(kind === 'soft')
      boots.push(bootId)
      expect(count, 'a boot that did not come so far').toBe(boots.length)
      const facts = await factsOf(machine)
      expect(facts.failed).toBe('')
      expect(facts.firmware).toBe(firmware)
      expect(facts.loader).toMatch(loader === 'systemd-boot' ? /^systemd-boot / : /^$/)
      expect(facts.cmdline).toContain(`${store}=`)
      if (store === 'composefs') expect(facts.root).toMatch(/^composefs:/)
      return facts
    },
  }
}
