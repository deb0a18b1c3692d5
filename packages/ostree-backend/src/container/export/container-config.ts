import type { ImageConfig } from '@bootc-sdk/core'
import { invalid } from '../../format/errors.js'

type ContainerConfig = NonNullable<ImageConfig['config']>

/** Members that image-spec 1.1 knows, with what they hold; others are left out, as the reference does. */
const members: Readonly<Record<string, (value: unknown) => boolean>> = {
  User: isText,
  ExposedPorts: isObject,
  Env: isTexts,
  Entrypoint: isTexts,
  Cmd: isTexts,
  Volumes: isObject,
  WorkingDir: isText,
  Labels: (value) => isObject(value) && Object.values(value).every(isText),
  StopSignal: isText,
}

/**
 * The config of containers from a parsed JSON document, `{"Env": ["A=b"], …}`. Lists in place of sets of ports and
 * volumes, as some tools write them, become sets.
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 * @see OCI image-spec 1.1.1 config.md
 */
export function checkContainerConfig(value: unknown): ContainerConfig {
  if (!isObject(value)) throw invalid('container config', 'is no object')
  const config: Record<string, unknown> = {}
  for (const [name, isRight] of Object.entries(members)) {
    const member = value[name]
    if (member === undefined || member === null) continue
    const isSet = (name === 'ExposedPorts' || name === 'Volumes') && isTexts(member)
    if (!isSet && !isRight(member)) throw invalid('container config', `${name} is of a wrong type`)
    config[name] = isSet ? Object.fromEntries(member.map((key) => [key, {}])) : member
  }
  return config
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
