import { readdir, readlink } from 'node:fs/promises'

/** Files without a name that this process has open in a directory; they take room until they are closed. */
export async function namelessFiles(dir: string): Promise<string[]> {
  const fds = await readdir('/proc/self/fd')
  const paths = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(`${dir}/`) && path.endsWith(' (deleted)'))
}
