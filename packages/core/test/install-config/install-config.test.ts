import { describe, expect, test } from 'vitest'
import {
  installConfigDirectories,
  mergeInstallConfigs,
  parseInstallConfig,
  printInstallConfig,
  readInstallConfig,
  type InstallConfig,
} from '../../src/install-config/index.js'
import { memoryDir, type MemoryDir } from '../../src/testing/index.js'

const allKeys = `[install]
root-fs-type = "xfs"
block = ["direct", "tpm2-luks"]
kargs = ["console=ttyS0", "quiet splash"]
karg-deletes = ["debug", "bar=baz"]
match-architectures = ["x86_64", "aarch64"]
stateroot = "custom"
root-mount-spec = "LABEL=rootfs"
boot-mount-spec = ""
bootloader = "systemd"
discoverable-partitions = true
enforce-container-sigpolicy = false

[install.filesystem.root]
type = "ext4"

[install.ostree]
bls-append-except-default = 'grub_users=""'

[install.bootupd]
skip-boot-uuid = true
`

function parse(text: string): InstallConfig {
  return parseInstallConfig(text, '/etc/bootc/install/10.toml').config!
}

function problemOf(text: string): unknown {
  try {
    parse(text)
  } catch (error) {
    return error
  }
  return undefined
}

async function rootWith(files: Readonly<Record<string, string>>): Promise<MemoryDir> {
  const root = memoryDir()
  const made = new Set<string>()
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const directory = parts.slice(0, depth).join('/')
      if (!made.has(directory)) await root.mkdir(directory)
      made.add(directory)
    }
    if (content.startsWith('-> ')) await root.symlink(content.slice(3), path)
    else await root.write(path, Buffer.from(content))
  }
  return root
}

async function load(files: Readonly<Record<string, string>>, arch = 'amd64') {
  return readInstallConfig(await installConfigDirectories(await rootWith(files)), arch)
}

describe('one file', () => {
  test('every key is read', () => {
    expect(parse(allKeys)).toEqual({
      rootFsType: 'xfs',
      block: ['direct', 'tpm2-luks'],
      filesystem: { root: { type: 'ext4' } },
      kargs: ['console=ttyS0', 'quiet splash'],
      kargDeletes: ['debug', 'bar=baz'],
      matchArchitectures: ['x86_64', 'aarch64'],
      ostree: { blsAppendExceptDefault: 'grub_users=""' },
      stateroot: 'custom',
      rootMountSpec: 'LABEL=rootfs',
      bootMountSpec: '',
      bootupd: { skipBootUuid: true },
      bootloader: 'systemd',
      discoverablePartitions: true,
      enforceContainerSigpolicy: false,
    })
  })

  test('an unknown key is refused with file, key and what is known', () => {
    expect(problemOf('[install]\nswap = "4G"\n')).toMatchObject({
      code: 'IMAGE_INSTALL_CONFIG',
      details: {
        path: '/etc/bootc/install/10.toml',
        key: 'install.swap',
        expected: expect.arrayContaining(['stateroot', 'bootupd']) as unknown,
      },
    })
    expect(problemOf('[install]\nswap = "4G"\n')).toHaveProperty(
      'message',
      '/etc/bootc/install/10.toml: unknown field `swap`, expected one of `root-fs-type`, `block`, `filesystem`, ' +
        '`kargs`, `karg-deletes`, `match-architectures`, `ostree`, `stateroot`, `root-mount-spec`, ' +
        '`boot-mount-spec`, `bootupd`, `bootloader`, `discoverable-partitions`, `enforce-container-sigpolicy`',
    )
  })

  test.each([
    ['another table', '[update]\n', 'update'],
    [
      'snake case, as an old manual spells it',
      '[install]\nmatch_architectures = []\n',
      'install.match_architectures',
    ],
    ['another file system', '[install.filesystem.var]\ntype = "xfs"\n', 'install.filesystem.var'],
    ['an option of the root', '[install.filesystem.root]\nlabel = "x"\n', 'install.filesystem.root.label'],
    ['an option of bootupd', '[install.bootupd]\nother = true\n', 'install.bootupd.other'],
    ['a file system nobody has', '[install]\nroot-fs-type = "zfs"\n', 'install.root-fs-type'],
    ['a loader nobody has', '[install]\nbootloader = "lilo"\n', 'install.bootloader'],
    ['a block setup nobody has', '[install]\nblock = ["raid"]\n', 'install.block'],
    ['one argument without its array', '[install]\nkargs = "quiet"\n', 'install.kargs'],
    ['a number among arguments', '[install]\nkargs = [1]\n', 'install.kargs'],
    ['a word for a flag', '[install]\ndiscoverable-partitions = "yes"\n', 'install.discoverable-partitions'],
    ['a date for a table', '[install]\nbootupd = 2026-01-01\n', 'install.bootupd'],
  ])('%s is refused', (_what, text, key) => {
    expect(problemOf(text)).toMatchObject({ code: 'IMAGE_INSTALL_CONFIG', details: { key } })
  })

  test('what is no TOML is refused with the line', () => {
    expect(problemOf('[install\n')).toMatchObject({
      code: 'IMAGE_INSTALL_CONFIG',
      message: expect.stringContaining('TOML parse error') as unknown,
    })
  })

  test('an unknown key of ostree is a warning only', () => {
    const { config, warnings } = parseInstallConfig(
      '[install.ostree]\nnew = 1\n',
      '/run/bootc/install/1.toml',
    )
    expect(config).toEqual({ ostree: {} })
    expect(warnings).toMatchObject([
      { code: 'install:unknown-key', message: '"/run/bootc/install/1.toml": Unknown key install.ostree.new' },
    ])
  })
})

describe('merging', () => {
  test('later values replace, arguments are appended', () => {
    const merged = mergeInstallConfigs(
      [
        parse(
          '[install]\nkargs = ["a"]\nkarg-deletes = ["x"]\nstateroot = "one"\nboot-mount-spec = "LABEL=b"\n',
        ),
        parse(
          '[install]\nkargs = ["b", "a"]\nkarg-deletes = ["x"]\nstateroot = "two"\nboot-mount-spec = ""\n',
        ),
      ],
      'amd64',
    )
    expect(merged).toMatchObject({
      kargs: ['a', 'b', 'a'],
      kargDeletes: ['x', 'x'],
      stateroot: 'two',
      bootMountSpec: '',
    })
  })

  test('a file for other architectures counts as absent', () => {
    const configs = [
      parse('[install]\nmatch-architectures = ["aarch64"]\nkargs = ["arm"]\n'),
      parse('[install]\nmatch-architectures = ["x86_64"]\nkargs = ["pc"]\n'),
    ]
    expect(mergeInstallConfigs(configs, 'amd64')).toMatchObject({
      kargs: ['pc'],
      matchArchitectures: ['x86_64'],
    })
    expect(mergeInstallConfigs(configs, 'arm64')).toMatchObject({ kargs: ['arm'] })
    expect(mergeInstallConfigs(configs, 's390x')).toBeUndefined()
  })

  test('the new spelling of the file system wins, and both say the same afterwards', () => {
    const merged = mergeInstallConfigs(
      [parse('[install.filesystem.root]\ntype = "xfs"\n'), parse('[install]\nroot-fs-type = "ext4"\n')],
      'amd64',
    )
    expect(merged).toMatchObject({ rootFsType: 'xfs', filesystem: { root: { type: 'xfs' } } })
    expect(mergeInstallConfigs([parse('[install]\nroot-fs-type = "btrfs"\n')], 'amd64')).toMatchObject({
      filesystem: { root: { type: 'btrfs' } },
    })
  })

  test('a table without its key does not take the key away', () => {
    const merged = mergeInstallConfigs(
      [parse('[install.bootupd]\nskip-boot-uuid = true\n'), parse('[install.bootupd]\n')],
      'amd64',
    )
    expect(merged?.bootupd).toEqual({ skipBootUuid: true })
  })
})

describe('directories', () => {
  const file = (name: string) => `[install]\nkargs = ["${name}"]\n`

  test('a name in a later directory replaces that of an earlier one, and names decide about the order', async () => {
    const { config, files } = await load({
      'usr/lib/bootc/install/20-b.toml': file('vendor-b'),
      'usr/lib/bootc/install/10-a.toml': file('vendor-a'),
      'usr/local/lib/bootc/install/15.toml': file('local'),
      'etc/bootc/install/20-b.toml': file('admin-b'),
      'run/bootc/install/05.toml': file('run'),
      'etc/bootc/install/readme.md': 'no',
      'etc/bootc/install/.hidden.toml': '[nonsense]',
    })
    expect(config?.kargs).toEqual(['run', 'vendor-a', 'local', 'admin-b'])
    expect(files).toEqual([
      '/run/bootc/install/05.toml',
      '/usr/lib/bootc/install/10-a.toml',
      '/usr/local/lib/bootc/install/15.toml',
      '/etc/bootc/install/20-b.toml',
    ])
  })

  test('a link to /dev/null masks, other links are followed inside the root', async () => {
    const { config } = await load({
      'usr/lib/bootc/install/10.toml': file('masked'),
      'etc/bootc/install/10.toml': '-> /dev/null',
      'usr/share/real': file('linked'),
      'etc/bootc/install/20.toml': '-> ../../../usr/share/real',
      'etc/bootc/install/30.toml': '-> /usr/share/missing',
      'etc/bootc/install/40.toml': '-> 40.toml',
    })
    expect(config?.kargs).toEqual(['linked'])
  })

  test('in the tree of a commit /etc is /usr/etc', async () => {
    const { config } = await load({ 'usr/etc/bootc/install/10.toml': file('etc') })
    expect(config?.kargs).toEqual(['etc'])
  })

  test.each([['bytes that are no text', { 'etc/bootc/install/10.toml': '\u0000' }]])(
    '%s is an error of the configuration',
    async (_what, files) => {
      await expect(load(files)).rejects.toMatchObject({ code: 'IMAGE_INSTALL_CONFIG' })
    },
  )
})

describe('print-configuration', () => {
  // As printed by bootc 1.16.9: keys in order, nothing behind the last brace.
  const unset =
    '{"block":null,"boot-mount-spec":null,"bootloader":null,"bootupd":null,"discoverable-partitions":null,' +
    '"enforce-container-sigpolicy":null,"filesystem":null,"match-architectures":null,"ostree":null,' +
    '"root-fs-type":null,"root-mount-spec":null,"stateroot":null}'

  test('without any file everything is null', async () => {
    expect(printInstallConfig((await load({})).config)).toBe(unset)
    expect(printInstallConfig(undefined, { all: true })).toBe(unset)
  })

  test('any file makes block direct', async () => {
    const { config } = await load({ 'etc/bootc/install/1.toml': '[install]\nkargs = ["a"]\n' })
    expect(printInstallConfig(config)).toBe(unset.replace('"block":null', '"block":["direct"]'))
    expect(printInstallConfig(config, { all: true })).toBe(
      unset.replace('"block":null', '"block":["direct"]').replace('"match-', '"kargs":["a"],"match-'),
    )
  })

  test('a file without the table changes nothing', async () => {
    expect(printInstallConfig((await load({ 'etc/bootc/install/1.toml': '# nothing\n' })).config)).toBe(unset)
  })

  test('all keys', async () => {
    const { config } = await load({ 'etc/bootc/install/1.toml': allKeys })
    expect(printInstallConfig(config, { all: true })).toBe(
      '{"block":["direct","tpm2-luks"],"boot-mount-spec":"","bootloader":"systemd",' +
        '"bootupd":{"skip-boot-uuid":true},"discoverable-partitions":true,"enforce-container-sigpolicy":false,' +
        '"filesystem":{"root":{"type":"ext4"}},"karg-deletes":["debug","bar=baz"],' +
        '"kargs":["console=ttyS0","quiet splash"],"match-architectures":["x86_64","aarch64"],' +
        '"ostree":{"bls-append-except-default":"grub_users=\\"\\""},"root-fs-type":"ext4",' +
        '"root-mount-spec":"LABEL=rootfs","stateroot":"custom"}',
    )
  })
})
