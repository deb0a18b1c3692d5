/** Where the repository lies on a sysroot. */
export const repoPath = 'ostree/repo'
