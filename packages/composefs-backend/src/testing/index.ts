export { composefsRoots } from './composefs-roots.js'
