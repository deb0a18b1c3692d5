const text = { type: 'string' } as const
const uint64 = { type: 'integer', format: 'uint64', minimum: 0 } as const

const bytesSubtask = {
  subtask: text,
  description: text,
  id: text,
  bytesCached: uint64,
  bytes: uint64,
  bytesTotal: uint64,
} as const

const stepsSubtask = { subtask: text, description: text, id: text, completed: { type: 'boolean' } } as const

const steps = { stepsCached: uint64, steps: uint64, stepsTotal: uint64 } as const

const common = { task: text, description: text, id: text } as const

const all = (properties: object) => ({ type: 'object', required: Object.keys(properties), properties })

const list = (properties: object) => ({ type: 'array', items: all(properties) })

/** JSON schema (draft 2020-12) of one line of the progress protocol; every member is required. */
export const progressSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Event',
  description: 'An event emitted as JSON',
  oneOf: [
    all({ type: { type: 'string', const: 'Start' }, version: text }),
    all({
      type: { type: 'string', const: 'ProgressBytes' },
      ...common,
      bytesCached: uint64,
      bytes: uint64,
      bytesTotal: uint64,
      ...steps,
      subtasks: list(bytesSubtask),
    }),
    all({
      type: { type: 'string', const: 'ProgressSteps' },
      ...common,
      ...steps,
      subtasks: list(stepsSubtask),
    }),
  ],
}
