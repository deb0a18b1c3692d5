import type { Platform } from '@bootc-sdk/core'
import { UsageError } from '../io.js'

/** `OS/ARCH[/VARIANT]`, in Go's words: `linux/arm64`. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9]+))?$/.exec(text)
  if (match === null)
    throw new UsageError(`platform ${JSON.stringify(text)} is not OS/ARCH, such as linux/arm64`)
  const [, os, architecture, variant] = match
  return { os: os!, architecture: architecture!, ...(variant === undefined ? {} : { variant }) }
}
