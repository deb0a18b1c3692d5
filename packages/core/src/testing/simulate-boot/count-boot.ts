import type { Dir } from '../../interfaces/index.js'
import { readFollowing } from './follow.js'
import type { MenuEntry } from './loaders.js'

/** What a loader that knows which entry it starts does before: one try less, one boot more, as it keeps them. */
export async function countBoot(loader: string, boot: Dir, entry: MenuEntry): Promise<void> {
  const { count, path, volume = boot } = entry
  if (count === undefined || path === undefined) return
  const [left, done] = [Math.max(count.left - 1, 0), count.done + 1]
  if (loader === 'memory-loader') {
    const text = (await readFollowing(boot, path))!.toString('utf8')
    const counted = { ...(JSON.parse(text) as object), count: { left, done } }
    await boot.write(path, Buffer.from(JSON.stringify(counted)))
  } else if (loader === 'systemd-boot') {
    const counted = path.replace(/\+\d+(?:-\d+)?(\.conf)$/i, `+${left}-${done}$1`)
    await volume.rename(path, counted)
  }
  await volume.sync()
}
