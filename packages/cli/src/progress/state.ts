import type { ProgressEvent } from '@bootc-sdk/core'

/** What is on its way, made from events; pure, so that drawing can be tested. */
export interface ProgressState {
  readonly layers: ReadonlyMap<string, LayerState>
  /** Layers the store had already, and their bytes. */
  readonly cached: { readonly count: number; readonly bytes: number }
  /** The step under way after (or besides) fetching: `merging layers`, `checking out 120/4000 files`. */
  readonly step: string | undefined
  /** Last retry, until its layer moves again. */
  readonly notice: string | undefined
}

export interface LayerState {
  readonly id: string
  readonly bytes: number
  readonly totalBytes: number
  /** Fetched and imported. */
  readonly done: boolean
}

export const emptyState: ProgressState = {
  layers: new Map(),
  cached: { count: 0, bytes: 0 },
  step: undefined,
  notice: undefined,
}

/** Fold one event in. */
export function advance(state: ProgressState, event: ProgressEvent): ProgressState {
  switch (event.type) {
    case 'pull:resolved': {
      const missing = event.detail.layers.filter((layer) => !layer.present)
      const present = event.detail.layers.filter((layer) => layer.present)
      return {
        ...state,
        layers: new Map(
          missing.map(({ digest, sizeBytes }) => [
            digest,
            { id: digest, bytes: 0, totalBytes: sizeBytes, done: false },
          ]),
        ),
        cached: { count: present.length, bytes: present.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
      }
    }
    case 'pull:layer': {
      const { id, bytes, totalBytes } = event.detail
      return { ...withLayer(state, { id, bytes, totalBytes, done: false }), notice: undefined }
    }
    case 'pull:resumed': {
      const { id, keptBytes, totalBytes } = event.detail
      return withLayer(state, { id, bytes: keptBytes, totalBytes, done: false })
    }
    case 'pull:partial': {
      const { id, fetchBytes, reason } = event.detail
      const next = withLayer(state, { id, bytes: 0, totalBytes: fetchBytes, done: false })
      return reason === undefined ? next : { ...next, notice: `${id} is fetched whole: ${reason}` }
    }
    case 'pull:retry': {
      const { id, attempt, waitMs, reason } = event.detail
      const wait = (waitMs / 1000).toFixed(1)
      return { ...state, notice: `retry ${attempt} of ${id} in ${wait} s: ${reason}` }
    }
    case 'import:layer': {
      const before = state.layers.get(event.detail.id)
      if (!event.detail.done || before === undefined) return state
      return withLayer(state, { ...before, bytes: before.totalBytes, done: true })
    }
    case 'import:merge':
      return withStep(state, 'merging layers', event.detail.done)
    case 'lock:waiting':
      return { ...state, step: `waiting for the lock of ${event.detail.path}` }
    case 'deploy:checkout': {
      const { done, total } = event.detail
      const count = total > 0 ? `${done}/${total}` : String(done)
      return withStep(state, `checking out ${count} files`, total > 0 && done >= total)
    }
    case 'deploy:etc-merge':
      return { ...state, step: 'merging /etc' }
    case 'boot:copy': {
      const { bytes, totalBytes } = event.detail
      return withStep(state, 'copying the kernel', totalBytes > 0 && bytes >= totalBytes)
    }
    case 'stage:step':
      return withStep(state, stepText[event.detail.step], event.detail.done)
    case 'prune:done':
      return { ...state, step: undefined }
  }
}

const stepText = {
  merging: 'merging',
  deploying: 'deploying',
  bound_images: 'fetching bound images',
  cleanup: 'cleaning up',
} as const

function withStep(state: ProgressState, step: string, done: boolean): ProgressState {
  return { ...state, step: done ? undefined : step }
}

function withLayer(state: ProgressState, layer: LayerState): ProgressState {
  const layers = new Map(state.layers)
  layers.set(layer.id, layer)
  return { ...state, layers }
}

/** Sums over the layers that have to be fetched. */
export function totals(state: ProgressState): {
  bytes: number
  totalBytes: number
  done: number
  count: number
} {
  let bytes = 0
  let totalBytes = 0
  let done = 0
  for (const layer of state.layers.values()) {
    bytes += layer.bytes
    totalBytes += layer.totalBytes
    if (layer.done) done++
  }
  return { bytes, totalBytes, done, count: state.layers.size }
}
