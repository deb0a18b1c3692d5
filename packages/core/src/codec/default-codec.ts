import { getNative } from '../native/loader.js'
import { jsCodec } from './js-codec.js'
import { nativeCodec } from './native-codec.js'
import type { Codec } from './types.js'

/** The native codec where the addon is built and not disabled, else the JavaScript one. */
export function defaultCodec(): Codec {
  const addon = getNative()
  return addon ? nativeCodec(addon) : jsCodec()
}
