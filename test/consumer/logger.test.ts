import path from 'node:path'
import t from 'tap'
import { runProgram, until } from '../support/processes.ts'
import { APPLICATION, STREAM, startStream } from './support.ts'

const SOURCE = path.resolve(import.meta.dirname, '../../services/consumer/index.ts')

/** A program without a logger of its own and without listeners, as in the guide. */
const program = (streamName: string, options: string) => `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { KinesisConsumer } from ${JSON.stringify(SOURCE)}
const consumer = new KinesisConsumer({
  applicationName: '${APPLICATION}',
  streamName: '${streamName}',
  kinesis: new KinesisClient({ requestHandler: new NodeHttpHandler() }),
  dynamodb: new DynamoDBClient(),
  failoverMs: 2_000,
  ${options}
})
await consumer.start()
console.log('started')
process.once('SIGTERM', () => consumer.stop())
`

const FAILING = "handler: async () => { throw new RangeError('no such order') },"

t.test('a program without a logger and without listeners never fails silently', async t => {
  const { urls, put } = await startStream(t, { shards: 1 })
  const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' }
  const endpoints = { AWS_ENDPOINT_URL_KINESIS: urls.kinesis, AWS_ENDPOINT_URL_DYNAMODB: urls.dynamodb }
  const run = (streamName: string, options: string) =>
    runProgram(t, ['--input-type=module-typescript', '--eval', program(streamName, options)], {
      cwd: import.meta.dirname,
      env: { ...credentials, ...endpoints },
    })

  await t.test('a stream that does not exist ends it', async t => {
    const missing = run('no-such-stream', FAILING)
    t.match(await missing.ended, { code: 1 })
    t.match(missing.stderr(), /StreamMissingError: The stream 'no-such-stream' does not exist/)
  })

  await t.test('a handler that rejects is reported once, with its error', async t => {
    await put([{ key: 'a', data: 'x' }])
    const failing = run(STREAM, FAILING)
    await until(() => failing.stderr().includes('no such order'), { what: 'the error' })
    failing.child.kill('SIGTERM')
    await failing.ended
    t.match(failing.stderr(), /kinesis-consumer warning: record failed and will be retried event=recordFailed /)
    t.equal(failing.stderr().split('no such order').length, 2, failing.stderr())
  })

  await t.test('a second process with the same worker id is reported', async t => {
    const handled = "handler: async () => undefined, workerId: 'the same',"
    const first = run(STREAM, handled)
    await until(() => first.stdout().includes('started'), { what: 'the first process' })
    const second = run(STREAM, handled)
    const reported = /kinesis-consumer error: the consumer cannot continue, and stops .*\n {2}DuplicateWorkerError: /
    await until(() => reported.test(first.stderr() + second.stderr()), { what: 'the error', timeoutMs: 30_000 })
    for (const { child } of [first, second]) child.kill('SIGTERM')
    await Promise.all([first.ended, second.ended])
    t.notMatch(first.stderr() + second.stderr(), /Warning: Another process/, 'it is reported once')
  })

  await t.test('logger: false turns the lines off', async t => {
    await put([{ key: 'a', data: 'y' }])
    const silent = run(STREAM, `logger: false, handler: async () => { console.log('called'); throw new Error('x') },`)
    await until(() => silent.stdout().includes('called\n'), { what: 'the handler' })
    silent.child.kill('SIGTERM')
    await silent.ended
    t.equal(silent.stderr(), '')
  })
})
