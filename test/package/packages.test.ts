import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import t, { type Test } from 'tap'
import { names } from '../../services/platform/resources.ts'
import { startAws } from '../support/aws.ts'
import { bin } from '../support/empty-project.ts'
import { importsOf, packageOf } from '../support/imports.ts'
import { type Packed, packPackages, run } from '../support/pack.ts'
import { runProgram, until } from '../support/processes.ts'
import { blocksOf } from '../worker/transforms/recipe.ts'
import { emptyProject, install, installedIn } from './install.ts'

const root = path.resolve(import.meta.dirname, '../..')
const { client, headgate, consumer, transform } = await packPackages()

const PACKAGES = [
  { packed: client, folder: 'services/client' },
  { packed: consumer, folder: 'services/consumer' },
  { packed: transform, folder: 'services/worker/transforms/author' },
]

const CONSUMER_GUIDE = 'services/consumer/README.md'
const TRANSFORM_GUIDE = 'docs/tutorials/first-transform.md'

const NODE_22 = `node-${process.platform}-${process.arch}`
const TOOLS = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5', `${NODE_22}@22`]

interface Manifest {
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest

const textIn = async ({ tarball }: Packed, which: string) =>
  (await run('tar', ['xzf', tarball, '--to-stdout', '--wildcards', which])).stdout

/** The blocks of a guide up to the first one that is no longer about its first program. */
const guideOf = (file: string) =>
  blocksOf(readFileSync(path.join(root, file), 'utf8').replace(/^## (?:Guarantees|4\. )[\s\S]*/m, ''))

/** The packages that the `npm install` lines of a guide name, with a tarball in the place of the package itself. */
function installedBy(guide: string, packed: Packed): { packages: string[]; development: string[] } {
  const lines = guideOf(guide).flatMap(({ language, text }) => (language === 'sh' ? text.split('\n') : []))
  const named = (start: string) =>
    lines.filter(line => line.startsWith(start)).flatMap(line => line.slice(start.length).trim().split(' '))
  const packages = named('npm install ').filter(name => !name.startsWith('--'))
  const development = named('npm install --save-dev ')
  return {
    packages: packages
      .filter(name => !development.includes(name))
      .map(name => (name === packed.name ? packed.tarball : name)),
    development,
  }
}

interface Project {
  folder: string
  /** What was installed before the development dependencies. */
  installed: ReturnType<typeof installedIn>
}

/** Creates a project as a guide says. Resolves to undefined if npm reaches no registry. */
async function project(packages: readonly string[], development: readonly string[]): Promise<Project | undefined> {
  const folder = emptyProject(t)
  if (!(await install(folder, packages))) return undefined
  const installed = installedIn(folder)
  if (!(await install(folder, development))) return undefined
  return { folder, installed }
}

async function createProjects() {
  const tools = emptyProject(t)
  if (!(await install(tools, TOOLS))) return undefined
  const forConsumer = installedBy(CONSUMER_GUIDE, consumer)
  const { peerDependencies = {} } = manifestOf('services/consumer')
  const oldestPeers = Object.entries(peerDependencies).map(([name, range]) => `${name}@${range.replace('^', '')}`)
  const withOldest = [...forConsumer.packages.filter(name => !(name in peerDependencies)), ...oldestPeers]
  const forTransform = installedBy(TRANSFORM_GUIDE, transform)
  const newest = await project(forConsumer.packages, forConsumer.development)
  const oldest = await project(withOldest, forConsumer.development)
  const author = await project(forTransform.packages, forTransform.development)
  const node22 = path.join(tools, 'node_modules', NODE_22, 'bin/node')
  return newest && oldest && author && { tools, node22, newest, oldest, author }
}

const projects = await createProjects()
const skip = projects === undefined && 'no package registry is reachable, and the npm cache lacks a package'

for (const { packed, folder } of PACKAGES) {
  t.test(
    `${packed.name} contains compiled code, types, its guide, license and changelog, and nothing else`,
    async t => {
      const wanted = /^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json|docs\/.+\.md|dist\/.+(?:\.js|\.d\.ts))$/
      t.strictSame(
        packed.files.filter(file => !wanted.test(file)),
        [],
      )
      for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist']) {
        t.ok(
          packed.files.some(name => name === file || name.startsWith(`${file}/`)),
          file,
        )
      }
      t.equal(await textIn(packed, 'package/LICENSE'), readFileSync(path.join(root, 'LICENSE'), 'utf8'))
    },
  )

  t.test(`${packed.name} imports only Node, its dependencies and its peers`, async t => {
    const { dependencies, peerDependencies } = manifestOf(folder)
    const imported = importsOf(await textIn(packed, '*.js'))
      .filter(({ specifier }) => !specifier.startsWith('.') && !isBuiltin(specifier))
      .map(({ specifier }) => packageOf(specifier))
    t.strictSame([...new Set(imported)].sort(), Object.keys({ ...dependencies, ...peerDependencies }).sort())
  })
}

for (const { packed, pages, folder } of [
  { packed: headgate, folder: '.', pages: 3 },
  { packed: client, folder: 'services/client', pages: 2 },
  { packed: consumer, folder: 'services/consumer', pages: 3 },
  { packed: transform, folder: 'services/worker/transforms/author', pages: 2 },
]) {
  t.test(`the Markdown files of ${packed.name} have no dead links`, async t => {
    const names = packed.files.filter(file => file.endsWith('.md'))
    t.ok(names.length >= pages, names.join(', '))
    let inRepository = 0
    for (const name of names) {
      const text = await textIn(packed, `package/${name}`)
      for (const [, link = ''] of text.matchAll(/\]\(([^)\s#]+)[^)\s]*\)/g)) {
        const [, kind, target = ''] =
          /^https:\/\/github\.com\/headgate\/headgate\/(blob|tree)\/main\/(.+)$/.exec(link) ?? []
        if (kind !== undefined) {
          inRepository++
          t.equal(statSync(path.join(root, target)).isDirectory(), kind === 'tree', `${name}: ${link}`)
        } else if (!/^[a-z]+:/.test(link)) {
          t.ok(packed.files.includes(path.posix.join(path.posix.dirname(name), link)), `${name}: ${link}`)
        }
      }
      t.equal(
        readFileSync(path.join(packed.clone, folder, name), 'utf8'),
        readFileSync(path.join(root, folder, name), 'utf8'),
        `${name} is restored after npm pack`,
      )
    }
    t.ok(inRepository > 0)
  })
}

t.test('publint and "are the types wrong" find nothing', { skip }, async t => {
  const tool = (name: string) => path.join(projects?.tools ?? '', 'node_modules/.bin', name)
  for (const { packed } of PACKAGES) {
    await t.resolves(run(process.execPath, [tool('publint'), packed.tarball, '--strict']), `publint ${packed.name}`)
    const types = [tool('attw'), packed.tarball, '--profile', 'esm-only']
    await t.resolves(run(process.execPath, types), `attw ${packed.name}`)
  }
})

const STRICT = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--module', 'nodenext']
const OPTIONS = [...STRICT, '--target', 'es2024', '--types', 'node', '--rewriteRelativeImportExtensions']

/** Compiles the files of a guide into JavaScript beside them, with checks of all types. */
async function compile(folder: string, files: readonly string[]): Promise<void> {
  await run(bin('tsc'), [...OPTIONS, ...files], { cwd: folder }).catch((error: { stdout: string }) => {
    throw new Error(error.stdout)
  })
}

function writeFiles(folder: string, guide: string): string[] {
  const files = guideOf(guide).filter(block => block.file?.endsWith('.ts'))
  for (const { file = '', text } of files) writeFileSync(path.join(folder, file), text)
  return files.map(({ file = '' }) => file)
}

const HEAVY = /node_modules\/(?:sharp|fastify|@fastify\/.*|@tus\/.*|typebox|prom-client)$/

function checkSize(t: Test, { installed }: Project, bounds: { packages: number; mebibytes: number }): void {
  const mebibytes = installed.bytes / 1024 ** 2
  t.comment(`${installed.packages.length} packages, ${mebibytes.toFixed(1)} MiB`)
  t.ok(installed.packages.length <= bounds.packages, installed.packages.join(', '))
  t.ok(mebibytes <= bounds.mebibytes, `${mebibytes} MiB`)
  t.strictSame(
    installed.packages.filter(name => HEAVY.test(name)),
    [],
  )
}

t.test('the getting-started program of the consumer compiles as printed and consumes a record', { skip }, async t => {
  if (!projects) return
  const { newest, oldest, node22 } = projects
  checkSize(t, newest, { packages: 35, mebibytes: 30 })
  const aws = await startAws(t)
  const env = { ...aws.env, STREAM_NAME: names.stream }
  for (const [title, { folder }, executable] of [
    ['with the newest AWS SDK, on the Node of the tests', newest, process.execPath],
    ['with the oldest AWS SDK of the peer range, on Node 22', oldest, node22],
  ] as const) {
    await t.test(title, async t => {
      t.strictSame(writeFiles(folder, CONSUMER_GUIDE), ['consumer.ts', 'put.ts'])
      await compile(folder, ['consumer.ts', 'put.ts'])
      const version = await run(executable, ['--version'])
      t.match(version.stdout, executable === process.execPath ? process.version : /^v22\./)
      const program = runProgram(t, ['consumer.js'], { cwd: folder, env, executable })
      const put = runProgram(t, ['put.js'], { cwd: folder, env, executable })
      t.match(await put.ended, { code: 0 }, put.stderr())
      const hasPrinted = () => /^shardId-\d{12} a hello kinesis$/m.test(program.stdout())
      await until(() => hasPrinted() || program.child.exitCode !== null, { timeoutMs: 60_000, what: 'the record' })
      t.ok(hasPrinted(), `${program.stdout()}${program.stderr()}`)
      program.child.kill('SIGINT')
      t.same(await program.ended, { code: 0, signal: null })
    })
  }
})

t.test('the first transform of the tutorial compiles as printed, and its tests pass', { skip }, async t => {
  if (!projects) return
  const { node22, author } = projects
  const { folder } = author
  checkSize(t, author, { packages: 15, mebibytes: 5 })
  const files = writeFiles(folder, TRANSFORM_GUIDE)
  t.strictSame(files, ['log-errors.ts', 'log-errors.test.ts'])
  await compile(folder, files)
  const config = guideOf(TRANSFORM_GUIDE).find(({ file }) => file === 'tsconfig.json')
  writeFileSync(path.join(folder, 'tsconfig.json'), config?.text ?? '')
  await t.resolves(
    run(bin('tsc'), [], { cwd: folder }),
    'the tsconfig of the tutorial accepts the transform and its test',
  )
  for (const executable of [process.execPath, node22]) {
    const tests = runProgram(t, ['--test', '--test-reporter=tap', 'log-errors.test.js'], { cwd: folder, executable })
    t.match(await tests.ended, { code: 0 }, tests.stdout())
    t.match(tests.stdout(), /^# pass 2$/m)
  }
})

const MISTAKES = `
import { KinesisConsumer, type ConsumerOptions } from '@headgate/consumer'
declare const good: ConsumerOptions
// @ts-expect-error a handler is a function
new KinesisConsumer({ ...good, handler: 'log' })
// @ts-expect-error there is no such position
new KinesisConsumer({ ...good, initialPosition: 'NOW' })
// @ts-expect-error there is no such option
new KinesisConsumer({ ...good, failOver: 1 })
`

t.test('the types of the consumer reject wrong options', { skip }, async t => {
  if (!projects) return
  writeFileSync(path.join(projects.newest.folder, 'mistakes.ts'), MISTAKES)
  await t.resolves(compile(projects.newest.folder, ['mistakes.ts']))
})
