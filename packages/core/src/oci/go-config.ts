import { goTime } from './go-time.js'
import {
  arrayMember,
  asObject,
  booleanMember,
  objectMember,
  objectOf,
  required,
  stringMapMember,
  stringMember,
  stringsMember,
} from './members.js'
import type { JsonObject, JsonValue } from './strict-json.js'

/**
 * An image config after Go's structs: members that they do not know are dropped, empty ones too, times are
 * normalised, members come in the structs' order and map keys sorted. The image proxy of skopeo serves configs
 * in this form, so commits record it.
 *
 * @param value the parsed document
 * @throws MemberError for members of a wrong type and times that are none
 * @see opencontainers/image-spec v1.1.1 specs-go/v1/config.go, skopeo 1.22 cmd/skopeo/proxy.go
 */
export function goConfig(value: JsonValue): JsonObject {
  const config = asObject(value, '')
  const rootfs = required(objectMember(config, 'rootfs', ''), 'rootfs')
  return compact([
    ['created', timeMember(config, 'created', '')],
    ['author', nonEmpty(stringMember(config, 'author', ''))],
    ['architecture', required(stringMember(config, 'architecture', ''), 'architecture')],
    ['os', required(stringMember(config, 'os', ''), 'os')],
    ['os.version', nonEmpty(stringMember(config, 'os.version', ''))],
    ['os.features', nonEmpty(stringsMember(config, 'os.features', ''))],
    ['variant', nonEmpty(stringMember(config, 'variant', ''))],
    // The struct is embedded by value, which Go always prints.
    ['config', execution(objectMember(config, 'config', '') ?? {})],
    [
      'rootfs',
      {
        type: required(stringMember(rootfs, 'type', 'rootfs.'), 'rootfs.type'),
        diff_ids: required(stringsMember(rootfs, 'diff_ids', 'rootfs.'), 'rootfs.diff_ids'),
      },
    ],
    ['history', nonEmpty(arrayMember(config, 'history', '')?.map(historyEntry))],
  ])
}

function execution(config: JsonObject): JsonObject {
  const where = 'config.'
  return compact([
    ['User', nonEmpty(stringMember(config, 'User', where))],
    ['ExposedPorts', emptyObjects(config, 'ExposedPorts', where)],
    ['Env', nonEmpty(stringsMember(config, 'Env', where))],
    ['Entrypoint', nonEmpty(stringsMember(config, 'Entrypoint', where))],
    ['Cmd', nonEmpty(stringsMember(config, 'Cmd', where))],
    ['Volumes', emptyObjects(config, 'Volumes', where)],
    ['WorkingDir', nonEmpty(stringMember(config, 'WorkingDir', where))],
    ['Labels', labels(config, where)],
    ['StopSignal', nonEmpty(stringMember(config, 'StopSignal', where))],
    ['ArgsEscaped', booleanMember(config, 'ArgsEscaped', where) === true ? true : undefined],
  ])
}

function historyEntry(value: JsonValue, index: number): JsonObject {
  const where = `history[${index}].`
  const entry = asObject(value, where)
  return compact([
    ['created', timeMember(entry, 'created', where)],
    ['created_by', nonEmpty(stringMember(entry, 'created_by', where))],
    ['author', nonEmpty(stringMember(entry, 'author', where))],
    ['comment', nonEmpty(stringMember(entry, 'comment', where))],
    ['empty_layer', booleanMember(entry, 'empty_layer', where) === true ? true : undefined],
  ])
}

function timeMember(object: JsonObject, key: string, where: string): string | undefined {
  const text = stringMember(object, key, where)
  return text === undefined ? undefined : goTime(text, where + key)
}

function labels(config: JsonObject, where: string): JsonObject | undefined {
  const entries = stringMapMember(config, 'Labels', where)
  return entries === undefined || entries.length === 0 ? undefined : objectOf(sorted(entries))
}

/** `{"8080/tcp": {}}`: only the keys say something. */
function emptyObjects(config: JsonObject, key: string, where: string): JsonObject | undefined {
  const map = objectMember(config, key, where)
  if (map === undefined || Object.keys(map).length === 0) return undefined
  return objectOf(sorted(Object.keys(map).map((name): [string, JsonValue] => [name, {}])))
}

/** Go sorts map keys by their bytes. */
function sorted<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function nonEmpty<T extends string | readonly unknown[]>(value: T | undefined): T | undefined {
  return value === undefined || value.length === 0 ? undefined : value
}

function compact(entries: readonly (readonly [string, JsonValue | undefined])[]): JsonObject {
  return objectOf(entries.filter((entry): entry is readonly [string, JsonValue] => entry[1] !== undefined))
}
