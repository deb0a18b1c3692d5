import type { BootSpec, BootVersion, ReadTree } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'

export const kernelA = '3a346d63b0520828cf45820de536fe44642cdec9f6de707ddfdfb45aa5091db2'
export const kernelB = '90bc368e3f3448fa0f47ebfc06865e01e33377bb989ee796a11bebc768e711c9'

const contents = {
  [kernelA]: { version: '1.2.3', kernel: 'FAKE-KERNEL-A\n', initrd: 'FAKE-INITRAMFS-1.2.3\n' },
  [kernelB]: { version: '1.2.4', kernel: 'FAKE-KERNEL-B\n', initrd: 'FAKE-INITRAMFS-1.2.4\n' },
}

export interface SpecFacts {
  readonly title: string
  readonly kernel: typeof kernelA | typeof kernelB
  readonly kargs: readonly string[]
  /** As in boot links. */
  readonly serial?: number
  readonly number: number
}

/** A root file system with kernel and initramfs of a deployment. */
export async function bootTree(kernel: SpecFacts['kernel']): Promise<ReadTree> {
  const tree = memoryDir()
  await tree.write('vmlinuz', Buffer.from(contents[kernel].kernel), { mode: 0o755 })
  await tree.write('initramfs.img', Buffer.from(contents[kernel].initrd), { mode: 0o600 })
  return tree
}

/** What an OSTree store asks for, in the place of one of the golden entries. */
export async function spec(facts: SpecFacts, version: BootVersion, tree?: ReadTree): Promise<BootSpec> {
  const { kernel, number, serial = 0, title, kargs } = facts
  const { version: kver, kernel: image, initrd } = contents[kernel]
  const source = tree ?? (await bootTree(kernel))
  return {
    id: `golden/${number}`,
    title,
    version: String(number),
    osId: 'golden',
    artifact: {
      kind: 'linux',
      bootDigest: `sha256:${kernel}`,
      dir: `ostree/golden-${kernel}`,
      kernel: { name: `vmlinuz-${kver}`, tree: source, path: 'vmlinuz', sizeBytes: image.length },
      initrds: [
        { name: `initramfs-${kver}.img`, tree: source, path: 'initramfs.img', sizeBytes: initrd.length },
      ],
    },
    rootKargs: [`ostree=/ostree/boot.${version}/golden/${kernel}/${serial}`],
    kargs,
    fileName: `ostree-${number}.conf`,
    bootPrefix: '/',
  }
}

const base = ['root=LABEL=root', 'rw', 'console=ttyS0']
const title = (n: number, index: number) => `Golden Linux ${n} ${n}.0 (ostree:${index})`

/** The list behind golden/one. */
export async function one(version: BootVersion): Promise<BootSpec[]> {
  return [await spec({ title: title(1, 0), kernel: kernelA, kargs: base, number: 1 }, version)]
}

/** The list behind golden/three. Old root arguments keep their place in the options. */
export async function three(version: BootVersion): Promise<BootSpec[]> {
  const stale = [...base, 'ostree=/ostree/boot.0/golden/0/0', 'quiet']
  return Promise.all([
    spec({ title: title(3, 0), kernel: kernelB, kargs: stale, number: 3 }, version),
    spec({ title: title(2, 1), kernel: kernelA, kargs: stale, number: 2 }, version),
    spec({ title: title(2, 2), kernel: kernelA, kargs: base, number: 1, serial: 1 }, version),
  ])
}
