import type { Dir } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { commitTrees } from '../../../src/repo/index.js'
import type { OstreeRepo } from '../../../src/repo/api.js'

interface Owner {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly xattrs?: Readonly<Record<string, string>>
}

/** A tree that is written by paths; parents are made. */
export class TreeMaker {
  readonly dir: Dir = memoryDir()

  async directory(path: string, owner: Owner = {}): Promise<void> {
    const parts = path.split('/')
    for (let i = 1; i <= parts.length; i++) {
      const at = parts.slice(0, i).join('/')
      const meta = i === parts.length ? metaOf(owner, 0o755) : metaOf({}, 0o755)
      if ((await this.dir.stat(at)) === undefined) await this.dir.mkdir(at, meta)
    }
  }

  async file(path: string, data: string | Uint8Array, owner: Owner = {}): Promise<void> {
    await this.#parent(path)
    await this.dir.write(path, Buffer.from(data), metaOf(owner, 0o644))
  }

  async link(path: string, target: string): Promise<void> {
    await this.#parent(path)
    await this.dir.symlink(target, path)
  }

  async commit(repo: OstreeRepo, subject = ''): Promise<string> {
    const options = { timestamp: 1_700_000_001, subject, bindings: false }
    return (await commitTrees(repo, [{ tree: this.dir }], options)).commit
  }

  async #parent(path: string): Promise<void> {
    const slash = path.lastIndexOf('/')
    if (slash > 0) await this.directory(path.slice(0, slash))
  }
}

function metaOf({ mode, uid = 0, gid = 0, xattrs = {} }: Owner, usual: number) {
  const values = Object.entries(xattrs).map(([name, value]) => ({ name, value: Buffer.from(value) }))
  return { mode: mode ?? usual, uid, gid, xattrs: values }
}

/**
 * Everything about names, owners and targets that headers of tar have trouble with: lengths around the fields' 100
 * bytes, cuts within characters and before dots, ids beyond octal, targets that are not in normal form.
 */
export async function oddTree(): Promise<TreeMaker> {
  const tree = new TreeMaker()
  await tree.file('usr/bin/a', 'hello', { mode: 0o4755 })
  await tree.file('usr/bin/b', 'hello', { mode: 0o4755 })
  await tree.file('usr/lib/empty1', '')
  await tree.file('usr/lib/empty2', '', { mode: 0o600 })
  await tree.file('usr/etc/conf', 'x=1\n', { mode: 0o640, uid: 5, gid: 6 })
  await tree.file('usr/etc/deep/er/x', 'y')
  await tree.file('usr/etcetera/z', 'not etc')
  await tree.file('usr/big', Buffer.alloc(700_000, 'abc'), { mode: 0o755, uid: 3_000_000, gid: 2_097_151 })
  await tree.file('usr/xattr', 'zz', { xattrs: { 'user.a': '1', 'user.bb': 'é'.repeat(50) } })
  for (let n = 60; n < 130; n += 3) await tree.file(`usr/share/${'d'.repeat(30)}/${'n'.repeat(n)}`, `${n}`)
  for (let n = 40; n < 80; n++) {
    await tree.file(`usr/share/utf/${'é'.repeat(n)}`, `u${n}`)
    await tree.file(`usr/share/utf/a${'é'.repeat(n)}`, `v${n}`)
    await tree.file(`usr/share/eu/${'€'.repeat(n - 15)}x`, `w${n}`)
  }
  for (let n = 70; n < 100; n++) {
    await tree.file(`usr/share/cut/${'c'.repeat(n)}/.hidden/file`, `h${n}`)
    await tree.file(`usr/share/cut/${'c'.repeat(n)}/..two/file`, `t${n}`)
    await tree.file(`usr/share/cut/${'c'.repeat(n)}/...`, `three${n}`)
  }
  for (const n of [1, 50, 97, 98, 99, 100, 101, 102, 150, 300])
    await tree.link(`usr/links/l${n}`, 't'.repeat(n))
  for (const n of [70, 78, 79, 80, 81, 130])
    await tree.link(`usr/links/p${n}`, `dir/a/bb/ccc/dddd/${'q/r'.repeat(50).slice(0, n)}`)
  await tree.link('usr/links/dot', './x')
  await tree.link('usr/links/slash', 'x/y/')
  await tree.link('usr/links/absolute', '/usr/bin/a')
  await tree.link('usr/links/denormal', '../../..//sbin/x')
  await tree.link('usr/links/dotdot', '..')
  await tree.link('usr/links/self', '.')
  await tree.link('usr/links/absolute150', `/${'z/'.repeat(75)}`)
  await tree.link('usr/links/slash101', `${'s'.repeat(100)}/`)
  for (const path of ['sysroot', 'boot', 'var']) await tree.directory(path)
  await tree.directory('tmp', { mode: 0o1777 })
  await tree.directory('usr/dirs/sticky', {
    mode: 0o3777,
    uid: 2_097_152,
    gid: 9,
    xattrs: { 'user.d': 'dd' },
  })
  return tree
}
