import { parse } from 'smol-toml'
import { isBootcError } from '../errors.js'
import type { ReadTree, Warning } from '../interfaces/index.js'
import { followPath, readText } from '../store-kit/index.js'

/** Below /usr/lib of an image, and below /etc of a deployment, where it replaces the image's. */
const trialConfigFile = 'bootc-sdk/boot-trial.toml'

const defaultTries = 3
/** GRUB cannot count further, and more would keep a machine that cannot boot busy for hours. */
const maxTries = 9

export interface TrialConfig {
  /** Boots that a new deployment has to show that it works; 0: no trial. */
  readonly tries: number
  readonly warnings: readonly Warning[]
}

type Tree = Pick<ReadTree, 'stat' | 'read' | 'readlink'>

/**
 * How many tries a deployment gets: `[trial] tries` of the file in its /etc, else of the one in its /usr/lib; 0 where
 * there is neither, or where the one in /etc is a link to /dev/null. Nonsense counts as three tries and is a warning,
 * because whoever ships the file wants trials.
 *
 * @param root of the deployment
 * @param etc its own /etc
 */
export async function readTrialConfig(root: Tree, etc: Tree | undefined): Promise<TrialConfig> {
  const local = etc === undefined ? undefined : await readOne(etc, trialConfigFile, '/etc')
  return (
    local ?? (await readOne(root, `usr/lib/${trialConfigFile}`, '/usr/lib')) ?? { tries: 0, warnings: [] }
  )
}

async function readOne(tree: Tree, path: string, shownIn: string): Promise<TrialConfig | undefined> {
  const shown = `${shownIn}/${trialConfigFile}`
  try {
    if (await isMasked(tree, path)) return { tries: 0, warnings: [] }
    const real = await followPath(tree, path)
    const text = real === undefined ? undefined : await readText(tree, real)
    return text === undefined ? undefined : parseTrialConfig(text, shown)
  } catch (error) {
    if (!isBootcError(error)) throw error
    return nonsense(shown, `cannot be read: ${error.message}`)
  }
}

async function isMasked(tree: Tree, path: string): Promise<boolean> {
  const directory = await followPath(tree, path.slice(0, path.lastIndexOf('/')))
  if (directory === undefined) return false
  const real = `${directory}${path.slice(path.lastIndexOf('/'))}`
  return (await tree.stat(real))?.type === 'symlink' && (await tree.readlink(real)) === '/dev/null'
}

/**
 * Text of a `boot-trial.toml`: a table `trial` with the key `tries`, a whole number from 0 to 9. Unknown keys are
 * warnings.
 *
 * @param shown path for messages
 */
export function parseTrialConfig(text: string, shown: string): TrialConfig {
  let table: Record<string, unknown>
  try {
    table = parse(text)
  } catch (error) {
    const [reason = ''] = error instanceof Error ? error.message.split('\n') : []
    return nonsense(shown, `is not TOML: ${reason}`)
  }
  const { trial = {}, ...others } = table
  if (!isTable(trial)) return nonsense(shown, '"trial" is not a table')
  const { tries = defaultTries, ...unknown } = trial
  const warnings = [...Object.keys(others), ...Object.keys(unknown).map((key) => `trial.${key}`)].map((key) =>
    invalid(shown, `has the unknown key ${JSON.stringify(key)}`),
  )
  const count = typeof tries === 'bigint' ? Number(tries) : tries
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= maxTries) {
    return { tries: count, warnings }
  }
  const { warnings: more, ...config } = nonsense(shown, `"tries" is not a whole number from 0 to ${maxTries}`)
  return { ...config, warnings: [...warnings, ...more] }
}

function nonsense(shown: string, problem: string): TrialConfig {
  const consequence = `${problem}; new deployments get ${defaultTries} tries`
  return { tries: defaultTries, warnings: [invalid(shown, consequence)] }
}

function invalid(shown: string, problem: string): Warning {
  return { code: 'trial:config-invalid', message: `${shown} ${problem}`, details: { path: shown } }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
