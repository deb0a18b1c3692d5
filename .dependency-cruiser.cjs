// Imports point one way: cli -> backends, boot loaders -> core. See docs/concepts.md.

/** Packages that implement a store or a boot loader. */
const parts = '(?:[a-z0-9]+-backend|bootloader-[a-z0-9-]+)'

/** Anything that touches the world outside the arguments of a function. */
const io =
  '^(?:node:)?(?:fs|fs/promises|child_process|http|https|http2|net|tls|dgram|dns|os|worker_threads|cluster)$'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Modules that need each other are one module or miss a third',
      from: {},
      // Types may refer to each other: such imports are gone at run time.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-stands-alone',
      severity: 'error',
      comment: 'Core imports no package of ours; only its loader tries to load the addon',
      from: { path: '^packages/core/src', pathNot: '^packages/core/src/native/' },
      to: { path: ['^packages/(?!core/)', '^@bootc-sdk/(?!core)'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core-addon-only',
      severity: 'error',
      comment: 'Even its loader knows no other package than the addon',
      from: { path: '^packages/core/src' },
      to: { path: ['^packages/(?!core/|native/)', '^@bootc-sdk/(?!core|native)'] },
    },
    {
      name: 'native-stands-alone',
      severity: 'error',
      from: { path: '^packages/native/src' },
      to: { path: ['^packages/(?!native/)', '^@bootc-sdk/(?!native)'] },
    },
    {
      name: 'parts-do-not-know-each-other',
      severity: 'error',
      comment: 'A store or boot loader depends on core only, so that any pair can be combined',
      from: { path: `^packages/(${parts})/src` },
      to: { path: ['^packages/(?!$1/|core/)', '^@bootc-sdk/(?!$1|core)'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'parts-name-addon-types-only',
      severity: 'error',
      comment: 'Types of the addon are the only thing besides core that a part may name',
      from: { path: `^packages/(${parts})/src` },
      to: { path: ['^packages/(?!$1/|core/|native/)', '^@bootc-sdk/(?!$1|core|native)'] },
    },
    {
      name: 'conformance-knows-core-only',
      severity: 'error',
      from: { path: '^packages/conformance/src' },
      to: { path: ['^packages/(?!conformance/|core/)', '^@bootc-sdk/(?!conformance|core)'] },
    },
    {
      name: 'signatures-know-core-only',
      severity: 'error',
      from: { path: '^packages/signatures/src' },
      to: { path: ['^packages/(?!signatures/|core/)', '^@bootc-sdk/(?!signatures|core)'] },
    },
    {
      name: 'nobody-imports-the-command',
      severity: 'error',
      from: { path: '^packages/(?!cli/)' },
      to: { path: ['^packages/cli/', '^@bootc-sdk/cli'] },
    },
    {
      name: 'formats-are-pure',
      severity: 'error',
      comment: 'format/ turns bytes into values and back: no I/O',
      from: { path: ['^packages/[^/]+/src/format/', '^packages/[^/]+/src/[^/]+/format/'] },
      to: {
        path: [io, '^packages/core/src/(?:node|native|transports|orchestrate|testing)/', '^undici$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-test-fakes-in-products',
      severity: 'error',
      comment: 'core/testing is for tests, conformance suites and demos',
      from: {
        path: '^packages/[^/]+/src',
        pathNot: ['^packages/[^/]+/src/testing/', '^packages/conformance/src'],
      },
      to: { path: '^packages/core/src/testing/' },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      // The addon is optional and may not be built.
      from: {},
      to: { couldNotResolve: true, pathNot: '^@bootc-sdk/native' },
    },
    {
      name: 'runtime-dependencies-are-declared',
      severity: 'error',
      from: { path: '^packages/[^/]+/src' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: 'tsconfig.check.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['bootc-sdk-source', 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
