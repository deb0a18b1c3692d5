import type { ProgressEvent } from '../progress.js'
import { canonicalJson } from '../oci/canonical-json.js'

/** Version of the protocol that the first line names. */
export const progressVersion = '0.1.0'

/** Lossy updates at most so often. */
const intervalMs = 200

interface LayerState {
  readonly sizeBytes: number
  readonly present: boolean
  bytes: number
  started: boolean
}

/**
 * Translate events to bootc's Progress v0 protocol (bootc.md §13): JSON objects, one a line, the first
 * naming the version. Nothing comes out before there is something to tell.
 *
 * @param options `now` in milliseconds
 * @returns lines of one event, without newlines; keep one translator for one operation
 */
export function toProgressJsonl(
  options: { now?: () => number } = {},
): (event: ProgressEvent) => readonly string[] {
  const { now = Date.now } = options
  const layers = new Map<string, LayerState>()
  const staging = new Map<string, boolean>()
  let manifestDigest = ''
  let started = false
  let lastMs = -Infinity

  const lines = (message: object): string[] => {
    const first = started ? [] : [canonicalJson({ type: 'Start', version: progressVersion })]
    started = true
    return [...first, canonicalJson(message)]
  }
  const pulling = () => pullMessage(manifestDigest, layers)
  const steps = (task: string, description: string, done: number, total: number, subtasks: unknown[]) =>
    lines({
      type: 'ProgressSteps',
      task,
      description,
      id: manifestDigest,
      stepsCached: 0,
      steps: done,
      stepsTotal: total,
      subtasks,
    })

  return (event) => {
    switch (event.type) {
      case 'pull:resolved':
        manifestDigest = event.detail.manifestDigest
        layers.clear()
        for (const { digest, sizeBytes, present } of event.detail.layers) {
          layers.set(digest, { sizeBytes, present, bytes: 0, started: false })
        }
        lastMs = now()
        return lines(pulling())
      case 'pull:layer': {
        const { id, bytes, totalBytes } = event.detail
        const layer = layers.get(id)
        if (layer === undefined) return []
        layer.bytes = bytes
        layer.started = true
        const time = now()
        // The last word on a layer is never dropped.
        if (bytes < totalBytes && time - lastMs < intervalMs) return []
        lastMs = time
        return lines(pulling())
      }
      case 'import:merge': {
        const { done } = event.detail
        const subtask = {
          subtask: 'importing',
          description: 'Importing Image',
          id: 'importing',
          completed: done,
        }
        return steps('importing', 'Importing Image', done ? 1 : 0, 1, [subtask])
      }
      case 'stage:step': {
        const { step, done } = event.detail
        staging.set(step, done)
        const subtasks = [...staging].map(([name, completed]) => ({ ...stageWords[name as Step], completed }))
        const completed = subtasks.filter(
          (subtask) => subtask.completed && subtask.subtask !== 'merging',
        ).length
        return steps('staging', 'Deploying Image', completed, 3, subtasks)
      }
      default:
        return []
    }
  }
}

type Step = 'merging' | 'deploying' | 'bound_images' | 'cleanup'

const stageWords: Readonly<Record<Step, { subtask: string; description: string; id: string }>> = {
  merging: { subtask: 'merging', description: 'Merging Image', id: 'fetching' },
  deploying: { subtask: 'deploying', description: 'Deploying Image', id: 'deploying' },
  bound_images: { subtask: 'bound_images', description: 'Pulling Bound Images', id: 'bound_images' },
  cleanup: { subtask: 'cleanup', description: 'Removing old images', id: 'cleanup' },
}

/** Present layers count as cached; subtasks are the layers that have begun. */
function pullMessage(manifestDigest: string, layers: ReadonlyMap<string, LayerState>): object {
  const all = [...layers]
  const missing = all.filter(([, layer]) => !layer.present)
  const present = all.filter(([, layer]) => layer.present)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  return {
    type: 'ProgressBytes',
    task: 'pulling',
    description: `Pulling Image: ${manifestDigest}`,
    id: manifestDigest,
    bytesCached: sum(present.map(([, layer]) => layer.sizeBytes)),
    bytes: sum(missing.map(([, layer]) => layer.bytes)),
    bytesTotal: sum(missing.map(([, layer]) => layer.sizeBytes)),
    stepsCached: present.length,
    steps: missing.filter(([, layer]) => layer.started && layer.bytes >= layer.sizeBytes).length,
    stepsTotal: missing.length,
    subtasks: missing
      .filter(([, layer]) => layer.started)
      .map(([digest, layer]) => {
        const id = digest.slice(digest.indexOf(':') + 1).slice(0, 21)
        const { bytes, sizeBytes } = layer
        return {
          subtask: 'layer',
          description: `layer: ${id}`,
          id,
          bytesCached: 0,
          bytes,
          bytesTotal: sizeBytes,
        }
      }),
  }
}
