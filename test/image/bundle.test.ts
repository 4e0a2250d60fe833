import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { bundle } from '../../image/bundle.ts'
import { entriesOf } from '../../image/entries.ts'
import { closureOf, writeOwnPackages } from '../../image/packages.ts'
import { names } from '../../services/platform/resources.ts'
import { createPublisher } from '../../services/uploads/events/publisher.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { eventually } from '../api/support.ts'
import { startOtlpReceiver } from '../support/otlp/receiver.ts'
import { commandOf, descendants, runProgram, until } from '../support/processes.ts'
import { SECRET } from '../worker/notifications/receiver.ts'
import { startReceiver } from '../worker/notifications/world.ts'
import { startPipeline } from '../worker/pipeline.ts'

const root = path.resolve(import.meta.dirname, '../..')

t.test('the entries are the programs, every module with a handler, and the exports of the package', async t => {
  const { programs, handlers, libraries } = entriesOf(path.join(root, 'services'))
  t.strictSame(programs, ['api/server', 'worker/worker', 'cli/headgate'])
  t.strictSame(libraries, ['consumer/index', 'worker/transforms/author/index'])
  t.ok(handlers.includes('api/lambda') && handlers.includes('worker/lambda'))
  t.notOk(handlers.includes('api/lambda-handler'), 'a module that only creates a handler is not an entry')
})

t.test('every role starts from the bundle as from its source', async t => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const dir = t.testdir({ 'package.json': JSON.stringify({ ...manifest, version: '1.2.3' }) })
  const modules = path.join(dir, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(path.join(root, 'node_modules')).filter(name => name !== '@headgate'))
    symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  writeOwnPackages(root, dir)
  const out = path.join(dir, 'dist/services')
  await bundle(root, out)
  const run = async (args: string[], env: Record<string, string> = {}) => {
    const program = runProgram(t, args, { cwd: dir, env })
    const { code } = await program.ended
    return { code, stdout: program.stdout(), stderr: program.stderr() }
  }

  const version = await run([path.join(out, 'cli/headgate.js'), '--version'])
  t.match(version, { code: 0, stdout: '1.2.3\n' }, version.stderr)
  const local = await run([path.join(out, 'cli/headgate.js'), 'local'])
  t.match(local, { code: 1, stderr: /^The container image has no embedded AWS\./ })
  for (const role of ['api/server.js', 'worker/worker.js']) {
    const unconfigured = await run([path.join(out, role)], { AWS_REGION: '' })
    t.match(unconfigured, { code: 1, stderr: /^The configuration is invalid.*\n {2}AWS_REGION: is required/ }, role)
  }
  const names = `
    const { TransformError } = await import('headgate/transform')
    const { KinesisConsumer } = await import('headgate/consumer')
    const own = [await import('@headgate/transform'), await import('@headgate/consumer')]
    const areSame = own[0].TransformError === TransformError && own[1].KinesisConsumer === KinesisConsumer
    process.stdout.write(TransformError.name + ' ' + KinesisConsumer.name + ' ' + areSame)`
  const imported = await run(['--input-type=module', '-e', names])
  t.match(imported, { code: 0, stdout: 'TransformError KinesisConsumer true' }, imported.stderr)
  const call = `
    const { handler } = await import(${JSON.stringify(path.join(out, 'api/lambda.js'))})
    const http = { method: 'POST', path: '/uploads' }
    const event = { version: '2.0', rawPath: '/uploads', rawQueryString: '', headers: {}, requestContext: { http } }
    const { statusCode, body } = await handler(event, { awsRequestId: '1', getRemainingTimeInMillis: () => 30_000 })
    process.stdout.write(statusCode + ' ' + JSON.parse(body).type)
    process.exit()`
  const env = { AWS_REGION: 'us-east-1', UPLOAD_BUCKET: 'uploads', LOG_LEVEL: 'silent' }
  const pool = { COGNITO_USER_POOL_ID: 'us-east-1_pool', COGNITO_CLIENT_ID: 'client' }
  const lambda = await run(['--input-type=module', '-e', call], { ...env, ...pool })
  t.match(lambda, { code: 0, stdout: '401 urn:headgate:problem:missing-token' }, lambda.stderr)

  const receiver = await startOtlpReceiver(t)
  const traces = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
  const traced = await run(['--input-type=module', '-e', call], { ...env, ...pool, ...traces })
  t.match(traced, { code: 0, stdout: '401 urn:headgate:problem:missing-token' }, traced.stderr)
  t.match(receiver.spans, [{ name: 'POST /uploads', attributes: { 'http.response.status_code': 401 } }])
})

t.test('a bundled worker runs transforms in processes, and sends signed notifications', async t => {
  const dir = t.testdir({ 'package.json': readFileSync(path.join(root, 'package.json'), 'utf8') })
  symlinkSync(path.join(root, 'node_modules'), path.join(dir, 'node_modules'))
  const out = path.join(dir, 'dist/services')
  await bundle(root, out)
  const { aws, store, upload } = await startPipeline(t)
  const publisher = createPublisher({ kinesis: aws.kinesis, stream: names.stream, timeoutMs: 20_000 })
  const receiver = await startReceiver(t)
  const webhook = { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET, NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1' }
  const worker = runProgram(t, [path.join(out, 'worker/worker.js')], { cwd: dir, env: { ...aws.env, ...webhook } })
  const picture = sharp({ create: { width: 400, height: 200, channels: 3, background: '#336699' } })
  for (const record of [
    await upload(await picture.png().toBuffer(), { filename: 'a.png', contentType: 'image/png' }),
    await upload('a,b\n1,2\n', { filename: 'a.csv', contentType: 'text/csv' }),
    // The tables of encodings are loaded at the first text that needs them: once in the worker and once in a process.
    await upload(Buffer.from('8c63b9e6b0a2c7cf', 'hex'), {
      filename: 'a.txt',
      contentType: 'text/plain; charset=euc-kr',
    }),
    await upload(Buffer.from('612c620a82a02c310a', 'hex'), {
      filename: 'b.csv',
      contentType: 'text/csv; charset=sjis',
    }),
  ]) {
    await publisher.publish(eventOf(record))
    await eventually(async () => (await store.get(record))?.status === 'processed', 60_000).catch(cause => {
      throw new Error(`${worker.stdout()}${worker.stderr()}`, { cause })
    })
  }
  await until(() => receiver.accepted.length >= 4, { timeoutMs: 60_000, what: `notifications: ${worker.stdout()}` })
  const programs = descendants(worker.pid).map(commandOf)
  t.match(programs[0], path.join(out, 'worker/transforms/processes/transform-process.js'))
})

t.test(
  'packages are resolved as Node resolves them, with their dependencies, and without those that are not installed',
  async t => {
    const manifest = (dependencies: Record<string, string>, optionalDependencies = {}) =>
      JSON.stringify({ dependencies, optionalDependencies })
    const dir = t.testdir({
      node_modules: {
        a: {
          'package.json': manifest({ b: '1', '@s/c': '1' }, { elsewhere: '1' }),
          node_modules: { b: { 'package.json': '{}' } },
        },
        b: { 'package.json': manifest({ unasked: '1' }) },
        unasked: { 'package.json': '{}' },
        '@s': { c: { 'package.json': manifest({ a: '1' }) } },
      },
    })
    t.strictSame(closureOf(dir, ['a', 'absent']), [
      'node_modules/@s/c',
      'node_modules/a',
      'node_modules/a/node_modules/b',
    ])
  },
)

t.test('uses the compile cache of another user or processor, and not the cache of another version of Node', async t => {
  const dir = t.testdir({ 'code.mjs': 'export const answer = 42\n' })
  const made = path.join(dir, 'made')
  const begin = `
    const { useCompileCache } = await import(${JSON.stringify(path.join(root, 'image/compile-cache.ts'))})
    const { getCompileCacheDir } = await import('node:module')
    useCompileCache(${JSON.stringify(made)})
    process.stdout.write(String(getCompileCacheDir()))`
  const run = async () => {
    const program = runProgram(t, ['--input-type=module', '-e', begin], {
      // The tests themselves may run with a compile cache.
      env: { TMPDIR: dir, NODE_COMPILE_CACHE: '' },
    })
    t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
    return program.stdout()
  }
  t.equal(await run(), 'undefined', 'without one everything runs as well')

  const making = runProgram(t, [path.join(dir, 'code.mjs')], { env: { NODE_COMPILE_CACHE: made } })
  await making.ended
  const [own = ''] = readdirSync(made)
  t.match(await run(), path.join(made, own), 'its own is used where it lies')

  const [version = '', arch = ''] = own.split('-')
  renameSync(path.join(made, own), path.join(made, `${version}-${arch}-00000000-4711`))
  t.match(await run(), /\/headgate-\w+\/v/, 'by a link')

  renameSync(path.join(made, `${version}-${arch}-00000000-4711`), path.join(made, `v1.0.0-${arch}-00000000-4711`))
  t.equal(await run(), 'undefined')
})
