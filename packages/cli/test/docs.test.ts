import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Markdown files of the project, without generated ones. */
function markdownFiles(): string[] {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)
  const docs = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)
  return ['README.md', ...docs, ...packages].filter((path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    return path.endsWith('.md') && stat?.isFile() === true
  })
}

/** ```ts blocks; each is a module of its own. */
function examples(path: string): string[] {
  return [...read(path).matchAll(/^[ ]*```ts\n(.*?)^[ ]*```$/gms)].map((match) => match[1]!)
}

test('every TypeScript example in the documentation compiles', { timeout: 120_000 }, () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.check.json'), (file) =>
    ts.sys.readFile(file),
  ) as {
    config: { compilerOptions: object }
  }
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['x.ts'] }, ts.sys, root)
  const virtual = new Map<string, string>()
  for (const path of markdownFiles()) {
    // They live where the packages of the workspace resolve, and see nothing of each other.
    examples(path).forEach((text, index) => {
      virtual.set(
        join(root, 'packages/cli/test', `${path.replace(/\W/g, '-')}-${index}.ts`),
        `${text}\nexport {}\n`,
      )
    })
  }
  expect(virtual.size).toBeGreaterThan(4)
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (name) => virtual.has(name) || fileExists.call(host, name)
  host.readFile = (name) => virtual.get(name) ?? readFile.call(host, name)
  host.getSourceFile = (name, version, ...rest) => {
    const text = virtual.get(name)
    return text === undefined
      ? getSourceFile.call(host, name, version, ...rest)
      : ts.createSourceFile(name, text, version)
  }
  const program = ts.createProgram([...virtual.keys()], { ...options, noUnusedLocals: false }, host)
  const problems = [...virtual.keys()].flatMap((name) => {
    const source = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${relative(root, name)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    )
  })
  expect(problems).toEqual([])
})

test('the example of the README is the one in examples/library.ts', () => {
  const [example] = examples('README.md')
  const program = read('examples/library.ts').replace(
    /sysroot: nodeSysroot\(dir\)/,
    "sysroot: nodeSysroot('/mnt')",
  )
  const [imports, body] = example!.split('\n\n') as [string, string]
  expect(program).toContain(imports)
  const normal = body.replace(
    "parseSignedReference('ostree-unverified-registry:registry.example/os:stable')",
    'parseSignedReference(image)',
  )
  expect(program).toContain(normal.trim())
})

test('links between pages lead somewhere', () => {
  const broken = markdownFiles().flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map((match) => join(path, '..', match[1]!))
      .filter((target) => statSync(join(root, target), { throwIfNoEntry: false }) === undefined)
      .map((target) => `${path} -> ${target}`),
  )
  expect(broken).toEqual([])
})

const code = '(?:TRANSPORT|IMAGE|STORE|TREE|DEPLOY|BOOT|SYSROOT|HOST)_[A-Z0-9_]+'

/** Codes in sources of packages: thrown ones are string literals, promised ones stand in doc comments. */
function codesInSources(): { thrown: Map<string, string>; mentioned: Set<string> } {
  const thrown = new Map<string, string>()
  const mentioned = new Set<string>()
  for (const name of readdirSync(join(root, 'packages'))) {
    const src = join(root, 'packages', name, 'src')
    if (statSync(src, { throwIfNoEntry: false }) === undefined) continue
    for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue
      const text = readFileSync(join(src, file), 'utf8')
      for (const [, found] of text.matchAll(new RegExp(`'(${code})'`, 'g')))
        thrown.set(found!, `${name}/src/${file}`)
      for (const [, found] of text.matchAll(new RegExp(`['\`](${code})['\`]`, 'g'))) mentioned.add(found!)
    }
  }
  return { thrown, mentioned }
}

test('every error code has a row in docs/errors.md, and every row is of a code', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z0-9_]+)` +\|/gm)].map((match) => match[1]!)
  const { thrown, mentioned } = codesInSources()
  expect([...thrown].filter(([found]) => !rows.includes(found)).map((entry) => entry.join(' in '))).toEqual(
    [],
  )
  expect(rows.filter((row) => !mentioned.has(row))).toEqual([])
  expect(new Set(rows).size).toBe(rows.length)
})
