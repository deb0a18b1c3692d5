import { ArchiveSpool } from './archive-spool.js'

/** Archives that are being made, by path. */
export function spools() {
  const open = new Map<string, ArchiveSpool>()
  return {
    get(path: string): ArchiveSpool {
      let spool = open.get(path)
      if (spool === undefined) open.set(path, (spool = new ArchiveSpool(path)))
      return spool
    },
    /** Let go of one, or all. */
    async close(path?: string): Promise<void> {
      for (const [name, spool] of open) {
        if (path !== undefined && path !== name) continue
        open.delete(name)
        await spool.close()
      }
    },
  }
}
