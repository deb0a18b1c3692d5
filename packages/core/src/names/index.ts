export { decodeName, encodeName, isUtf8Name } from './bytes.js'
export { compareNames, comparePaths } from './compare.js'
export { baseName, joinPath, maxPathBytes, normalizePath, parentPath } from './paths.js'
