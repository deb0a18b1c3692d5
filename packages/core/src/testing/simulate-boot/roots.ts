import type { Dir, Host } from '../../interfaces/index.js'
import { baseName } from '../../names/index.js'
import { bootedFile } from '../memory-store/deployment-store.js'
import { BootFailure } from './boot-failure.js'
import { followPath, readFollowing } from './follow.js'
import type { ReadTree } from '../../interfaces/index.js'

/** Where root arguments lead to. Directories are below the physical root. */
export interface FoundRoot {
  /** Of the deployment; what identifies it in tests. */
  readonly deployment: string
  /** The root file system, with /etc as the image has it. */
  readonly tree: ReadTree
  readonly etc: string
  readonly varDir: string
  /** What an initramfs leaves for the system it starts. */
  readonly marks: {
    /** Files in /run. */
    readonly run?: Readonly<Record<string, string>>
    readonly mountinfo?: string
    readonly runProgram?: Host['run']
  }
}

/**
 * What an initramfs does with root arguments, one for each format of stores. It reads files itself and shares
 * no code with what wrote them.
 */
export interface RootFollower {
  /** Undefined when these arguments are none of its own. @throws BootFailure */
  follow(root: Dir, words: readonly string[]): Promise<FoundRoot | undefined>
}

export function argument(words: readonly string[], key: string): string | undefined {
  return words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1)
}

/** `memory=`: the fake store of this package. */
export const memoryRoots: RootFollower = {
  async follow(root, words) {
    const memory = argument(words, 'memory')
    if (memory === undefined) return undefined
    const deployment = await followPath(root, `memory/${memory}`)
    if (deployment === undefined) throw new BootFailure(`memory=${memory} leads nowhere`)
    const record = await readFollowing(root, `${deployment}.json`)
    if (record === undefined || record.length === 0) throw new BootFailure(`${deployment} has no record`)
    const { stateroot } = JSON.parse(record.toString('utf8')) as { stateroot: string }
    return {
      deployment,
      tree: root.sub(deployment),
      etc: `${deployment}/etc`,
      varDir: `memory/var/${stateroot}`,
      marks: { run: { [bootedFile]: baseName(deployment) } },
    }
  },
}

/** ostree-prepare-root: the argument must be a symbolic link that leads to a deployment. */
export const ostreeRoots: RootFollower = {
  async follow(root, words) {
    const path = argument(words, 'ostree')
    if (path === undefined) return undefined
    const parent = await followPath(root, path.slice(0, path.lastIndexOf('/')))
    const link = `${parent}/${path.slice(path.lastIndexOf('/') + 1)}`
    if (parent === undefined || (await root.stat(link))?.type !== 'symlink') {
      throw new BootFailure(`ostree=${path} is not a symbolic link`)
    }
    const deployment = await followPath(root, link)
    const stateroot = /^ostree\/deploy\/([^/]+)\/deploy\/[0-9a-f]{64}\.\d+$/.exec(deployment ?? '')?.[1]
    if (deployment === undefined || stateroot === undefined) {
      throw new BootFailure(`ostree=${path} leads to no deployment (${deployment})`)
    }
    // The origin file is what libostree knows a deployment by; without it `ostree admin` fails.
    if ((await root.stat(`${deployment}.origin`)) === undefined) {
      throw new BootFailure(`${deployment} has no origin file`)
    }
    const running = await root.stat(deployment)
    const ownVar = `ostree/deploy/${stateroot}/var`
    return {
      deployment,
      tree: root.sub(deployment),
      etc: `${deployment}/etc`,
      // mount(2) follows links: that of a system which came from another store.
      varDir: (await followPath(root, ownVar)) ?? ownVar,
      marks: {
        run: { 'ostree-booted': '' },
        // The one program that tells which directory `/` is.
        async runProgram([program, , target]) {
          const known = program === 'stat' && target === '/'
          return known
            ? { code: 0, stdout: `${running!.dev} ${running!.ino}\n`, stderr: '' }
            : { code: 127, stdout: '', stderr: 'not found' }
        },
      },
    }
  },
}
