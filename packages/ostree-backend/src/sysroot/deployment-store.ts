import {
  BootcError,
  isBootcError,
  type BootSpec,
  type BootVersion,
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
import { lookup } from '../format/variant-dict.js'
import type { OstreeRepo } from '../repo/api.js'
import { configFlag } from '../repo/config.js'
import { replaceFile } from '@bootc-sdk/core/store-kit'
import { appendExceptDefault } from './bls-append.js'
import { BootChecksums } from './boot-checksums.js'
import { bootLinkOf, followBootLink, writeBootLinks } from './boot-links.js'
import { bootLinksOf, makeBootSpecs } from './boot-specs.js'
import { runningDeployment, softRebootTarget } from './booted.js'
import type { ComposefsFormat } from './composefs-image.js'
import { commitOf, describeDeployment } from './describe.js'
import { clearImmutable, seedEtc } from './etc.js'
import { startFinalizeUnit } from '@bootc-sdk/core/store-kit'
import {
  deployRoot,
  deploymentId,
  etcPath,
  originPath,
  parseDeploymentId,
  rootPath,
  type DeploymentName,
} from './layout.js'
import { newOrigin, originWithImage, originWithPin } from './origin.js'
import { readText } from '@bootc-sdk/core/store-kit'
import { scanDeployments } from './scan.js'
import { ostreeSoftReboots } from './soft-reboot.js'
import { readStaged, stagedKargs, writeStaged } from './staged.js'
import { entryKeysOf } from './staged-record.js'

/** Its stop at shutdown runs `ostree admin finalize-staged`. @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c */
const finalizeUnit = 'ostree-finalize-staged.service'

/** Deployments in libostree's layout on a sysroot. */
export function ostreeDeploymentStore(
  sysroot: Sysroot,
  repo: OstreeRepo,
  defaultStateroot: string,
  composefs?: () => Promise<ComposefsFormat>,
): DeploymentStore {
  return new OstreeDeploymentStore(sysroot, repo, defaultStateroot, composefs)
}

class OstreeDeploymentStore implements DeploymentStore {
  readonly rootKargKeys = Object.freeze(['ostree'])
  readonly supports = Object.freeze({ stateroots: true, relink: true, softReboot: true })
  readonly softReboot: SoftReboots
  readonly #sysroot: Sysroot
  readonly #root: Dir
  readonly #repo: OstreeRepo
  readonly #defaultStateroot: string
  readonly #composefs: (() => Promise<ComposefsFormat>) | undefined
  readonly #bootChecksums: BootChecksums

  constructor(
    sysroot: Sysroot,
    repo: OstreeRepo,
    defaultStateroot: string,
    composefs: (() => Promise<ComposefsFormat>) | undefined,
  ) {
    this.#sysroot = sysroot
    this.#root = sysroot.root
    this.#bootChecksums = new BootChecksums(sysroot)
    this.#repo = repo
    this.#defaultStateroot = defaultStateroot
    this.#composefs = composefs
    this.softReboot = ostreeSoftReboots({
      sysroot,
      target: () => this.softRebootTarget(),
      existing: (id) => this.existing(id),
      root: (id) => this.root(id),
    })
  }

  async *list(): AsyncGenerator<Deployment> {
    await this.#bootChecksums.load()
    const names: DeploymentName[] = []
    for await (const { name, complete } of scanDeployments(this.#root)) if (complete) names.push(name)
    const next = await softRebootTarget(this.#sysroot, names)
    for (const name of names) {
      const deployment = await this.describeIfComplete(name)
      if (deployment === undefined) continue
      yield next === name ? withSoftRebootTarget(deployment) : deployment
    }
  }

  async identify(cmdline: string): Promise<DeploymentId | undefined> {
    const link = bootLinkOf(cmdline)
    const name = link && (await followBootLink(this.#root, link))
    return name === undefined || (await this.#root.stat(rootPath(name))) === undefined
      ? undefined
      : deploymentId(name)
  }

  bootVersion(cmdline: string): BootVersion | undefined {
    return bootLinkOf(cmdline)?.version
  }

  async running(): Promise<DeploymentId | undefined> {
    const name = await this.runningName()
    return name && deploymentId(name)
  }

  async create(
    image: StoredImage,
    init: DeploymentInit,
    _lock: SysrootLock,
    options: OpOptions = {},
  ): Promise<Deployment> {
    const retained =
      init.retainOriginOf === undefined
        ? undefined
        : await readText(this.#root, originPath(parseDeploymentId(init.retainOriginOf)))
    // What writes is loaded when it is needed: `status` must start quickly.
    const { createDeployment } = await import('./create.js')
    const { name, bootChecksum: digest } = await createDeployment(
      this.#sysroot,
      this.#repo,
      {
        stateroot: init.stateroot ?? this.#defaultStateroot,
        checksum: image.id,
        origin: newOrigin(init.origin, retained),
        varFrom: init.varFrom,
        composefs: this.#composefs,
      },
      options,
    )
    this.#bootChecksums.set(name, digest)
    return this.describe(name)
  }

  async varDir(id: DeploymentId): Promise<string> {
    const { varDirectory } = await import('./var.js')
    return varDirectory(this.#root, parseDeploymentId(id).stateroot)
  }

  async root(id: DeploymentId): Promise<ReadTree> {
    return this.#root.sub(rootPath(await this.existing(id)))
  }

  async staged(): Promise<StagedRecord | undefined> {
    const file = await readStaged(this.#sysroot)
    if (file === undefined || (await this.#root.stat(rootPath(file.target.name))) === undefined)
      return undefined
    const extra = entryKeysOf(file)
    return {
      id: deploymentId(file.target.name),
      ...(file.mergeFrom === undefined ? {} : { mergeFrom: deploymentId(file.mergeFrom.name) }),
      kargs: await stagedKargs(this.#sysroot, file),
      locked: file.locked,
      ...(extra.length === 0 ? {} : { extra }),
    }
  }

  async setStaged(record: StagedRecord | undefined, _lock: SysrootLock): Promise<void> {
    await writeStaged(this.#sysroot, record, async (id) => {
      const name = await this.existing(id)
      return { name, bootChecksum: await this.#bootChecksums.of(name) }
    })
  }

  /** As libostree does after staging: its unit finalizes when it is stopped at shutdown. */
  async armFinalize(_lock: SysrootLock): Promise<readonly Warning[]> {
    const { host, live } = this.#sysroot
    return live ? startFinalizeUnit(host, finalizeUnit) : []
  }

  async defaults(id: DeploymentId): Promise<ReadTree> {
    return this.#root.sub(`${rootPath(await this.existing(id))}/usr/etc`)
  }

  async currentEtc(id: DeploymentId): Promise<ReadTree | undefined> {
    const path = etcPath(await this.existing(id))
    return (await this.#root.stat(path))?.type === 'directory' ? this.#root.sub(path) : undefined
  }

  async etc(id: DeploymentId, lock: SysrootLock): Promise<Dir> {
    return (await this.currentEtc(id)) === undefined
      ? this.resetEtc(id, lock)
      : this.#root.sub(etcPath(parseDeploymentId(id)))
  }

  async resetEtc(id: DeploymentId, _lock: SysrootLock): Promise<Dir> {
    const name = await this.existing(id)
    await clearImmutable(this.#root, rootPath(name))
    await this.#root.remove(etcPath(name))
    await seedEtc(this.#repo, this.#root, name)
    return this.#root.sub(etcPath(name))
  }

  async seal(id: DeploymentId, _lock: SysrootLock): Promise<void> {
    const { sealDeployment } = await import('./seal.js')
    await sealDeployment(this.#root, await this.existing(id))
  }

  async bootSpecs(
    order: readonly { readonly id: DeploymentId; readonly kargs: readonly string[] }[],
    version: BootVersion,
  ): Promise<BootSpec[]> {
    await this.#bootChecksums.load()
    const deployments = []
    for (const { id, kargs } of order) {
      const name = await this.existing(id)
      const commit = await commitOf(this.#repo, name.checksum)
      deployments.push({
        id,
        name,
        bootChecksum: await this.#bootChecksums.of(name),
        version: commit && lookup(commit.metadata, 'version', 's'),
        kargs,
      })
    }
    const specs = await makeBootSpecs(this.#root, deployments, version, this.bootPrefix())
    return appendExceptDefault(specs, this.#repo.config('sysroot', 'bls-append-except-default'))
  }

  async activate(order: readonly DeploymentId[], version: BootVersion, _lock: SysrootLock): Promise<void> {
    await this.#bootChecksums.load()
    const deployments = []
    for (const id of order) {
      const name = await this.existing(id)
      deployments.push({ name, bootChecksum: await this.#bootChecksums.of(name) })
    }
    await writeBootLinks(this.#root, version, bootLinksOf(deployments, version))
    await this.touch()
  }

  async setOrigin(id: DeploymentId, origin: SignedImageReference, _lock: SysrootLock): Promise<void> {
    await this.editOrigin(id, (text) => originWithImage(text, origin))
  }

  async setPinned(id: DeploymentId, pinned: boolean, _lock: SysrootLock): Promise<void> {
    await this.editOrigin(id, (text) => originWithPin(text, pinned))
  }

  async prune(
    keep: {
      readonly order: readonly DeploymentId[]
      readonly staged?: DeploymentId
      readonly version: BootVersion
    },
    _lock: SysrootLock,
  ): Promise<void> {
    const staged = keep.staged === undefined || keep.order.includes(keep.staged) ? [] : [keep.staged]
    const { pruneDeployments } = await import('./prune.js')
    await pruneDeployments(this.#root, this.#repo, {
      keep: [...staged, ...keep.order].map(parseDeploymentId),
      version: keep.version,
      running: await this.runningName(),
    })
    await this.touch()
  }

  /** What a power cut made incomplete although its origin is there is no deployment; `prune` removes it. */
  private async describeIfComplete(name: DeploymentName): Promise<Deployment | undefined> {
    try {
      return await this.describe(name)
    } catch (error) {
      if (isBootcError(error) && !this.#bootChecksums.isKnown(name)) return undefined
      throw error
    }
  }

  private async describe(name: DeploymentName): Promise<Deployment> {
    return describeDeployment(this.#sysroot, this.#repo, name, await this.#bootChecksums.of(name))
  }

  private async existing(id: DeploymentId): Promise<DeploymentName> {
    const name = parseDeploymentId(id)
    if ((await this.#root.stat(rootPath(name)))?.type !== 'directory') {
      throw new BootcError('DEPLOY_NOT_FOUND', `deployment ${id} does not exist`, { details: { id } })
    }
    return name
  }

  private async softRebootTarget(): Promise<DeploymentId | undefined> {
    const names: DeploymentName[] = []
    for await (const { name } of scanDeployments(this.#root)) names.push(name)
    const name = await softRebootTarget(this.#sysroot, names)
    return name && deploymentId(name)
  }

  private async runningName(): Promise<DeploymentName | undefined> {
    const names: DeploymentName[] = []
    for await (const { name } of scanDeployments(this.#root)) names.push(name)
    return runningDeployment(this.#sysroot, names)
  }

  private async editOrigin(id: DeploymentId, edit: (text: string) => string): Promise<void> {
    const path = originPath(await this.existing(id))
    const text = (await readText(this.#root, path)) ?? ''
    await replaceFile(this.#root, path, Buffer.from(edit(text)), 0o644)
    await this.touch()
  }

  /** Other programs watch this directory's mtime to learn of changes. */
  private async touch(): Promise<void> {
    await this.#root.setMeta(deployRoot, { mtime: this.#sysroot.host.now() / 1000 })
  }

  private bootPrefix(): '/' | '/boot/' {
    return configFlag(this.#repo, 'sysroot', 'bootprefix') ? '/boot/' : '/'
  }
}

function withSoftRebootTarget(deployment: Deployment): Deployment {
  return { ...deployment, backend: { ...deployment.backend, softRebootTarget: true } }
}
