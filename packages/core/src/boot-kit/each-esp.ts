import type { Dir, OpOptions, Volume, Warning } from '../interfaces/index.js'
import { joinPath, parentPath } from '../names/index.js'
import { replaceTemporary } from '../store-kit/replace-file.js'
import { makeDirs, readAll } from './fat-dir.js'

/**
 * Put a loader on every EFI system partition, and sync each. Of an installation the first must work: the machine
 * starts from the others when that disk is gone. Of an update one has to, because the others still have a loader.
 */
export async function onEveryEsp(
  esps: readonly Volume[],
  options: OpOptions & { readonly update?: boolean },
  put: (esp: Volume) => Promise<readonly Warning[]>,
): Promise<Warning[]> {
  const warnings: Warning[] = []
  let failed = 0
  for (const [index, esp] of esps.entries()) {
    options.signal?.throwIfAborted()
    try {
      warnings.push(...(await put(esp)))
      await esp.dir.sync()
    } catch (error) {
      options.signal?.throwIfAborted()
      failed++
      if (options.update === true ? failed === esps.length : index === 0) throw error
      const message = `the loader on ESP ${index + 1} was left as it is: ${String(error)}`
      const details = { esp: esp.dir.hostPath ?? String(index) }
      warnings.push({ code: 'boot:esp-skipped', message, details })
    }
  }
  return warnings
}

/**
 * Write a file with the directories above it, unless it says that already. What is there stays whole until the new content
 * is on the medium: FAT may keep the new name and lose what is behind it, and firmware would start a loader of nothing.
 */
export async function replaceOnFat(dir: Dir, path: string, data: Uint8Array): Promise<void> {
  if (path.includes('/')) await makeDirs(dir, path.slice(0, path.lastIndexOf('/')))
  const found = await dir.stat(path)
  const isSame = found?.type === 'file' && found.sizeBytes === data.length
  if (isSame && Buffer.compare(data, await readAll(dir, path)) === 0) return
  if (found === undefined) {
    await dir.write(path, data)
    return
  }
  const temporary = joinPath(parentPath(path), replaceTemporary)
  await dir.remove(temporary)
  await dir.write(temporary, data, { atomic: false })
  await dir.sync()
  await dir.rename(temporary, path)
}
