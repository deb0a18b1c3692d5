import { describe, expect, test } from 'vitest'
import { fakeHost } from '@bootc-sdk/core/testing'
import { memoryDir } from '@bootc-sdk/core/testing'
import { runningMounts } from '../../src/sysroot/mountinfo.js'
import { readSetupRootConf } from '../../src/sysroot/setup-root-conf.js'

const id = 'ab'.repeat(64)
const root = (source: string) => `29 1 0:26 / / ro,relatime shared:1 - overlay ${source} ro,lowerdir+=/x\n`
const mounts = (text: string) => runningMounts(fakeHost({ mountinfo: text }))

describe('the mounts of a running system', () => {
  test('name the image behind the root', async () => {
    const earlier = '1 1 0:2 / / rw - rootfs rootfs rw\n'
    expect(
      await mounts(`${earlier}${root(`composefs:${id}`)}30 29 0:5 / /dev rw - devtmpfs udev rw\n`),
    ).toEqual({
      id,
      unlocked: 'none',
    })
  })

  test('also below an overlay that is lost at reboot', async () => {
    expect(await mounts(root(`transient:composefs=${id}`))).toMatchObject({ id })
  })

  test.each([
    ['rw,relatime', 'development'],
    ['ro,relatime', 'transient'],
  ])('tell of what lies over /usr (%s)', async (options, unlocked) => {
    const usr = `40 29 0:30 / /usr ${options} - overlay overlay rw,upperdir=/x\n`
    expect(await mounts(root(`composefs:${id}`) + usr)).toEqual({ id, unlocked })
  })

  test.each(['/dev/sda1', 'composefs:refs/x', 'composefs:', `overlay:${id}`])(
    'of another root (%s) name none',
    async (source) => {
      expect(await mounts(root(source))).toEqual({ unlocked: 'none' })
    },
  )

  test('are not needed', async () => {
    expect(await runningMounts(fakeHost())).toEqual({ unlocked: 'none' })
    expect(await mounts('garbage\n\n - - -\n')).toEqual({ unlocked: 'none' })
  })
})

describe('setup-root-conf.toml', () => {
  const conf = async (text?: string) => {
    const tree = memoryDir({ directories: ['usr', 'usr/lib', 'usr/lib/composefs'] })
    if (text !== undefined) await tree.write('usr/lib/composefs/setup-root-conf.toml', Buffer.from(text))
    return readSetupRootConf(tree)
  }

  test('is bootc’s default where there is none', async () => {
    expect(await conf()).toEqual({ transientRoot: false, etc: 'bind', var: 'bind' })
  })

  test.each([
    ['[etc]\nmount = "transient"\n', 'transient'],
    ['[etc]\nmount = "volatile" # alias\n', 'transient'],
    ['[etc]\ntransient = true\n', 'transient'],
    ['[etc]\ntransient = true\nmount = "bind"\n', 'bind'],
    ["[etc]\nmount = 'none'\n", 'none'],
    ['[etc]\nmount = "root"\n', 'none'],
    ['[etc]\nmount = "overlay"\n', 'overlay'],
    ['[var]\nmount = "transient"\n', 'bind'],
    ['[etc]\n[other.table]\ntransient = true\n', 'bind'],
    ['[etc]\n[[list]]\nmount = "overlay"\n[root]\n', 'bind'],
    ['[etc]\nmount = "constructor"\n', 'bind'],
    ['[future]\nthing = [1, 2]\n[etc]\nunknown = 1\nmount = "what"\n', 'bind'],
  ])('says how /etc is mounted: %j', async (text, etc) => {
    expect((await conf(text)).etc).toBe(etc)
  })

  test('says that the root is transient', async () => {
    expect(await conf('[root]\ntransient = true\n')).toEqual({
      transientRoot: true,
      etc: 'bind',
      var: 'bind',
    })
  })
})
