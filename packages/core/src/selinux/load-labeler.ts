import type { ReadTree } from '../interfaces/index.js'
import type { Labeler } from './labeler.js'

export async function loadLabeler(_tree: ReadTree): Promise<Labeler | undefined> {
  return undefined
}
