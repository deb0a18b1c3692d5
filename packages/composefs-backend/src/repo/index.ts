export type * from './api.js'
export {
  initComposefsRepo,
  openComposefsRepo,
  type InitComposefsRepoOptions,
  type OpenComposefsRepoOptions,
} from './open-repo.js'
export { tagOf, tagPrefix, tagRef } from './tags.js'
