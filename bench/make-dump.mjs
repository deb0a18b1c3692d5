import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * Dump text (composefs-dump(5)) of a made-up system: directories of 40 files, most of them external with a
 * label and every seventh inline, some links. The same number gives the same bytes.
 *
 * @param {string} path
 * @param {number} entries about
 */
export function writeDump(path, entries) {
  const fd = openSync(path, 'w')
  const label = 'security.selinux=system_u:object_r:usr_t:s0'
  const lines = [`/ 0 40755 3 0 0 0 1700000000.0 - - - ${label}`]
  const flush = () => {
    writeSync(fd, `${lines.splice(0).join('\n')}\n`)
  }
  const perDirectory = 40
  const directories = Math.ceil(entries / (perDirectory + 1))
  lines.push(`/usr 0 40755 ${directories + 2} 0 0 0 1700000000.0 - - - ${label}`)
  for (let d = 0, n = 2; d < directories && n < entries; d++, n++) {
    const dir = `/usr/dir-${String(d).padStart(6, '0')}`
    lines.push(`${dir} 0 40755 2 0 0 0 1700000000.0 - - - ${label}`)
    for (let f = 0; f < perDirectory && n < entries; f++, n++) {
      const file = `${dir}/file-${String(f).padStart(3, '0')}-of-package.so`
      const stat = `1 0 0 0 ${1700000000 + (n % 97)}.0`
      if (f % 13 === 5) lines.push(`${file} 9 120777 ${stat} file-000-x - - ${label}`)
      else if (f % 7 === 3) lines.push(`${file} 5 100644 ${stat} - hello - ${label}`)
      else {
        const digest = createHash('sha256').update(`${n}`).digest('hex')
        const payload = `${digest.slice(0, 2)}/${digest.slice(2)}`
        lines.push(`${file} ${1000 + n} 100644 ${stat} ${payload} - ${digest} ${label}`)
      }
    }
    if (lines.length > 20_000) flush()
  }
  flush()
  closeSync(fd)
}
