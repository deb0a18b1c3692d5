import { join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { nameOf, tagOf, type BootPath } from './guests.js'
import { installDisk } from './install-disk.js'
import { startMachine, type Machine, type MachineOptions } from './machine.js'
import { startRegistry, type Registry } from './registry.js'
import { openSummary, type Summary } from './summary.js'
import { debianImage, outputDir, scratch } from './tools.js'

/** What tests with machines share: an image, a registry that they follow, one machine at a time, a table of times. */
export interface Fleet {
  /** Scratch directory. */
  readonly dir: string
  readonly summary: Summary
  readonly registry: Registry
  /** Where logs of this test are left. */
  log(...names: string[]): string
  /** Push a version of the Debian image as what the machines of a path follow. @returns its digest */
  push(path: BootPath, version: string): string
  /** Make a disk that follows what was pushed. */
  install(path: BootPath, disk: string): Promise<void>
  /** The machine that runs; the one before must be off. */
  start(options: MachineOptions): Promise<Machine>
}

/** To be called in a `describe`: sets everything up before its tests and stops what is left after each. */
export function startFleet(test: string): Fleet {
  const { path: dir, clean } = scratch()
  const summary = openSummary(test)
  let registry: Registry | undefined
  let layout = ''
  let machine: Machine | undefined

  beforeAll(async () => {
    layout = debianImage()
    registry = await startRegistry(join(dir, 'registry'))
  }, 1_200_000)
  afterEach(() => machine?.kill())
  afterAll(() => {
    summary.print()
    registry?.stop()
    clean()
  })

  const imageOf = (path: BootPath) => `${nameOf(path)}:stable`
  return {
    dir,
    summary,
    get registry() {
      return registry!
    },
    log: (...names) => outputDir(test, ...names),
    push: (path, version) => registry!.push(`${layout}:${tagOf(path, version)}`, imageOf(path)),
    install: (path, disk) =>
      summary.time(nameOf(path), 'install', () =>
        installDisk({
          path,
          source: `${registry!.host}/${imageOf(path)}`,
          target: `${registry!.guestHost}/${imageOf(path)}`,
          disk,
        }),
      ),
    async start(options) {
      machine = await startMachine(options)
      return machine
    },
  }
}
