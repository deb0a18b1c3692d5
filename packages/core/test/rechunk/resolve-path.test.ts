import { expect, test } from 'vitest'
import { directoryNode, impliedMeta } from '../../src/rechunk/nodes.js'
import { resolvePath } from '../../src/rechunk/resolve-path.js'

test('a path that no system has is not looked for', () => {
  const root = directoryNode()
  root.children.set('etc', { node: directoryNode(impliedMeta), layer: 0, hiddenBy: -1 })
  expect(resolvePath(root, '/./etc//passwd')).toBe('etc/passwd')
  expect(resolvePath(root, `${'/.'.repeat(2100)}/etc/passwd`)).toBeUndefined()
})
