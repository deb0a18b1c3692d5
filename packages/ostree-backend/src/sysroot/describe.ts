import type { Deployment, DeploymentImage, ReadTree, Sysroot, UnlockedState } from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import { createdAnnotation } from '../container/names.js'
import { cachedUpdate, imageFacts } from '../container/stored-image.js'
import { storeName } from '../store-name.js'
import { lookup } from '../format/variant-dict.js'
import type { Commit, OstreeRepo } from '../repo/api.js'
import { deploymentId, directoryName, originPath, rootPath, type DeploymentName } from './layout.js'
import { readOrigin } from './origin.js'
import { readText } from '@bootc-sdk/core/store-kit'

const unknown = { incompatible: false, pinned: false, unlocked: 'none' } as const

/** Everything status shows of a deployment. */
export async function describeDeployment(
  sysroot: Sysroot,
  repo: OstreeRepo,
  name: DeploymentName,
  bootDigest: string,
): Promise<Deployment> {
  const text = await readText(sysroot.root, originPath(name))
  const origin = text === undefined ? unknown : readOrigin(text, originPath(name))
  const commit = await commitOf(repo, name.checksum)
  const version = commit && lookup(commit.metadata, 'version', 's')
  const image = commit && (await deploymentImage(repo, name.checksum, commit))
  const { stateroot, checksum, deploySerial } = name
  return {
    id: deploymentId(name),
    store: storeName,
    stateroot,
    path: rootPath(name),
    ...('image' in origin && origin.image !== undefined ? { origin: origin.image } : {}),
    incompatible: origin.incompatible,
    ...(image === undefined ? {} : { image }),
    pinned: origin.pinned,
    unlocked: await unlockedState(sysroot.run, name, origin.unlocked),
    ...(version === undefined ? {} : { version }),
    bootDigest,
    backend: {
      ostree: { stateroot, checksum, deploySerial },
      ...('refspec' in origin && origin.refspec !== undefined ? { refspec: origin.refspec } : {}),
    },
  }
}

/** The commit of a deployment may have been pruned by hand, which must not hide the deployment. */
export async function commitOf(repo: OstreeRepo, checksum: string): Promise<Commit | undefined> {
  try {
    return await repo.readCommit(checksum)
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

async function deploymentImage(
  repo: OstreeRepo,
  checksum: string,
  commit: Commit,
): Promise<DeploymentImage | undefined> {
  try {
    const facts = imageFacts(commit, checksum)
    if (facts === undefined) return undefined
    const { manifest, config, manifestDigest } = facts
    const labels = config.config?.Labels ?? {}
    const version = labels['org.opencontainers.image.version'] ?? labels['version']
    const created = labels[createdAnnotation] ?? config.created
    const update = cachedUpdate(await repo.readDetached(checksum), checksum)
    return {
      manifestDigest,
      configDigest: manifest.config.digest,
      ...(version === undefined ? {} : { version }),
      ...(created === undefined ? {} : { created }),
      architecture: config.architecture,
      ...(update === undefined ? {} : { cachedUpdate: update }),
    }
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

/** Flags of `ostree admin unlock` live in /run, the persistent kind in the origin. */
async function unlockedState(
  run: Pick<ReadTree, 'stat'>,
  name: DeploymentName,
  origin: 'none' | 'hotfix',
): Promise<UnlockedState> {
  const flags = `ostree/deployment-state/${directoryName(name)}`
  if ((await run.stat(`${flags}/unlocked-development`)) !== undefined) return 'development'
  if ((await run.stat(`${flags}/unlocked-transient`)) !== undefined) return 'transient'
  return origin
}
