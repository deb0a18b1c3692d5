/** File type bits of `st_mode`. */
export const modeMask = 0o170000
export const modeFile = 0o100000
export const modeSymlink = 0o120000
export const modeDirectory = 0o040000

export function isDirectoryMode(mode: number): boolean {
  return isMode(mode) && (mode & modeMask) === modeDirectory
}

/** Regular file or symbolic link, with no bits beyond the permissions. */
export function isContentMode(mode: number): boolean {
  return isMode(mode) && ((mode & modeMask) === modeFile || (mode & modeMask) === modeSymlink)
}

export function isSymlinkMode(mode: number): boolean {
  return (mode & modeMask) === modeSymlink
}

function isMode(mode: number): boolean {
  return (mode & ~(modeMask | 0o7777)) === 0
}
