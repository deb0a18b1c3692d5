type Schema = Readonly<Record<string, unknown>>

/**
 * Problems of a value against the part of JSON schema 2020-12 that our schemas use. Throws on a keyword it
 * does not know, so that a schema cannot pass by being misread.
 */
export function problems(root: Schema, value: unknown, schema: Schema = root, path = '$'): string[] {
  const found: string[] = []
  const say = (problem: string) => void found.push(`${path} ${problem}`)
  const inner = (sub: unknown, item: unknown, at: string) => problems(root, item, sub as Schema, at)
  for (const [keyword, argument] of Object.entries(schema)) {
    switch (keyword) {
      case '$ref': {
        const name = (argument as string).replace('#/$defs/', '')
        found.push(...inner((root['$defs'] as Schema)[name], value, path))
        break
      }
      case 'type': {
        const types = Array.isArray(argument) ? (argument as string[]) : [argument as string]
        if (!types.some((type) => isOfType(value, type))) say(`is not ${types.join(' or ')}`)
        break
      }
      case 'required':
        for (const key of argument as string[]) {
          if (isObject(value) && !(key in value)) say(`lacks ${key}`)
        }
        break
      case 'properties':
        for (const [key, sub] of Object.entries(argument as Schema)) {
          if (isObject(value) && key in value) found.push(...inner(sub, value[key], `${path}.${key}`))
        }
        break
      case 'additionalProperties':
        for (const [key, item] of Object.entries(isObject(value) ? value : {})) {
          if (key in ((schema['properties'] as Schema | undefined) ?? {})) continue
          if (argument === false) say(`has ${key}`)
          else found.push(...inner(argument, item, `${path}.${key}`))
        }
        break
      case 'items':
        if (Array.isArray(value)) {
          value.forEach((item, i) => found.push(...inner(argument, item, `${path}[${i}]`)))
        }
        break
      case 'enum':
        if (!(argument as unknown[]).includes(value)) say(`is none of ${JSON.stringify(argument)}`)
        break
      case 'const':
        if (argument !== value) say(`is not ${JSON.stringify(argument)}`)
        break
      case 'minimum':
        if (typeof value === 'number' && value < (argument as number)) say('is too small')
        break
      case 'anyOf':
      case 'oneOf': {
        const fits = (argument as Schema[]).filter((sub) => inner(sub, value, path).length === 0).length
        if (keyword === 'anyOf' ? fits === 0 : fits !== 1) say(`fits ${fits} of ${keyword}`)
        break
      }
      case '$schema':
      case '$defs':
      case 'title':
      case 'description':
      case 'default':
      case 'format':
        break
      default:
        throw new Error(`unknown keyword ${keyword}`)
    }
  }
  return found
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
