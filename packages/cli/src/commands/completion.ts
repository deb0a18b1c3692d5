import type { Command, Option } from 'commander'
import { UsageError, type Cli } from '../io.js'

/** One command as completion sees it. */
interface Node {
  /** `bootc-sdk image pull`. */
  readonly path: string
  readonly summary: string
  readonly children: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly {
    readonly flags: readonly string[]
    readonly summary: string
    readonly values: readonly string[]
    readonly takesValue: boolean
  }[]
}

/** `bootc-sdk completion SHELL`: a script made from the tree of commands itself, so it cannot go stale. */
export async function completion(cli: Cli, program: Command, shell: string): Promise<void> {
  const nodes = collectNodes(program, [program.name()], [])
  const write = { bash, zsh, fish }[shell as 'bash' | 'zsh' | 'fish'] as
    ((nodes: readonly Node[]) => string) | undefined
  if (write === undefined)
    throw new UsageError(`no completion for ${JSON.stringify(shell)}; choose bash, zsh or fish`)
  await cli.out.write(write(nodes))
}

function collectNodes(command: Command, path: readonly string[], inherited: readonly Option[]): Node[] {
  const help = command.createHelp()
  const options = [...help.visibleOptions(command), ...inherited.filter(({ long }) => long !== '--version')]
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help')
  const names = children.flatMap((child) =>
    [child.name(), ...child.aliases()].map((name) => ({ name, child })),
  )
  const own: Node = {
    path: path.join(' '),
    summary: command.summary(),
    children: names.map(({ name, child }) => ({ name, summary: child.summary() })),
    options: options.map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null) as string[],
      summary: option.description,
      values: option.argChoices ?? [],
      takesValue: option.required,
    })),
  }
  const global = path.length === 1 ? [...command.options] : inherited
  return [own, ...names.flatMap(({ name, child }) => collectNodes(child, [...path, name], global))]
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const words = [...node.children.map(({ name }) => name), ...node.options.flatMap(({ flags }) => flags)]
    return `    '${node.path}') words='${words.join(' ')}' ;;`
  })
  const values = valueCases(nodes).map(
    ([option, choices]) => `    '${option}') COMPREPLY=($(compgen -W '${choices}' -- "$cur")); return ;;`,
  )
  return `# bash completion for bootc-sdk
_bootc_sdk() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='bootc-sdk' words='' word known
  COMPREPLY=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$path $word" in
${nodes
  .slice(1)
  .map(({ path }) => `      '${path}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path $prev" in
${values.join('\n')}
  esac
  case "$path" in
${cases.join('\n')}
  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    known=''
    for word in $words; do [[ "$word" == -* ]] || known+=" $word"; done
    COMPREPLY=($(compgen -W "$known" -- "$cur"))
    [[ -n "$known" ]] || COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _bootc_sdk bootc-sdk
`
}

function zsh(nodes: readonly Node[]): string {
  const quote = (text: string): string => text.replace(/'/g, "'\\''").replace(/:/g, '\\:')
  const cases = nodes.map((node) => {
    const words = [
      ...node.children.map(({ name, summary }) => `'${quote(name)}:${quote(summary)}'`),
      ...node.options.flatMap(({ flags, summary }) =>
        flags.map((flag) => `'${quote(flag)}:${quote(summary)}'`),
      ),
    ]
    return `    '${node.path}') entries=(${words.join(' ')}) ;;`
  })
  const values = valueCases(nodes).map(
    ([option, choices]) => `    '${option}') compadd -- ${choices}; return ;;`,
  )
  return `#compdef bootc-sdk
_bootc_sdk() {
  local path_words='bootc-sdk' word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_words $word" in
${nodes
  .slice(1)
  .map(({ path }) => `      '${path}') path_words='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path_words $words[CURRENT-1]" in
${values.join('\n')}
  esac
  case "$path_words" in
${cases.join('\n')}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    entries=("\${(@M)entries:#-*}")
  else
    entries=("\${(@)entries:#-*}")
  fi
  (( $#entries )) && _describe 'bootc-sdk' entries || _files
}
compdef _bootc_sdk bootc-sdk
`
}

function fish(nodes: readonly Node[]): string {
  const quote = (text: string): string => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`
  const lines = ['# fish completion for bootc-sdk', 'function __bootc_sdk_at', '  set -l path bootc-sdk']
  lines.push('  for word in (commandline -opc)[2..]', '    switch "$path $word"')
  for (const { path } of nodes.slice(1))
    lines.push(`      case ${quote(path)}`, `        set path ${quote(path)}`)
  lines.push('    end', '  end', '  test "$path" = "$argv[1]"', 'end')
  for (const node of nodes) {
    const condition = `complete -c bootc-sdk -n ${quote(`__bootc_sdk_at ${JSON.stringify(node.path)}`)}`
    for (const { name, summary } of node.children)
      lines.push(`${condition} -f -a ${name} -d ${quote(summary)}`)
    for (const { flags, summary, values, takesValue } of node.options) {
      const names = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      )
      const value = values.length > 0 ? ` -x -a ${quote(values.join(' '))}` : takesValue ? ' -r' : ''
      lines.push(`${condition} ${names.join(' ')}${value} -d ${quote(summary)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** Options with a closed set of values, behind their command: one name may have other values elsewhere. */
function valueCases(nodes: readonly Node[]): [option: string, choices: string][] {
  return nodes.flatMap(({ path, options }) =>
    options.flatMap(({ flags, values }) =>
      values.length === 0 ? [] : flags.map((flag): [string, string] => [`${path} ${flag}`, values.join(' ')]),
    ),
  )
}
