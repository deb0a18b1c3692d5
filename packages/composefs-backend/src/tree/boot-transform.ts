import { copyTree } from './copy.js'
import type { FileTree } from './inode.js'
import { countLinks } from './links.js'
import { requiredDirectory } from './oci-transform.js'
import type { ReadFile } from './read-file.js'
import { relabel, removeLabels } from './relabel.js'
import { compilePolicy, invalid, loadPolicyText } from './selinux-policy.js'
import { withTimeLimit } from './time-limit.js'

/** Directories that stay, empty: the first may hold a kernel image that names the digest of this very tree. */
const emptied = ['boot', 'sysroot'] as const

/** For trees of any size that is not made to take long; 100,000 files take about a second. */
const defaultLabelTimeoutMs = 120_000

/**
 * Make the tree that boots: /boot and /sysroot are empty, and files have the labels that the tree's own SELinux
 * policy gives them. Boot entries are to be found in the tree before.
 *
 * @param tree after `ociTransform`
 * @param options.labelTimeoutMs how long labelling may take; for policies that are made to take for ever
 * @returns a new tree; `tree` stays as it is
 * @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE` without /usr, /boot or /sysroot, `IMAGE_SELINUX_INVALID`
 * @see composefs-rs 0.7.0 crates/composefs-boot/src/lib.rs
 */
export async function bootTransform(
  tree: FileTree,
  readFile: ReadFile,
  options: { readonly labelTimeoutMs?: number } = {},
): Promise<FileTree> {
  const directories = emptied.map((name) => requiredDirectory(tree, name))
  const { mtimeSec } = requiredDirectory(tree, 'usr')
  const result = copyTree(tree, (directory) => directories.includes(directory))
  // Nanoseconds stay as they were: that is how the digest is defined.
  for (const name of emptied) requiredDirectory(result, name).mtimeSec = mtimeSec
  countLinks(result.root)
  const policy = await loadPolicyText(result, readFile)
  if (policy === undefined) {
    removeLabels(result)
    return result
  }
  const timeoutMs = options.labelTimeoutMs ?? defaultLabelTimeoutMs
  const done = withTimeLimit(timeoutMs, () => relabel(result, compilePolicy(policy), policy.aliases))
  if (done === undefined) {
    throw invalid('etc/selinux', `matching its expressions takes longer than ${timeoutMs} ms`)
  }
  return result
}
