import type { ReadTree } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/store-kit'

/** How the initramfs mounts a directory. */
export type MountMode = 'none' | 'bind' | 'overlay' | 'transient'

/** What an image asks of the initramfs. */
export interface SetupRootConf {
  /** Changes of the root file system are lost at reboot. */
  readonly transientRoot: boolean
  readonly etc: MountMode
  readonly var: MountMode
}

const path = 'usr/lib/composefs/setup-root-conf.toml'

/**
 * Read `setup-root-conf.toml` of an image with bootc's meanings: /etc is bound from the state directory unless
 * told otherwise; unknown keys and values are ignored, as the initramfs does.
 *
 * @see bootc 1.16.9 crates/initramfs/src/lib.rs
 */
export async function readSetupRootConf(root: Pick<ReadTree, 'stat' | 'read'>): Promise<SetupRootConf> {
  const values = parse((await readText(root, path)) ?? '')
  const modeOf = (name: 'etc' | 'var'): MountMode => {
    const mount = mountModes.get(unquoted(values.get(`${name}.mount`)))
    return mount ?? (values.get(`${name}.transient`) === 'true' ? 'transient' : 'bind')
  }
  return { transientRoot: values.get('root.transient') === 'true', etc: modeOf('etc'), var: modeOf('var') }
}

const mountModes: ReadonlyMap<string, MountMode> = new Map([
  ['none', 'none'],
  ['root', 'none'],
  ['bind', 'bind'],
  ['overlay', 'overlay'],
  ['transient', 'transient'],
  ['volatile', 'transient'],
])

/** `key = value` lines of TOML below `[table]` lines, which is all that these files hold. */
function parse(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let table = ''
  for (const line of text.split('\n')) {
    const header = /^\s*\[\s*([\w-]+)\s*\]\s*(?:#.*)?$/.exec(line)
    // Other headers (`[a.b]`, `[[c]]`) end a table too; no key begins with a bracket.
    if (/^\s*\[/.test(line)) table = header === null ? '[' : `${header[1]!}.`
    const pair = /^\s*([\w.-]+)\s*=\s*("[^"]*"|'[^']*'|[^#\s]+)\s*(?:#.*)?$/.exec(line)
    if (pair !== null) values.set(`${table}${pair[1]!}`, pair[2]!)
  }
  return values
}

function unquoted(value: string | undefined): string {
  return /^["'](.*)["']$/.exec(value ?? '')?.[1] ?? ''
}
