import {
  BootcError,
  type BootFile,
  type BootSpec,
  type BootVersion,
  type DeploymentId,
  type Dir,
} from '@bootc-sdk/core'
import { bootLinkPath, type BootLink } from './boot-links.js'
import { findKernel, type Kernel, type KernelFile } from './kernel.js'
import { rootPath, type DeploymentName } from './layout.js'
import { readOsRelease } from './os-release.js'

/** One deployment in boot order. */
export interface OrderedDeployment {
  readonly id: DeploymentId
  readonly name: DeploymentName
  readonly bootChecksum: string
  /** Of its commit, for the title. */
  readonly version?: string | undefined
  readonly kargs: readonly string[]
}

/**
 * Links of deployments in boot order. The serial counts earlier ones with the same kernel, whatever their
 * stateroot.
 */
export function bootLinksOf(
  order: readonly { readonly name: DeploymentName; readonly bootChecksum: string }[],
  version: BootVersion,
): { readonly link: BootLink; readonly name: DeploymentName }[] {
  const serials = new Map<string, number>()
  return order.map(({ name, bootChecksum }) => {
    const bootSerial = serials.get(bootChecksum) ?? 0
    serials.set(bootChecksum, bootSerial + 1)
    return { link: { version, stateroot: name.stateroot, bootChecksum, bootSerial }, name }
  })
}

/**
 * What boot entries must say, as libostree 2026.4 writes them: `ostree-N.conf` with N counting down to 1, a title
 * with the place in the list, kernel files in `ostree/STATEROOT-BOOTCHECKSUM`.
 */
export async function makeBootSpecs(
  root: Dir,
  order: readonly OrderedDeployment[],
  version: BootVersion,
  bootPrefix: '/' | '/boot/',
): Promise<BootSpec[]> {
  const links = bootLinksOf(order, version)
  const manyStateroots = new Set(order.map(({ name }) => name.stateroot)).size > 1
  return Promise.all(
    order.map(async (deployment, index) => {
      const tree = root.sub(rootPath(deployment.name))
      const kernel = await findKernel(tree)
      const { id: osId, title } = await readOsRelease(tree)
      const link = links[index]!.link
      const dir = `ostree/${deployment.name.stateroot}-${deployment.bootChecksum}`
      const number = order.length - index
      return {
        id: deployment.id,
        title: bootTitle(
          title,
          deployment.version,
          manyStateroots ? deployment.name.stateroot : undefined,
          index,
        ),
        version: String(number),
        osId,
        artifact: {
          kind: 'linux',
          bootDigest: `sha256:${deployment.bootChecksum}`,
          dir,
          ...(await kernelFiles(tree, kernel)),
        },
        rootKargs: rootKargs(link, kernel),
        kargs: deployment.kargs,
        fileName: `ostree-${number}.conf`,
        bootPrefix,
        extra: kernel.devicetrees.length === 0 ? [] : [['fdtdir', `${bootPrefix}${dir}/dtb`]],
      } satisfies BootSpec
    }),
  )
}

/** `Debian GNU/Linux 13 1.0 (ostree:0)`; the version of the commit is left out where the name has it already. */
export function bootTitle(
  name: string,
  version: string | undefined,
  stateroot: string | undefined,
  index: number,
): string {
  const withVersion = version === undefined || name.includes(version) ? name : `${name} ${version}`
  return `${withVersion} (ostree:${stateroot === undefined ? '' : `${stateroot}:`}${index})`
}

function rootKargs(link: BootLink, kernel: Kernel): string[] {
  const path = bootLinkPath(link)
  const kargs = [`ostree=${path}`]
  // Without an initramfs the kernel starts what an initramfs would.
  if (kernel.initramfs === undefined) kargs.push(`init=${path}/usr/lib/ostree/ostree-prepare-root`)
  return kargs
}

async function kernelFiles(
  tree: Dir,
  kernel: Kernel,
): Promise<{ kernel: BootFile; initrds: BootFile[]; devicetree?: BootFile; extra?: BootFile[] }> {
  const extra = [...kernel.devicetrees, ...(kernel.hmac === undefined ? [] : [kernel.hmac])]
  return {
    kernel: await bootFile(tree, kernel.kernel),
    initrds: kernel.initramfs === undefined ? [] : [await bootFile(tree, kernel.initramfs)],
    ...(kernel.devicetree === undefined ? {} : { devicetree: await bootFile(tree, kernel.devicetree) }),
    ...(extra.length === 0 ? {} : { extra: await Promise.all(extra.map((file) => bootFile(tree, file))) }),
  }
}

async function bootFile(tree: Dir, { name, path }: KernelFile): Promise<BootFile> {
  const stat = await tree.stat(path)
  if (stat === undefined) {
    throw new BootcError('TREE_NOT_FOUND', `${path} does not exist`, { details: { path } })
  }
  const top = tree.hostPath ?? tree.contentPath
  const hostPath = top === undefined ? {} : { hostPath: `${top}/${path}` }
  return { name, tree, path, sizeBytes: stat.sizeBytes, ...hostPath }
}
