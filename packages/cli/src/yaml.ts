/**
 * Print plain data as block YAML in the order of its keys; what reads it back gets the same data. Loading a
 * YAML library would cost more than the whole status command.
 *
 * @param tag turns a value into a tagged scalar (`!ostreeRemote name`), or leaves it alone
 */
export function printYaml(value: unknown, tag: TagScalar = () => undefined): string {
  if (isBlock(value)) return block(value, '', tag)
  return `${inline(value)}\n`
}

export type TagScalar = (key: string, value: unknown) => { tag: string; text: string } | undefined

function block(value: object, indent: string, tag: TagScalar): string {
  if (Array.isArray(value)) {
    return value
      .map((item: unknown) => {
        if (!isBlock(item)) return `${indent}- ${inline(item)}\n`
        // The first line of the item moves up behind its dash.
        return `${indent}- ${block(item, `${indent}  `, tag).slice(indent.length + 2)}`
      })
      .join('')
  }
  let text = ''
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    const tagged = tag(key, item)
    if (tagged !== undefined) text += `${indent}${scalar(key)}: ${tagged.tag} ${scalar(tagged.text)}\n`
    else if (!isBlock(item)) text += `${indent}${scalar(key)}: ${inline(item)}\n`
    // Lists stand at the level of their key.
    else if (Array.isArray(item)) text += `${indent}${scalar(key)}:\n${block(item, indent, tag)}`
    else text += `${indent}${scalar(key)}:\n${block(item, `${indent}  `, tag)}`
  }
  return text
}

function isBlock(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}

function inline(value: unknown): string {
  if (typeof value === 'string') return scalar(value)
  if (Array.isArray(value)) return '[]'
  return typeof value === 'object' && value !== null ? '{}' : String(value)
}

/** Anything a reader of YAML 1.1 or 1.2 could take for something else than a string. */
const ambiguous =
  /^(~|null|true|false|yes|no|on|off|y|n|<<|=|[-+]?\.(inf|nan)|[-+0-9_.,:eExXoO]+|0x[0-9a-f_]+)$/i

function scalar(text: string): string {
  if (/^[A-Za-z0-9_./][\w./@:+-]*$/.test(text) && !text.endsWith(':') && !ambiguous.test(text)) return text
  if (/^[\x20-\x7e]*$/.test(text)) return `'${text.replace(/'/g, "''")}'`
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
