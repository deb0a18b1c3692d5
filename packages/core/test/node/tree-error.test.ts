import { isBootcError } from '@bootc-sdk/core'
import { describe, expect, test } from 'vitest'
import { fromErrno } from '../../src/node/tree-error.js'

describe('errors of system calls', () => {
  test.each([
    ['ENOENT', 'TREE_NOT_FOUND'],
    ['EEXIST', 'TREE_EXISTS'],
    ['ENOSPC', 'TREE_NO_SPACE'],
    ['EDQUOT', 'TREE_NO_SPACE'],
    ['EROFS', 'TREE_READ_ONLY'],
    ['EACCES', 'TREE_PERMISSION'],
    ['EPERM', 'TREE_PERMISSION'],
    ['ELOOP', 'TREE_ESCAPE'],
    ['ENOTEMPTY', 'TREE_NOT_EMPTY'],
    ['EIO', 'TREE_IO'],
    ['EMFILE', 'TREE_IO'],
  ])('%s is %s, with the path and the cause', (errno, code) => {
    const cause = Object.assign(new Error(`${errno}: something`), { code: errno, errno: -1 })
    const error = fromErrno(cause, 'a/b')
    expect(isBootcError(error)).toBe(true)
    expect(error).toMatchObject({ code, details: { path: 'a/b' }, cause })
  })

  test('what is no failed system call passes as it is', () => {
    const reason = new Error('aborted')
    expect(fromErrno(reason, 'a')).toBe(reason)
    const dom = new DOMException('aborted', 'AbortError')
    expect(fromErrno(dom, 'a')).toBe(dom)
  })
})
