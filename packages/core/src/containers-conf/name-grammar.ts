/*
 * Pieces of distribution references, as sources of regular expressions.
 *
 * @see containers/image 5.34 docker/reference/regexp.go
 */

const label = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])'

/** `host[:port]` */
export const domainSource = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`

/** One component of a repository's path. */
export const componentSource = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
