/** Any JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject
export interface JsonObject {
  [key: string]: JsonValue
}

const maxDepth = 100
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const plainText = /[^"\\\x00-\x1f]*/y

/**
 * Parse JSON without the leniency of `JSON.parse`: repeated keys, integers that a number cannot hold and
 * invalid UTF-8 are errors, because other readers of the same document would see something else.
 *
 * @throws SyntaxError
 */
export function parseStrictJson(bytes: Uint8Array): JsonValue {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new SyntaxError('not UTF-8')
  }
  return new Reader(text).document()
}

class Reader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonValue {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#error('text after the document')
    return value
  }

  #value(): JsonValue {
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object())
      case '[':
        return this.#nested(() => this.#array())
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > maxDepth) throw this.#error('nested too deeply')
    this.#at++
    const value = read()
    this.#depth--
    return value
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    if (this.#skip('}')) return object
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#error('expected a key')
      const key = this.#string()
      if (Object.hasOwn(object, key)) throw this.#error(`repeated key ${JSON.stringify(key)}`)
      if (!this.#skip(':')) throw this.#error('expected ":"')
      // Assigning to "__proto__" would set the prototype.
      Object.defineProperty(object, key, {
        value: this.#value(),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    } while (this.#skip(','))
    if (!this.#skip('}')) throw this.#error('expected "," or "}"')
    return object
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = []
    if (this.#skip(']')) return array
    do array.push(this.#value())
    while (this.#skip(','))
    if (!this.#skip(']')) throw this.#error('expected "," or "]"')
    return array
  }

  #string(): string {
    const start = this.#at
    plainText.lastIndex = start + 1
    plainText.exec(this.#text)
    this.#at = plainText.lastIndex
    while (this.#text[this.#at] === '\\') {
      plainText.lastIndex = this.#at + 2
      plainText.exec(this.#text)
      this.#at = plainText.lastIndex
    }
    if (this.#text[this.#at] !== '"') throw this.#error('text that does not end')
    const literal = this.#text.slice(start, ++this.#at)
    if (!literal.includes('\\')) return literal.slice(1, -1)
    // Only escapes are left to judge.
    const value = JSON.parse(literal) as string
    if (/[\ud800-\udfff]/u.test(value)) throw this.#error('a lone surrogate')
    return value
  }

  #number(): number {
    numberPattern.lastIndex = this.#at
    const match = numberPattern.exec(this.#text)
    if (match === null) throw this.#error('unexpected text')
    this.#at = numberPattern.lastIndex
    const value = Number(match[0])
    const isExact = /[.eE]/.test(match[0]) ? Number.isFinite(value) : Number.isSafeInteger(value)
    if (!isExact) throw this.#error('a number out of range')
    return value
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#error('unexpected text')
    this.#at += word.length
    return value
  }

  /** Step over `char` and white space before it, when it is next. */
  #skip(char: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #error(problem: string): SyntaxError {
    return new SyntaxError(`${problem} at character ${this.#at}`)
  }
}
