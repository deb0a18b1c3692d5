import {
  BootcError,
  type BootSpec,
  type Deployment,
  type DeploymentId,
  type DeploymentInit,
  type DeploymentStore,
  type Dir,
  type OpOptions,
  type ReadTree,
  type SignedImageReference,
  type SoftReboots,
  type StagedRecord,
  type StoredImage,
  type Sysroot,
  type SysrootLock,
  type Warning,
} from '@bootc-sdk/core'
import type { ComposefsImageStore } from '../oci/index.js'
import type { ComposefsRepo } from '../repo/api.js'
import { findDeployments, readOriginOf, type FoundDeployment } from './deployments.js'
import { describeDeployment, imageOf, imageOfInfo } from './describe.js'
import { idOfCmdline, kernelDirOf, readAllEntries } from './entries.js'
import { startFinalizeUnit } from '@bootc-sdk/core/store-kit'
import { heldView, subtree } from './held-view.js'
import { ImageRoots } from './image-roots.js'
import { etcPath, originPath, statePath } from './layout.js'
import { runningMounts } from './mountinfo.js'
import type { Origin } from './origin.js'
import { readText } from '@bootc-sdk/core/store-kit'
import { replaceFile } from '@bootc-sdk/core/store-kit'
import { readSetupRootConf } from './setup-root-conf.js'
import { composefsSoftReboots } from './soft-reboot.js'
import { readStaged, writeStaged } from './staged.js'
import { varDirectory } from './var.js'

export interface DeploymentParts {
  readonly sysroot: Sysroot
  readonly repo: ComposefsRepo
  readonly images: ComposefsImageStore
  /** Boot entries may lose the demand for fs-verity that they had. */
  readonly allowMissingVerity: boolean
}

/** bootc's; its stop at shutdown finalizes. @see bootc 1.16.9 crates/lib/src/bootc_composefs/service.rs */
const finalizeUnit = 'bootc-finalize-staged.service'

/** Deployments in the layout of bootc's composefs backend on a sysroot. */
export function composefsDeploymentStore(parts: DeploymentParts): DeploymentStore {
  return new ComposefsDeploymentStore(parts)
}

class ComposefsDeploymentStore implements DeploymentStore {
  readonly rootKargKeys = Object.freeze(['composefs', 'composefs.digest'])
  readonly supports = Object.freeze({
    ...{ stateroots: false, relink: false, softReboot: true },
    ...({ etcPolicy: 'composefs', entrySet: 'exchange' } as const),
  })
  readonly softReboot: SoftReboots
  readonly #parts: DeploymentParts
  readonly #root: Dir
  readonly #roots: ImageRoots
  /** Boot digests that origins of an older bootc do not have. */
  readonly #digests = new Map<DeploymentId, string>()

  constructor(parts: DeploymentParts) {
    this.#parts = parts
    this.#root = parts.sysroot.root
    this.#roots = new ImageRoots(parts.repo)
    this.softReboot = composefsSoftReboots(
      parts.sysroot.host,
      () => parts.repo.verity.mode !== 'required',
      parts.allowMissingVerity,
    )
  }

  async *list(): AsyncGenerator<Deployment> {
    const running = await this.#running()
    for (const found of await findDeployments(this.#root)) {
      yield await this.#describe(found, found.id === running.id ? running.unlocked : 'none')
    }
  }

  /** By the command line alone: what it names may be gone, and is this store's all the same. */
  identify(cmdline: string): Promise<DeploymentId | undefined> {
    return Promise.resolve(idOfCmdline(cmdline))
  }

  async running(): Promise<DeploymentId | undefined> {
    return (await this.#running()).id
  }

  async idOf(image: StoredImage, _lock: SysrootLock, options: OpOptions = {}): Promise<DeploymentId> {
    const { chooseImage } = await import('./choose-image.js')
    return (await chooseImage(this.#parts, image, options)).id
  }

  async create(
    image: StoredImage,
    init: DeploymentInit,
    _lock: SysrootLock,
    options: OpOptions = {},
  ): Promise<Deployment> {
    options.signal?.throwIfAborted()
    // What writes is loaded when it is needed: `status` must start quickly.
    const { chooseImage } = await import('./choose-image.js')
    const { id, bootType, bootDigest, source } = await chooseImage(this.#parts, image, options)
    await this.#assertNotInUse(id)
    const [{ createDeployment }, { newOrigin }, { chosenAddons }] = await Promise.all([
      import('./create.js'),
      import('./origin.js'),
      import('./boot-specs.js'),
    ])
    const ukiAddons = init.ukiAddons ?? []
    chosenAddons(source, ukiAddons)
    const origin = newOrigin({
      image: init.origin,
      bootType,
      bootDigest,
      manifestDigest: image.manifestDigest,
      ukiAddons,
    })
    const target = { id, origin, image: await this.#roots.of(id), varFrom: init.varFrom }
    await createDeployment(this.#parts.sysroot, target, options)
    return this.#describe({ id, origin: await this.#origin(id) }, 'none')
  }

  varDir(_id: DeploymentId): Promise<string> {
    return varDirectory(this.#root)
  }

  async root(id: DeploymentId): Promise<ReadTree> {
    await this.#origin(id)
    return this.#roots.of(id)
  }

  async staged(): Promise<StagedRecord | undefined> {
    const record = await readStaged(this.#parts.sysroot, () => this.running())
    if (record === undefined || (await readOriginOf(this.#root, record.id)) === undefined) return undefined
    return record
  }

  setStaged(record: StagedRecord | undefined, _lock: SysrootLock): Promise<void> {
    return writeStaged(this.#parts.sysroot, record)
  }

  async armFinalize(_lock: SysrootLock): Promise<readonly Warning[]> {
    const { host, live } = this.#parts.sysroot
    return live ? startFinalizeUnit(host, finalizeUnit) : []
  }

  async defaults(id: DeploymentId): Promise<ReadTree> {
    return heldView(subtree(await this.root(id), 'etc'), this.#root)
  }

  /** Undefined also where changes are lost at reboot: then there is nothing to carry over. */
  async currentEtc(id: DeploymentId): Promise<ReadTree | undefined> {
    const { etc } = await readSetupRootConf(await this.root(id))
    if (etc !== 'bind') return undefined
    return (await this.#root.stat(etcPath(id)))?.type === 'directory'
      ? this.#root.sub(etcPath(id))
      : undefined
  }

  async etc(id: DeploymentId, lock: SysrootLock): Promise<Dir> {
    await this.#origin(id)
    const isThere = (await this.#root.stat(etcPath(id)))?.type === 'directory'
    return isThere ? this.#root.sub(etcPath(id)) : this.resetEtc(id, lock)
  }

  async resetEtc(id: DeploymentId, _lock: SysrootLock): Promise<Dir> {
    const image = await this.root(id)
    const { seedEtc } = await import('./etc.js')
    await seedEtc(this.#root, id, image)
    return this.#root.sub(etcPath(id))
  }

  async seal(id: DeploymentId, _lock: SysrootLock): Promise<void> {
    await this.#origin(id)
    const { removeStamp } = await import('./etc.js')
    await removeStamp(this.#root, id)
  }

  async bootSpecs(
    order: readonly { readonly id: DeploymentId; readonly kargs: readonly string[] }[],
  ): Promise<BootSpec[]> {
    const { makeBootSpecs } = await import('./boot-specs.js')
    const { bootSourceOf } = await import('./boot-source.js')
    const deployments = []
    for (const { id, kargs } of order) {
      const origin = await this.#origin(id)
      const root = await this.#roots.of(id)
      const tree = origin.bootType === 'uki' ? await this.#withBoot(id, origin) : root
      const source = await bootSourceOf(tree, origin.bootType)
      const bootDigest = await this.#bootDigest({ id, origin })
      deployments.push({ id, kargs, root, source, bootDigest, ukiAddons: origin.ukiAddons ?? [] })
    }
    const { repo, allowMissingVerity } = this.#parts
    const kernelDirs = await this.#kernelDirs()
    return makeBootSpecs({ order: deployments, verity: repo.verity, allowMissingVerity, kernelDirs })
  }

  /** Root arguments name the image itself. */
  activate(): Promise<void> {
    return Promise.resolve()
  }

  async setOrigin(id: DeploymentId, origin: SignedImageReference, _lock: SysrootLock): Promise<void> {
    const { originWithImage } = await import('./origin.js')
    await this.#editOrigin(id, (text) => originWithImage(text, origin))
  }

  async setPinned(id: DeploymentId, pinned: boolean, _lock: SysrootLock): Promise<void> {
    const { originWithPin } = await import('./origin.js')
    await this.#editOrigin(id, (text) => originWithPin(text, pinned))
  }

  async prune(
    keep: { readonly order: readonly DeploymentId[]; readonly staged?: DeploymentId },
    _lock: SysrootLock,
  ): Promise<void> {
    const { pruneDeployments } = await import('./prune.js')
    const running = await this.running()
    const kept = [...keep.order, keep.staged, running].filter((id) => id !== undefined)
    await pruneDeployments(this.#root, new Set(kept))
  }

  async #describe({ id, origin }: FoundDeployment, unlocked: Deployment['unlocked']): Promise<Deployment> {
    const { repo, images } = this.#parts
    const image =
      (await imageOf(images, origin.manifestDigest)) ??
      imageOfInfo(await readText(this.#root, `${statePath(id)}/${id}.imginfo`))
    return describeDeployment(id, {
      ...{ origin, image, unlocked },
      bootDigest: await this.#bootDigest({ id, origin }),
      missingVerityAllowed: repo.verity.mode !== 'required',
    })
  }

  async #running(): Promise<{ id?: DeploymentId; unlocked: Deployment['unlocked'] }> {
    const { live, host } = this.#parts.sysroot
    if (!live) return { unlocked: 'none' }
    const { id, unlocked } = await runningMounts(host)
    const named = id ?? idOfCmdline(await host.cmdline())
    return named === undefined ? { unlocked: 'none' } : { id: named, unlocked }
  }

  async #origin(id: DeploymentId): Promise<Origin> {
    const origin = await readOriginOf(this.#root, id)
    if (origin !== undefined) return origin
    throw new BootcError('DEPLOY_NOT_FOUND', `deployment ${id} does not exist`, { details: { id } })
  }

  async #bootDigest({ id, origin }: FoundDeployment): Promise<string> {
    let digest = origin.bootDigest ?? this.#digests.get(id)
    if (digest === undefined) {
      const { bootDigestOf, bootSourceOf } = await import('./boot-source.js')
      const tree = origin.bootType === 'uki' ? await this.#withBoot(id, origin) : await this.#roots.of(id)
      digest = await bootDigestOf(await bootSourceOf(tree, origin.bootType))
      this.#digests.set(id, digest)
    }
    return digest
  }

  /** The root with what was in /boot: unified kernel images lie there, and the image that boots has it empty. */
  async #withBoot(id: DeploymentId, { manifestDigest }: Origin): Promise<ReadTree> {
    const { images } = this.#parts
    const image = manifestDigest === undefined ? undefined : await images.get(manifestDigest)
    return image === undefined ? this.#roots.of(id) : images.open(image)
  }

  /** Kernels that are on the boot volume are shared by whatever has the same ones. */
  async #kernelDirs(): Promise<ReadonlyMap<string, string>> {
    const dirs = new Map<string, string>()
    for (const set of ['active', 'staged'] as const) {
      for (const found of await readAllEntries(this.#parts.sysroot, set)) {
        const [dir, origin] = [kernelDirOf(found), await readOriginOf(this.#root, found.id)]
        const digest = origin?.bootDigest ?? this.#digests.get(found.id)
        if (dir !== undefined && digest !== undefined && !dirs.has(digest)) dirs.set(digest, dir)
      }
    }
    return dirs
  }

  async #assertNotInUse(id: DeploymentId): Promise<void> {
    const entries = await readAllEntries(this.#parts.sysroot, 'active')
    const isRunning = (await this.running()) === id
    if (!isRunning && !entries.some((entry) => entry.id === id)) return
    const role = isRunning ? 'booted' : 'kept'
    throw new BootcError('DEPLOY_EXISTS', `the image is deployed already, and its deployment is ${role}`, {
      details: { deployment: id, role },
    })
  }

  async #editOrigin(id: DeploymentId, edit: (text: string) => string): Promise<void> {
    const path = originPath(id)
    const text = await readText(this.#root, path)
    if (text === undefined) await this.#origin(id)
    await replaceFile(this.#root, path, Buffer.from(edit(text!)), 0o644)
  }
}
