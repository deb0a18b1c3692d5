import { basename, dirname } from 'node:path'
import type { Host } from '@bootc-sdk/core'
import { encodeName } from '@bootc-sdk/core/names'
import { nodeDir } from '@bootc-sdk/core/node'

/** Names for one call of the program. */
const batchNames = 1000

/**
 * Removes a scratch directory while it is still read: each file when its content is no longer needed. Programs do it, in
 * another process, for unlinking takes as long as copying. What they leave, and where there are none, we do in the end.
 */
export class ScratchRemoval {
  readonly #path: string
  readonly #host: Pick<Host, 'run'>
  #names: Buffer[] = []
  #wake: (() => void) | undefined
  #all = false
  #files: Promise<unknown> | undefined
  #done: Promise<void> | undefined

  constructor(path: string, host: Pick<Host, 'run'>) {
    this.#path = path
    this.#host = host
  }

  /** A file that nobody reads any more. @param path absolute */
  drop(path: string): void {
    // Two at a time: most of it is waiting.
    this.#files ??= this.#host
      .run(['xargs', '-0', '-P', '2', '-n', String(batchNames / 5), 'rm', '-f', '--'], {
        stdin: this.#feed(),
      })
      .catch(() => undefined)
    this.#names.push(encodeName(`${path}\0`))
    if (this.#names.length >= batchNames) this.#wake?.()
  }

  /** All of it. Repeatable. @throws BootcError `TREE_…` */
  finish(): Promise<void> {
    return (this.#done ??= this.#removeAll())
  }

  async #removeAll(): Promise<void> {
    this.#all = true
    this.#wake?.()
    await this.#files
    await this.#host.run(['rm', '-rf', '--', this.#path]).catch(() => undefined)
    await nodeDir(dirname(this.#path)).remove(basename(this.#path))
  }

  async *#feed(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#names.length < batchNames && !this.#all) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
        continue
      }
      const names = this.#names
      this.#names = []
      if (names.length > 0) yield Buffer.concat(names)
      if (this.#all) return
    }
  }
}
