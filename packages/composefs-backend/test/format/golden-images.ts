import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { WriteErofsOptions } from '../../src/format/erofs/write.js'

/** Images of the real tools and the dumps they were made from; see the README beside them. */
const directory = new URL('../golden/images/', import.meta.url)

interface IndexedVariant {
  readonly file?: string
  readonly same_bytes_as?: string
  readonly rejected?: boolean
  readonly sha256?: string
  readonly info_dump?: string
  readonly info_dump_equals_input?: boolean
}

interface IndexedCase {
  readonly input: string
  readonly input_sha512: string
  readonly variants: Readonly<Record<string, IndexedVariant>>
}

export interface GoldenImage {
  readonly name: string
  readonly variant: string
  readonly options: WriteErofsOptions
  /** Name of the dump. */
  readonly input: string
  /** The image; undefined when the tool refused the dump. */
  readonly image: (() => Buffer) | undefined
  /** Name of what `composefs-info dump` says of it. */
  readonly infoDump: string | undefined
}

export function readGolden(file: string): Buffer {
  const bytes = readFileSync(new URL(file, directory))
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

export function goldenImages(): GoldenImage[] {
  const index = JSON.parse(readGolden('index.json').toString()) as Record<string, IndexedCase>
  return Object.entries(index).flatMap(([name, { input, input_sha512, variants }]) =>
    Object.entries(variants).map(([variant, indexed]) => {
      const options = optionsOf(variant)
      const bytes = indexed.same_bytes_as === undefined ? indexed : variants[indexed.same_bytes_as]
      const file = bytes?.file
      if (file === undefined && indexed.rejected !== true) throw new Error(`${name} ${variant}: no image`)
      return {
        name,
        variant,
        options,
        input: options.algorithm === 'sha512' ? input_sha512 : input,
        image: file === undefined ? undefined : () => readGolden(file),
        infoDump: indexed.info_dump ?? (indexed.info_dump_equals_input === true ? input : undefined),
      }
    }),
  )
}

function optionsOf(variant: string): WriteErofsOptions {
  const [tool, version, algorithm] = variant.split(':')
  if (tool === 'c') {
    const min = version === 'min-version=1' ? 1 : 0
    const max = version === 'max-version=0' ? 0 : 1
    return { version: { min, max }, algorithm: 'sha256', flavor: 'c' }
  }
  return {
    version: Number(version?.slice(1)) as 0 | 1 | 2,
    algorithm: algorithm as 'sha256' | 'sha512',
    flavor: 'rs',
  }
}
