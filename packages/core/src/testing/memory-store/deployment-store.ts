import { BootcError } from '../../errors.js'
import type {
  BootFile,
  BootSpec,
  Deployment,
  DeploymentId,
  DeploymentStore,
  Dir,
  StagedRecord,
  StoredImage,
  Sysroot,
} from '../../interfaces/index.js'
import { baseName, joinPath } from '../../names/index.js'
import { digestHex } from '../../oci/index.js'
import { readText } from '../read-tree.js'
import { pruneLinks, resolveTarget, rootKarg, rootTarget, targetVersion, writeLinks } from './boot-links.js'
import { checkoutTree, copyTree, findKernel } from './checkout.js'
import { makeDirs, readRecord, recordsIn, storeDir, temporaryName, writeRecord } from './files.js'
import { flatTree } from './stored-tree.js'
import type { DeploymentRecord } from './records.js'

const stagedFile = 'memory-staged.json'
/** In place of a mount at /run/nextroot: the id of the deployment. */
const nextRootFile = 'memory-next-root'

/** Left in /run by `simulateReboot`, as an initramfs would: the id of the running deployment. */
export const bootedFile = 'memory-booted'

/** Deployments below `deploy/`: a directory with the root and, written last, a record `ID.json`. */
export function memoryDeployments(store: Dir, sysroot: Sysroot, relink: boolean): DeploymentStore {
  const { run } = sysroot
  const record = async (id: DeploymentId): Promise<DeploymentRecord> => {
    const found = await readRecord<DeploymentRecord>(store, recordPath(id))
    if (found !== undefined) return found
    throw new BootcError('DEPLOY_NOT_FOUND', `there is no deployment ${id}`, { details: { deployment: id } })
  }
  const seedEtc = async (id: DeploymentId): Promise<Dir> => {
    const etc = joinPath(rootPath(id), 'etc')
    if ((await store.stat(etc)) === undefined) {
      const temporary = temporaryName()
      await copyTree(store, joinPath(rootPath(id), 'usr/etc'), temporary)
      await store.sync()
      await store.setImmutable?.(rootPath(id), false)
      await store.rename(temporary, etc)
    }
    return store.sub(etc)
  }
  return Object.freeze<DeploymentStore>({
    supports: Object.freeze({ stateroots: true, relink, softReboot: true }),
    softReboot: {
      target: () => readText(run, nextRootFile),
      prepare: ({ id }) => run.write(nextRootFile, Buffer.from(id)),
      reset: () => run.remove(nextRootFile),
    },
    async *list() {
      for await (const { record: found } of recordsIn<DeploymentRecord>(store, 'deploy')) {
        yield toDeployment(found)
      }
    },
    async identify(cmdline) {
      const target = rootTarget(cmdline)
      const id = target === undefined ? undefined : await resolveTarget(store, target)
      if (id === undefined) return undefined
      return (await store.stat(recordPath(id))) === undefined ? undefined : id
    },
    ...(relink ? { bootVersion: (cmdline: string) => targetVersion(rootTarget(cmdline) ?? '') } : {}),
    running: () => readText(run, bootedFile),
    async create(image, init, _lock, options = {}) {
      const temporary = temporaryName()
      try {
        await checkoutTree(store, await flatTree(store, image), temporary, options.signal)
        const { kernel, initrds, bootDigest } = await findKernel(store.sub(temporary))
        const stateroot = init.stateroot ?? 'default'
        const serial = await nextSerial(store)
        const id = `${digestHex(image.manifestDigest).slice(0, 12)}.${serial}`
        const facts = { kernel, initrds, bootDigest, ...(await osFacts(store.sub(temporary))) }
        await makeDirs(store, `var/${stateroot}`)
        await store.sync()
        await store.rename(temporary, rootPath(id))
        const { origin } = init
        const made: DeploymentRecord = {
          ...{ id, serial, stateroot, origin, pinned: false, unlocked: 'none' },
          ...{ image: imageFacts(image), ...facts },
        }
        await writeRecord(store, recordPath(id), made)
        return toDeployment(made)
      } finally {
        await store.remove(temporary)
      }
    },
    root: async (id) => store.sub(rootPath((await record(id)).id)),
    staged: () => readRecord<StagedRecord>(run, stagedFile),
    async setStaged(staged) {
      if (staged === undefined) await run.remove(stagedFile)
      else await run.write(stagedFile, Buffer.from(JSON.stringify(staged)))
    },
    defaults: async (id) => store.sub(joinPath(rootPath(id), 'usr/etc')),
    async currentEtc(id) {
      const etc = joinPath(rootPath(id), 'etc')
      return (await store.stat(etc)) === undefined ? undefined : store.sub(etc)
    },
    etc: seedEtc,
    async resetEtc(id) {
      await store.setImmutable?.(rootPath(id), false)
      await store.remove(joinPath(rootPath(id), 'etc'))
      return seedEtc(id)
    },
    async seal(id) {
      const { stateroot } = await record(id)
      const [seed, target] = [joinPath(rootPath(id), 'var'), `var/${stateroot}`]
      if ((await store.stat(seed)) !== undefined && (await isEmpty(store, target))) {
        await copyTree(store, seed, target)
      }
      await store.setImmutable?.(rootPath(id), true)
    },
    async bootSpecs(order, version) {
      const specs: BootSpec[] = []
      for (const [index, { id, kargs }] of order.entries()) {
        const found = await record(id)
        const file = (path: string) => bootFile(store, joinPath(rootPath(id), path))
        specs.push({
          id,
          title: `${found.title} (memory:${index})`,
          version: found.image.version ?? '',
          osId: found.osId,
          artifact: {
            kind: 'linux',
            bootDigest: `sha256:${found.bootDigest}`,
            dir: `ostree/memory-${found.bootDigest}`,
            kernel: await file(found.kernel),
            initrds: await Promise.all(found.initrds.map(file)),
          },
          rootKargs: [rootKarg(id, index, version, relink)],
          kargs,
        })
      }
      return specs
    },
    async activate(order, version) {
      if (relink) await writeLinks(store, order, version)
    },
    async setOrigin(id, origin) {
      await writeRecord(store, recordPath(id), { ...(await record(id)), origin })
    },
    async setPinned(id, pinned) {
      await writeRecord(store, recordPath(id), { ...(await record(id)), pinned })
    },
    async prune(keep) {
      const kept = new Set([...keep.order, keep.staged])
      for await (const { name } of recordsIn<DeploymentRecord>(store, 'deploy')) {
        if (!kept.has(name)) await store.remove(recordPath(name))
      }
      // What lost its record is no deployment any more, before its files go.
      await store.sync()
      for await (const { name, stat } of store.list('deploy')) {
        if (stat.type === 'directory' && !kept.has(name)) await store.remove(joinPath('deploy', name))
      }
      if (relink) await pruneLinks(store, keep.version)
    },
  })
}

/** Is the memory store laid out here? */
export async function hasStore(sysroot: Sysroot): Promise<boolean> {
  return (await sysroot.root.stat(joinPath(storeDir, 'deploy'))) !== undefined
}

function rootPath(id: DeploymentId): string {
  return joinPath('deploy', id)
}

function recordPath(id: DeploymentId): string {
  return joinPath('deploy', `${id}.json`)
}

async function nextSerial(store: Dir): Promise<number> {
  let last = -1
  for await (const { name } of store.list('deploy')) {
    last = Math.max(last, Number(/\.(\d+)(?:\.json)?$/.exec(name)?.[1] ?? -1))
  }
  return last + 1
}

async function isEmpty(dir: Dir, path: string): Promise<boolean> {
  for await (const _ of dir.list(path)) return false
  return true
}

async function osFacts(root: Dir): Promise<{ title: string; osId: string }> {
  const text = (await readText(root, 'usr/lib/os-release')) ?? ''
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1]
  return { title: value('PRETTY_NAME') ?? 'Linux', osId: value('ID') ?? 'linux' }
}

function imageFacts({ manifestDigest, configDigest, config }: StoredImage): DeploymentRecord['image'] {
  const version = config.config?.Labels?.['org.opencontainers.image.version']
  return {
    ...{ manifestDigest, configDigest, architecture: config.architecture },
    ...(version === undefined ? {} : { version }),
    ...(config.created === undefined ? {} : { created: config.created }),
  }
}

async function bootFile(store: Dir, path: string): Promise<BootFile> {
  const sizeBytes = (await store.stat(path))?.sizeBytes ?? 0
  const host = store.hostPath === undefined ? {} : { hostPath: joinPath(store.hostPath, path) }
  return { name: baseName(path), tree: store, path, sizeBytes, ...host }
}

function toDeployment(record: DeploymentRecord): Deployment {
  const { id, stateroot, origin, image, pinned, unlocked, bootDigest, serial } = record
  return {
    ...{ id, store: 'memory', stateroot, origin, incompatible: false, image, pinned, unlocked, bootDigest },
    ...(image.version === undefined ? {} : { version: image.version }),
    backend: { memory: { serial } },
  }
}
