import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { runProgram, until } from '../support/processes.ts'
import { APPLICATION, STREAM, startStream } from './support.ts'

const execute = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')
const run = (file: string, args: string[], options: { cwd?: string } = {}) =>
  // The test runner puts itself into every program that is started; tsc cannot be loaded its way.
  execute('env', ['-u', 'NODE_OPTIONS', file, ...args], { ...options, timeout: 60_000 })
const bin = (name: string) => path.join(root, 'node_modules/.bin', name)

/** What a reader of the room's README would write, in ten lines. */
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
// @ts-expect-error a handler is a function
new KinesisConsumer({ ...good, handler: 'log' })
// @ts-expect-error no such position
new KinesisConsumer({ ...good, initialPosition: 'NOW' })
// @ts-expect-error a number of milliseconds
new KinesisConsumer({ ...good, failoverMs: '10s' })
// @ts-expect-error no such option
new KinesisConsumer({ ...good, failOver: 1 })
// @ts-expect-error no such event
new KinesisConsumer(good).events.on('leased', () => undefined)
`

/** An empty project with the package in it, as `npm pack` makes it, and what the package asks for beside it. */
async function installPackage(t: Pick<Test, 'teardown'>): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headgate-package-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [source, project] = [path.join(folder, 'source'), path.join(folder, 'project')]
  const modules = path.join(project, 'node_modules')
  for (const made of [source, path.join(modules, 'headgate')]) mkdirSync(made, { recursive: true })
  const guides = ['services/consumer/README.md', 'services/consumer/docs', 'docs/moving-from-kcl.md']
  for (const file of ['package.json', 'README.md', 'LICENSE', ...guides]) {
    cpSync(path.join(root, file), path.join(source, file), { recursive: true })
  }
  // As `npm run build` makes it, but nothing that is not packed.
  const compilerOptions = {
    rootDir: root,
    outDir: path.join(source, 'dist'),
    typeRoots: [path.join(root, 'node_modules/@types')],
  }
  const build = { extends: path.join(root, 'tsconfig.json'), compilerOptions, include: [path.join(root, 'services')] }
  writeFileSync(path.join(source, 'tsconfig.json'), JSON.stringify(build))
  await run(bin('tsc'), ['--project', source])
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: source })
  const [packed] = JSON.parse(stdout) as Array<{ filename: string }>
  await run('tar', ['xzf', packed?.filename ?? '', '--strip-components=1', '-C', path.join(modules, 'headgate')], {
    cwd: source,
  })
  for (const scope of ['@aws-sdk', '@smithy', '@types', '@aws-crypto', 'undici-types']) {
    symlinkSync(path.join(root, 'node_modules', scope), path.join(modules, scope))
  }
  writeFileSync(path.join(project, 'package.json'), '{ "type": "module" }')
  writeFileSync(path.join(project, 'program.ts'), PROGRAM)
  writeFileSync(path.join(project, 'mistakes.ts'), MISTAKES)
  return project
}

t.test('the packed consumer installs in an empty project, with its types, and consumes with ten lines', async t => {
  const project = await installPackage(t)
  await t.test('importing it starts nothing', async t => {
    const importOnly = ['--input-type=module', '--eval', "console.log(Object.keys(await import('headgate/consumer')))"]
    const { stdout } = await run(process.execPath, importOnly, { cwd: project })
    t.match(stdout, /KinesisConsumer/)
  })

  await t.test('its guide lies in the package, with what it links to there', async t => {
    const folder = path.join(project, 'node_modules/headgate/services/consumer')
    const guide = readFileSync(path.join(folder, 'README.md'), 'utf8')
    for (const [, link = ''] of guide.matchAll(/\]\(((?:\.\.\/)*docs\/[\w./-]+)\)/g))
      t.ok(existsSync(path.join(folder, link)), link)
    t.match(guide, 'docs/processing.md')
  })

  await t.test('the headgate command is in it, and is one that a shell can run', async t => {
    const installed = path.join(project, 'node_modules/headgate')
    const { bin } = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
      bin: { headgate: string }
    }
    t.match(readFileSync(path.join(installed, bin.headgate), 'utf8'), /^#!\/usr\/bin\/env node\n/)
  })

  await t.test('its types accept what is right and refuse what is not', async t => {
    const strict = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024']
    const checked = run(bin('tsc'), [...strict, '--types', 'node', 'program.ts', 'mistakes.ts'], { cwd: project })
    await t.resolves(checked.catch((error: { stdout: string }) => Promise.reject(new Error(error.stdout))))
  })

  await t.test('the ten lines consume a stream', async t => {
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
