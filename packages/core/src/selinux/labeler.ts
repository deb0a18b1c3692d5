import type { Warning } from '../interfaces/common.js'

/** Security contexts by path, as an image's SELinux policy assigns them. */
export interface Labeler {
  /**
   * Context of a path; undefined when the policy leaves it alone (no match, or `<<none>>`). /proc is looked up
   * as /mnt, as libostree does, because policies give mount points of kernel file systems no label.
   *
   * @param path absolute, `/` for the root, as the policy sees it (`/usr/etc/x` is passed as such)
   * @param mode with type bits (S_IFREG, …); without them file types are not compared
   */
  label(path: string, mode: number): string | undefined
  /** Specifications that could not be understood and match nothing. */
  readonly warnings: readonly Warning[]
}
