import { createHash } from 'node:crypto'
import { BootcError, type ReadTree } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'

/** A file to be installed on the boot volume: its name there and where it lies in the deployment. */
export interface KernelFile {
  readonly name: string
  readonly path: string
}

/** Kernel of a deployment. */
export interface Kernel {
  readonly version: string
  readonly kernel: KernelFile
  readonly initramfs?: KernelFile
  readonly devicetree?: KernelFile
  /** Files below `dtb/`, where there is no single device tree. */
  readonly devicetrees: readonly KernelFile[]
  readonly hmac?: KernelFile
  /** In the legacy layout the checksum is part of the names. */
  readonly bootChecksum?: string
}

type Tree = Pick<ReadTree, 'stat' | 'list' | 'read'>

/**
 * Find the kernel: `usr/lib/modules/KVER/vmlinuz`, else `usr/lib/ostree-boot` or `boot` with checksums at the
 * end of names. The older layout wins only when it alone has an initramfs.
 *
 * @throws BootcError `DEPLOY_NO_KERNEL`
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, get_kernel_from_tree
 */
export async function findKernel(tree: Tree): Promise<Kernel> {
  const modules = await fromModules(tree)
  if (modules?.initramfs !== undefined) return modules
  const legacy = await fromLegacy(tree)
  if (legacy?.initramfs !== undefined) return legacy
  const found = modules ?? legacy
  if (found !== undefined) return found
  throw new BootcError(
    'DEPLOY_NO_KERNEL',
    'no kernel in /usr/lib/modules, /usr/lib/ostree-boot or /boot of the image',
    { details: { searched: ['usr/lib/modules', 'usr/lib/ostree-boot', 'boot'] } },
  )
}

/** SHA-256 of kernel, initramfs and device trees, one after the other, in hex. */
export async function bootChecksum(tree: Tree, kernel: Kernel): Promise<string> {
  if (kernel.bootChecksum !== undefined) return kernel.bootChecksum
  const hash = createHash('sha256')
  const devicetrees = kernel.devicetree === undefined ? kernel.devicetrees : [kernel.devicetree]
  for (const file of [kernel.kernel, kernel.initramfs, ...devicetrees]) {
    if (file === undefined) continue
    for await (const chunk of tree.read(file.path)) hash.update(chunk)
  }
  return hash.digest('hex')
}

const modulesRoot = 'usr/lib/modules'

async function fromModules(tree: Tree): Promise<Kernel | undefined> {
  if ((await tree.stat(modulesRoot))?.type !== 'directory') return undefined
  for await (const { name: version, stat } of tree.list(modulesRoot)) {
    if (stat.type !== 'directory') continue
    const directory = `${modulesRoot}/${version}`
    const kernel = await fileAt(tree, `${directory}/vmlinuz`, `vmlinuz-${version}`)
    if (kernel === undefined) continue
    const initramfs =
      (await fileAt(tree, `${directory}/initramfs.img`, `initramfs-${version}.img`)) ??
      (await fileAt(tree, `${directory}/initramfs`, `initramfs-${version}.img`))
    const devicetree = await fileAt(tree, `${directory}/devicetree`, `devicetree-${version}`)
    const hmac = await fileAt(tree, `${directory}/.vmlinuz.hmac`, `.vmlinuz-${version}.hmac`)
    return {
      version,
      kernel,
      ...(initramfs === undefined ? {} : { initramfs }),
      ...(devicetree === undefined ? {} : { devicetree }),
      devicetrees: devicetree === undefined ? await filesBelow(tree, `${directory}/dtb`, 'dtb') : [],
      ...(hmac === undefined ? {} : { hmac }),
    }
  }
  return undefined
}

const legacyName = /^(vmlinuz|initramfs|devicetree)-(.+)-([0-9a-f]{64})$/

async function fromLegacy(tree: Tree): Promise<Kernel | undefined> {
  for (const directory of ['usr/lib/ostree-boot', 'boot']) {
    if ((await tree.stat(directory))?.type !== 'directory') continue
    const found = new Map<string, KernelFile>()
    let checksum: string | undefined
    let version = ''
    for await (const { name, stat } of tree.list(directory)) {
      const match = legacyName.exec(name)
      if (match === null || stat.type !== 'file') continue
      const [, role, middle, suffix] = match as unknown as [string, string, string, string]
      if (checksum !== undefined && suffix !== checksum) {
        throw new BootcError('DEPLOY_NO_KERNEL', `boot files in /${directory} have different checksums`, {
          details: { searched: [directory] },
        })
      }
      checksum = suffix
      if (role === 'vmlinuz') version = middle
      found.set(role, { name: `${role}-${middle}`, path: `${directory}/${name}` })
    }
    const kernel = found.get('vmlinuz')
    if (kernel === undefined || checksum === undefined) continue
    const initramfs = found.get('initramfs')
    const devicetree = found.get('devicetree')
    return {
      version,
      kernel,
      ...(initramfs === undefined ? {} : { initramfs }),
      ...(devicetree === undefined ? {} : { devicetree }),
      devicetrees: [],
      bootChecksum: checksum,
    }
  }
  return undefined
}

async function fileAt(tree: Tree, path: string, name: string): Promise<KernelFile | undefined> {
  return (await tree.stat(path))?.type === 'file' ? { name, path } : undefined
}

/** All that is no directory, depth first, files and directories of one level in one byte order. */
async function filesBelow(tree: Tree, path: string, name: string): Promise<KernelFile[]> {
  if ((await tree.stat(path))?.type !== 'directory') return []
  const entries: { name: string; directory: boolean }[] = []
  for await (const entry of tree.list(path)) {
    entries.push({ name: entry.name, directory: entry.stat.type === 'directory' })
  }
  entries.sort((a, b) => compareNames(a.name, b.name))
  const out: KernelFile[] = []
  for (const entry of entries) {
    const file = { name: `${name}/${entry.name}`, path: `${path}/${entry.name}` }
    if (entry.directory) out.push(...(await filesBelow(tree, file.path, file.name)))
    else out.push(file)
  }
  return out
}
