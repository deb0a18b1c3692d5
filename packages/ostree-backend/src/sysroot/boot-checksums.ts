import type { DeploymentId, Sysroot } from '@bootc-sdk/core'
import { bootChecksum, findKernel } from './kernel.js'
import { deploymentId, rootPath, type DeploymentName } from './layout.js'
import { linkedBootChecksums } from './scan.js'
import { readStaged } from './staged.js'

/** Boot checksums of deployments: read off links and records where possible, since kernels are large. */
export class BootChecksums {
  readonly #sysroot: Sysroot
  /** A kernel does not change once it is deployed. */
  readonly #known = new Map<DeploymentId, string>()

  constructor(sysroot: Sysroot) {
    this.#sysroot = sysroot
  }

  /** Take what links and the staged record say now. */
  async load(): Promise<void> {
    for (const [id, digest] of await linkedBootChecksums(this.#sysroot.root)) this.#known.set(id, digest)
    const staged = await readStaged(this.#sysroot)
    if (staged?.target.bootChecksum !== undefined) this.set(staged.target.name, staged.target.bootChecksum)
  }

  /** Has a link or a record of staging: then it was complete, and what is wrong with it must be told. */
  isKnown(name: DeploymentName): boolean {
    return this.#known.has(deploymentId(name))
  }

  set(name: DeploymentName, digest: string): void {
    this.#known.set(deploymentId(name), digest)
  }

  async of(name: DeploymentName): Promise<string> {
    let digest = this.#known.get(deploymentId(name))
    if (digest === undefined) {
      const tree = this.#sysroot.root.sub(rootPath(name))
      digest = await bootChecksum(tree, await findKernel(tree))
      this.set(name, digest)
    }
    return digest
  }
}
