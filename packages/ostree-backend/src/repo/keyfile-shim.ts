/** Replaced by core/keyfile when it lands. */
export class KeyfileText {
  lines: string[]
  constructor(text: string) {
    this.lines = text.split('\n')
  }
  *entries(): Generator<[string, string, string, number]> {
    let group = ''
    for (const [index, line] of this.lines.entries()) {
      const head = /^\[(.*)\]\s*$/.exec(line)
      if (head) group = head[1]!
      else if (!line.startsWith('#') && line.includes('=')) {
        const at = line.indexOf('=')
        yield [group, line.slice(0, at).trim(), line.slice(at + 1).trim(), index]
      }
    }
  }
  get(group: string, key: string): string | undefined {
    for (const [g, k, v] of this.entries()) if (g === group && k === key) return v
    return undefined
  }
  set(group: string, key: string, value: string | undefined): void {
    for (const [g, k, , index] of this.entries()) {
      if (g !== group || k !== key) continue
      if (value === undefined) this.lines.splice(index, 1)
      else this.lines[index] = `${key}=${value}`
      return
    }
    if (value === undefined) return
    let end = -1
    let group2 = ''
    for (const [index, line] of this.lines.entries()) {
      const head = /^\[(.*)\]\s*$/.exec(line)
      if (head) group2 = head[1]!
      if (group2 === group && line.trim() !== '') end = index
    }
    if (end >= 0) this.lines.splice(end + 1, 0, `${key}=${value}`)
    else {
      while (this.lines.at(-1) === '') this.lines.pop()
      this.lines.push('', `[${group}]`, `${key}=${value}`, '')
    }
  }
  groups(): string[] {
    return this.lines.flatMap((line) => /^\[(.*)\]\s*$/.exec(line)?.[1] ?? [])
  }
  toString(): string {
    return this.lines.join('\n')
  }
}
