import type { Dir } from '../interfaces/index.js'

/** Have /boot mounted read-only from a file system of its own: `SPEC /boot auto ro 0 0` in fstab. */
export async function addBootMount(etc: Dir, spec: string): Promise<void> {
  const found = await etc.stat('fstab')
  const chunks: Uint8Array[] = []
  if (found?.type === 'file') for await (const chunk of etc.read('fstab')) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  const separator = text === '' || text.endsWith('\n') ? '' : '\n'
  const mode = found?.type === 'file' ? found.mode : 0o644
  await etc.write('fstab', Buffer.from(`${text}${separator}${spec} /boot auto ro 0 0\n`), { mode })
}
