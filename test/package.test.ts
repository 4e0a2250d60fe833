import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import t, { type Test } from 'tap'
import { APPLICATION, STREAM, startStream } from './consumer/support.ts'
import { bin, createEmptyProject } from './support/empty-project.ts'
import { importsOf, packageOf } from './support/imports.ts'
import { packPackages, run } from './support/pack.ts'
import { runProgram, until } from './support/processes.ts'

const root = path.resolve(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  exports: Record<string, string | { types: string; default: string }>
  dependencies: Record<string, string>
}
const { headgate: packed } = await packPackages()
const { tarball, files } = packed

t.test('the packed package has every file that package.json names, without a build before', async t => {
  const named = Object.values({ ...manifest.bin, ...manifest.exports })
    .flatMap(target => (typeof target === 'string' ? [target] : Object.values(target)))
    .map(file => path.normalize(file))
  t.ok(named.length >= 6)
  t.strictSame(
    named.filter(file => !files.includes(file)),
    [],
  )
})

t.test(
  'the package has no tests, benchmarks, TypeScript sources or other files that only the repository needs',
  async t => {
    const wanted = /^(?:LICENSE|README\.md|package\.json|docs\/.+\.md|services\/.+\.md|dist\/services\/.+)$/
    const unwanted = /\.test\.|(?<!\.d)\.ts$|(?:^|\/)(?:tests?|bench|infra|node_modules)\//
    t.strictSame(
      files.filter(file => !wanted.test(file) || unwanted.test(file)),
      [],
    )
  },
)

t.test('the code imports only its own files, modules of Node and declared dependencies', async t => {
  const embeddedAws = 'package/dist/services/local/*.js'
  const packages = await importedPackages(tarball, ['--exclude', embeddedAws, '*.js'])
  t.ok(packages.includes('fastify') && packages.includes('@aws-sdk/client-kinesis'))
  t.strictSame(
    packages.filter(name => !(name in manifest.dependencies)),
    [],
  )
  const ofEmbeddedAws = await importedPackages(tarball, [embeddedAws])
  t.strictSame(
    ofEmbeddedAws.filter(name => !(name in manifest.dependencies)).sort(),
    ['dynalite', 'fast-jwt', 'kinesis-local'],
    '`headgate local` reports packages that it needs and that are not installed',
  )
})

/** Returns the packages that JavaScript files of a tarball import. @param which arguments of tar that select the files */
async function importedPackages(tarball: string, which: readonly string[]): Promise<string[]> {
  const code = await run('tar', ['xzf', tarball, '--to-stdout', '--wildcards', ...which])
  const packages = importsOf(code.stdout)
    .filter(({ specifier }) => !specifier.startsWith('.') && !isBuiltin(specifier))
    .map(({ specifier }) => packageOf(specifier))
  return [...new Set(packages)]
}

/** A program of ten lines that follows the README of the consumer. */
const PROGRAM = `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { KinesisConsumer } from 'headgate/consumer'

const kinesis = new KinesisClient({ requestHandler: new NodeHttpHandler() })
const dynamodb = new DynamoDBClient({})
const handler = async (record: { data: Uint8Array }) => console.log(Buffer.from(record.data).toString())
const consumer = new KinesisConsumer({ applicationName: '${APPLICATION}', streamName: '${STREAM}', kinesis, dynamodb, handler })
await consumer.start()
process.once('SIGTERM', async () => consumer.stop())
`

const MISTAKES = `
import { KinesisConsumer, type ConsumerOptions } from 'headgate/consumer'
declare const good: ConsumerOptions
// @ts-expect-error a handler must be a function
new KinesisConsumer({ ...good, handler: 'log' })
// @ts-expect-error an unknown position
new KinesisConsumer({ ...good, initialPosition: 'NOW' })
// @ts-expect-error a time must be a number of milliseconds
new KinesisConsumer({ ...good, failoverMs: '10s' })
// @ts-expect-error an unknown option
new KinesisConsumer({ ...good, failOver: 1 })
// @ts-expect-error an unknown event
new KinesisConsumer(good).events.on('leased', () => undefined)
`

/** The dependencies of the consumer and of its types. */
const BESIDE = ['@aws-sdk', '@smithy', '@types', '@aws-crypto', 'undici-types']

/** Creates an empty project with the packed package and the dependencies of the consumer. */
async function installPackage(t: Pick<Test, 'teardown'>): Promise<string> {
  const project = await createEmptyProject(t, { packed: [packed], beside: name => BESIDE.includes(name) })
  writeFileSync(path.join(project, 'package.json'), '{ "type": "module" }')
  writeFileSync(path.join(project, 'program.ts'), PROGRAM)
  writeFileSync(path.join(project, 'mistakes.ts'), MISTAKES)
  return project
}

t.test('the packed consumer works in an empty project', async t => {
  const project = await installPackage(t)
  await t.test('an import has no side effects that keep the process running', async t => {
    const importOnly = ['--input-type=module', '--eval', "console.log(Object.keys(await import('headgate/consumer')))"]
    const { stdout } = await run(process.execPath, importOnly, { cwd: project })
    t.match(stdout, /KinesisConsumer/)
  })

  await t.test('the package has the README of the consumer and the pages that it links to', async t => {
    const folder = path.join(project, 'node_modules/headgate/services/consumer')
    const guide = readFileSync(path.join(folder, 'README.md'), 'utf8')
    for (const [, link = ''] of guide.matchAll(/\]\(((?:\.\.\/)*docs\/[\w./-]+)\)/g))
      t.ok(existsSync(path.join(folder, link)), link)
    t.match(guide, 'docs/processing.md')
  })

  await t.test('the package has the headgate command, which a shell can run', async t => {
    const installed = path.join(project, 'node_modules/headgate')
    const { bin } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
      bin: { headgate: string }
    }
    t.match(readFileSync(path.join(installed, bin.headgate), 'utf8'), /^#!\/usr\/bin\/env node\n/)
  })

  await t.test('the types accept valid options and reject invalid ones', async t => {
    const strict = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024']
    const checked = run(bin('tsc'), [...strict, '--types', 'node', 'program.ts', 'mistakes.ts'], { cwd: project })
    await t.resolves(checked.catch((error: { stdout: string }) => Promise.reject(new Error(error.stdout))))
  })

  await t.test('a program of ten lines consumes a stream', async t => {
    const stream = await startStream(t, { shards: 1 })
    await stream.put([{ key: 'a', data: 'hello from a stream' }])
    const program = runProgram(t, ['program.ts'], {
      cwd: project,
      env: {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'x',
        AWS_SECRET_ACCESS_KEY: 'x',
        AWS_ENDPOINT_URL_KINESIS: stream.urls.kinesis,
        AWS_ENDPOINT_URL_DYNAMODB: stream.urls.dynamodb,
      },
    })
    await until(() => program.stdout().includes('hello from a stream'), { what: 'the record' })
    program.child.kill('SIGTERM')
    t.same(await program.ended, { code: 0, signal: null })
  })
})

t.test('the packed `headgate local` starts the embedded AWS, or names the packages that it lacks', async t => {
  const command = 'node_modules/headgate/dist/services/cli/headgate.js'
  const whole = await createEmptyProject(t, { packed: [packed] })
  const program = runProgram(t, [command, 'local', '--json'], { cwd: whole })
  await until(() => program.stdout().includes('\n') || program.child.exitCode !== null, { timeoutMs: 30_000 })
  t.match(JSON.parse(program.stdout() || program.stderr()), { AWS_ENDPOINT_URL_KINESIS: /^http:\/\/127\.0\.0\.1:/ })
  program.child.kill('SIGTERM')
  t.same(await program.ended, { code: 0, signal: null })

  const bare = await createEmptyProject(t, {
    packed: [packed],
    beside: name => name !== 'dynalite' && name !== 'kinesis-local',
  })
  const refused = runProgram(t, [command, 'local'], { cwd: bare })
  t.match(await refused.ended, { code: 1 })
  t.match(refused.stderr(), /Install them first: npm install --save-dev dynalite@\S+ kinesis-local@\S+\n$/)
})
