import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import t from 'tap'
import { type Import, importsOf, packageOf } from './support/imports.ts'

const root = path.resolve(import.meta.dirname, '..')

/** The rooms, and the other rooms that each may import. */
const rooms: Record<string, readonly string[]> = {
  local: ['cli', 'console', 'api', 'worker', 'uploads', 'consumer', 'platform'],
  cli: ['console', 'client', 'api', 'worker', 'uploads', 'consumer', 'platform'],
  console: ['client', 'worker', 'uploads', 'consumer', 'platform'],
  api: ['uploads', 'platform'],
  worker: ['consumer', 'uploads', 'platform'],
  uploads: ['platform'],
  client: [],
  consumer: [],
  platform: [],
}

const MAX_LINES = 300

/** Types that a tool writes. */
const GENERATED = 'services/client/openapi.ts'

interface SourceFile {
  /** Path from the root, with slashes. */
  name: string
  room: string
  text: string
  imports: Import[]
}

function sourceFiles(pattern: string): SourceFile[] {
  // The folder `dist` of a package has its build.
  return globSync(pattern, { cwd: root, exclude: ['**/dist/**'] }).map(file => {
    const name = file.split(path.sep).join('/')
    const text = readFileSync(path.join(root, file), 'utf8')
    return { name, room: name.split('/')[1] ?? '', text, imports: importsOf(text) }
  })
}

/** Returns the path of the file that a relative specifier names, from the root. */
function resolve(from: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(from), specifier)
}

const services = sourceFiles('services/**/*.{ts,tsx}')
const infra = sourceFiles('infra/**/*.ts')
const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

t.test('the scanner finds every form of import', async t => {
  const source = [
    "import a from 'a'",
    "import type { B } from './b.ts'",
    'import {',
    '  c,',
    '  type C,',
    "} from '../c.ts'",
    "import * as d from '@scope/d/deep'",
    "import 'e'",
    "export { f } from './f.ts'",
    "export * from './g.ts'",
    "export type { H } from './h.ts'",
    "// import x from 'comment'",
    " * import x from 'doc comment'",
    "const from = 'string'",
    "await import('i')",
    "createRequire(import.meta.url)('j')",
    "createRequire(import.meta.url).resolve('k')",
  ].join('\n')
  const found = importsOf(source)
  t.strictSame(
    found.map(({ specifier }) => specifier),
    ['a', './b.ts', '../c.ts', '@scope/d/deep', 'e', './f.ts', './g.ts', './h.ts', 'i', 'j', 'k'],
  )
  t.strictSame(
    found.filter(({ typeOnly }) => typeOnly).map(({ specifier }) => specifier),
    ['./b.ts', './h.ts'],
  )
  t.strictSame(['@scope/d/deep', 'e/f', 'e'].map(packageOf), ['@scope/d', 'e', 'e'])
})

t.test('every folder of services/ is a room of the table, and has a README', async t => {
  t.ok(services.length > 50, 'the files are found')
  const inNoRoom = services.filter(({ room }) => !(room in rooms)).map(({ name }) => name)
  t.strictSame(inNoRoom, [])
  const readmes = globSync('services/*/README.md', { cwd: root }).map(file => file.split(path.sep)[1])
  t.strictSame(readmes.sort(), [...new Set(services.map(({ room }) => room))].sort())
})

/** Returns the relative imports of some files, each with the file that it names. */
function relativeImports(files: readonly SourceFile[]) {
  return files.flatMap(file =>
    file.imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, typeOnly }) => ({ file, to: resolve(file.name, specifier), typeOnly })),
  )
}

t.test('each room imports only the rooms that the table allows', async t => {
  const upward = relativeImports(services).filter(({ file, to }) => {
    const [top, room = ''] = to.split('/')
    return top !== 'services' || (room !== file.room && !rooms[file.room]?.includes(room))
  })
  t.strictSame(
    upward.map(({ file, to }) => `${file.name} imports ${to}`),
    [],
  )
})

t.test('the README of each room lists the rooms that it may import', async t => {
  for (const [room, allowed] of Object.entries(rooms)) {
    const readme = readFileSync(path.join(root, 'services', room, 'README.md'), 'utf8')
    const listed = /May import: ([^.]*)\./.exec(readme)?.[1] ?? 'no list'
    t.equal(
      listed,
      allowed.length > 0 ? allowed.map(name => `\`${name}\``).join(', ') : 'no other folder of `services/`',
      room,
    )
  }
})

/**
 * The layers inside a room, from the top. A file belongs to the first layer that matches its path. It may import its own layer and
 * the layers below.
 */
const layers: Record<string, readonly RegExp[]> = {
  worker: [
    /^(?:worker|lambda[\w-]*)\.ts$/,
    /^(?:lambda\/|orphans\/|consumer\.ts$)/,
    /^services\.ts$/,
    /^(?:metrics|dead-letters)\//,
    /^processing\//,
    /^outputs\//,
    /^transforms\//,
    /^(?:health\/|outbox\/|notifications\/|scanning\/|errors\.ts$|stream-record\.ts$)/,
  ],
  uploads: [
    /^open\.ts$/,
    /^(?:objects|pending)\//,
    /^(?:records|notifications|quotas)\//,
    /^events\//,
    /^(?:media-types\/|errors\.ts$)/,
  ],
}

t.test('imports inside worker/ and uploads/ point to the same layer or down', async t => {
  for (const [room, order] of Object.entries(layers)) {
    const prefix = `services/${room}/`
    const layerOf = (name: string) => order.findIndex(layer => layer.test(name.slice(prefix.length)))
    const files = services.filter(file => file.room === room)
    t.strictSame(
      files.filter(({ name }) => layerOf(name) === -1).map(({ name }) => name),
      [],
      `every file of ${room} is in a layer`,
    )
    const upward = relativeImports(files).filter(
      ({ file, to }) => to.startsWith(prefix) && layerOf(to) < layerOf(file.name),
    )
    t.strictSame(
      upward.map(({ file, to }) => `${file.name} imports ${to}`),
      [],
    )
  }
})

t.test('the READMEs of worker/ and uploads/ list the layers in order', async t => {
  for (const [room, order] of Object.entries(layers)) {
    const readme = readFileSync(path.join(root, 'services', room, 'README.md'), 'utf8')
    const items = [...readme.matchAll(/^\d\. (.*(?:\n {3}.*)*)/gm)].map(([, item = '']) => item)
    t.equal(items.length, order.length, room)
    for (const [index, item] of items.entries()) {
      const linked = [...item.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
      const quoted = [...item.matchAll(/(?<!\[)`([\w*./-]+(?:\/|\.ts))`/g)].map(([, name = '']) =>
        name.replace('*', ''),
      )
      const paths = [...linked, ...quoted]
      t.ok(paths.length > 0 && paths.every(name => order[index]?.test(name)), `layer ${index + 1} of ${room}: ${paths}`)
    }
  }
})

t.test('infra imports only services/platform, and no service imports infra', async t => {
  const wrong = relativeImports(infra).filter(({ to }) => !/^(?:infra|services\/platform)\//.test(to))
  const backward = relativeImports(services).filter(({ to }) => to.startsWith('infra/'))
  t.strictSame(
    [...wrong, ...backward].map(({ file, to }) => `${file.name} imports ${to}`),
    [],
  )
  t.ok(infra.length > 20, 'the files are found')
})

/** The page of the console is bundled before it is published, with the packages that it uses. */
const PAGE = 'services/console/page/'

/** Returns true for files that a deployment does not run from their sources. */
function isDevelopment(name: string, room: string): boolean {
  return room === 'local' || name.startsWith(PAGE)
}

t.test('the page of the console imports only types and the client from outside of its folder', async t => {
  const page = services.filter(({ name }) => name.startsWith(PAGE))
  t.ok(page.length > 10, 'the files are found')
  const outside = relativeImports(page).filter(
    ({ to, typeOnly }) => !to.startsWith(PAGE) && !typeOnly && to !== 'services/client/index.ts',
  )
  t.strictSame(
    outside.map(({ file, to }) => `${file.name} imports ${to}`),
    [],
  )
})

t.test(
  'services import only declared dependencies, and only services/local and the page of the console import development dependencies',
  async t => {
    const undeclared = services.flatMap(({ name, room, imports }) =>
      imports
        .filter(({ specifier }) => !specifier.startsWith('.') && !isBuiltin(specifier))
        .map(({ specifier, typeOnly }) => ({ needed: packageOf(specifier), typeOnly }))
        .filter(({ needed }) => !(needed in dependencies) && !(isDevelopment(name, room) && needed in devDependencies))
        .filter(({ needed, typeOnly }) => !(typeOnly && `@types/${needed}` in devDependencies))
        .map(({ needed }) => `${name} imports ${needed}`),
    )
    t.strictSame(undeclared, [])
  },
)

t.test(
  'services, infra and image import neither tests nor benchmarks, and benchmarks import only the models of the simulation',
  async t => {
    const files = [...services, ...['infra', 'image', 'bench'].flatMap(folder => sourceFiles(`${folder}/**/*.ts`))]
    const wrong = relativeImports(files).filter(({ file, to }) =>
      file.name.startsWith('bench/')
        ? to.startsWith('test/') && !to.startsWith('test/simulation/')
        : /^(?:test|bench)\//.test(to),
    )
    t.strictSame(
      wrong.map(({ file, to }) => `${file.name} imports ${to}`),
      [],
    )
  },
)

t.test(`no file has more than ${MAX_LINES} lines`, async t => {
  const long = [...services, ...infra].filter(
    ({ name, text }) => text.split('\n').length - 1 > MAX_LINES && name !== GENERATED,
  )
  t.strictSame(
    long.map(({ name }) => name),
    [],
  )
})

t.test('imports at run time have no cycles', async t => {
  const needs = Map.groupBy(
    relativeImports([...services, ...infra]).filter(({ typeOnly }) => !typeOnly),
    ({ file }) => file.name,
  )
  t.strictSame(cycles(new Map([...needs].map(([name, imports]) => [name, imports.map(({ to }) => to)]))), [])
  t.strictSame(cycles(new Map(Object.entries({ a: ['b'], b: ['c', 'd'], c: [], d: ['b'] }))), ['b → d → b'])
})

t.test('the entry of the api loads no module that only requests need', async t => {
  const entry = 'services/api/server.ts'
  const files = new Map(services.map(file => [file.name, file]))
  const loaded = new Set([entry])
  for (const name of loaded) {
    const needed = files.get(name)?.imports.filter(({ typeOnly, later }) => !typeOnly && !later) ?? []
    for (const { specifier } of needed) loaded.add(specifier.startsWith('.') ? resolve(name, specifier) : specifier)
  }
  const later = /^(?:@aws-sdk|@smithy|@tus|get-jwks|@fastify\/(?:swagger|ajv|fast-json)|typebox\/compile)/
  t.strictSame(
    [...loaded].filter(name => later.test(name)),
    [],
  )
  t.ok(loaded.has('fastify') && loaded.has('services/api/routes/tus.ts'), 'modules that the start needs are found')
})

/** Returns the cycles of a graph, each at least once. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  function visit(name: string, trail: readonly string[]): void {
    if (trail.includes(name)) found.push([...trail.slice(trail.indexOf(name)), name].join(' → '))
    if (done.has(name)) return
    done.add(name)
    for (const next of edges.get(name) ?? []) visit(next, [...trail, name])
  }
  for (const name of edges.keys()) visit(name, [])
  return found
}
