import { createWriteStream, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createSender } from '../../../services/cli/commands/stream/send-batch.ts'
import { systemClock } from '../../../services/consumer/clock.ts'
import { createLocalClients } from '../../../services/local/clients.ts'
import { STREAM } from '../../consumer/support.ts'
import { operation, startFaultProxy } from '../../support/fault-proxy.ts'
import { awsError, internalError, throttled } from '../../support/faults/aws-errors.ts'
import { hold, loseReply } from '../../support/faults/faults.ts'
import { refuseRecords } from '../../support/faults/refuse-records.ts'
import { until } from '../../support/processes.ts'
import { readStream } from '../../support/stream.ts'
import { headgateHere } from '../program.ts'
import { environment, shardId, startStreamTest } from './support.ts'

const putRecords = { when: operation('PutRecords') }
const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i + 1}`)

/** Starts a stream behind a proxy, and writes a file with lines. */
async function startPut(t: Pick<Test, 'teardown' | 'testdir'>, count: number) {
  const stream = await startStreamTest(t, { shards: 1 })
  const proxy = await startFaultProxy(t, stream.urls.kinesis)
  const file = path.join(t.testdir(), 'input')
  writeFileSync(file, lines(count).join('\n'))
  const found = async () =>
    (await readStream(stream.kinesis, STREAM)).map(({ Data = [] }) => Buffer.from(Data).toString())
  return { ...stream, proxy, file, found, headgate: headgateHere(t, environment(proxy.url)) }
}

t.test('headgate put retries only the records that Kinesis refuses, and holds the next batch back', async t => {
  const { proxy, file, found, headgate } = await startPut(t, 700)
  const sizes: number[] = []
  let calls = 0
  const faults = refuseRecords((_, index) => {
    if (index === 0) calls++
    sizes[calls - 1] = index + 1
    return calls === 1 ? index % 100 === 0 : calls === 2 && index === 1
  })
  proxy.inject(faults, putRecords)
  const { code, stdout, stderr } = await headgate('put', STREAM, file, '--key', 'k')
  t.equal(code, 0, stderr)
  t.equal(stdout, `Put 700 records on '${STREAM}', to ${shardId(0)} (700).\n`)
  t.match(
    stderr,
    /^5 records were not accepted: ProvisionedThroughputExceededException: .*\. Such records are retried\.\n$/,
  )
  t.strictSame(sizes, [500, 5, 1, 200])
  const all = await found()
  t.strictSame(all.toSorted(), lines(700).sort(), 'each record is on the stream once')
  t.strictSame(all.slice(500), lines(700).slice(500), 'later batches follow the retried records')
})

t.test('headgate put retries a throttled request, and after the first reply also a failed one', async t => {
  const { proxy, file, found, headgate } = await startPut(t, 700)
  // More than the attempts of the SDK.
  const first = proxy.inject(throttled('kinesis'), { ...putRecords, times: 4 })
  const pass = proxy.inject(exchange => exchange.pass(), { ...putRecords, times: 1 })
  const second = proxy.inject(internalError('kinesis'), { ...putRecords, times: 4 })
  const { code, stderr } = await headgate('put', STREAM, file)
  t.equal(code, 0, stderr)
  t.strictSame([first.hits, pass.hits, second.hits], [4, 1, 4])
  t.strictSame((await found()).sort(), lines(700).sort())
})

t.test('headgate put fails at once if Kinesis has never replied', async t => {
  const { proxy, file, headgate } = await startPut(t, 3)
  proxy.inject(internalError('kinesis'), putRecords)
  const { code, stdout, stderr } = await headgate('put', STREAM, file)
  t.strictSame([code, stdout], [1, ''])
  t.match(stderr, /^The request to AWS failed: InternalFailure/)
  t.ok(proxy.count(putRecords.when) <= 3, 'only the SDK retries')
})

t.test('headgate put names the lines that could not be put, and exits with 1', async t => {
  const { proxy, file, found, headgate } = await startPut(t, 1_200)
  proxy.inject(exchange => exchange.pass(), { ...putRecords, times: 1 })
  proxy.inject(
    refuseRecords((_, index) => [0, 1, 7].includes(index)),
    { ...putRecords, times: 1 },
  )
  proxy.inject(awsError('kinesis', { status: 400, code: 'AccessDeniedException', message: 'no more' }), putRecords)
  const { code, stderr, lines: printed } = await headgate('put', STREAM, file, '--json')
  t.equal(code, 1)
  t.match(printed(), [{ stream: STREAM, records: 997, shards: [{ shardId: shardId(0), records: 997 }] }])
  const message = 'Lines 501, 502, 508 were not put, and no line after 1000. AccessDeniedException: no more.'
  t.strictSame(JSON.parse(stderr), { error: { code: 'HEADGATE_RECORDS_NOT_PUT', message } })
  const missing = [501, 502, 508]
  t.strictSame(
    (await found()).sort(),
    lines(1_000)
      .filter((_, i) => !missing.includes(i + 1))
      .sort(),
  )
})

t.test('headgate put retries after a lost reply, and says that lines may be on the stream', async t => {
  const { proxy, file, found, headgate } = await startPut(t, 600)
  proxy.inject(exchange => exchange.pass(), { ...putRecords, times: 1 })
  // More than the attempts of the SDK.
  proxy.inject(loseReply, { ...putRecords, times: 3 })
  proxy.inject(awsError('kinesis', { status: 400, code: 'AccessDeniedException', message: 'no more.' }), putRecords)
  const { code, stderr } = await headgate('put', STREAM, file)
  t.equal(code, 1)
  t.match(stderr, /^100 records were not accepted: .*\. Such records are retried\.\n/)
  t.match(
    stderr,
    'Lines 501 to 600 were not put, and no line after 600. AccessDeniedException: no more. A reply of Kinesis was lost, so some of them may be on the stream.\n',
  )
  t.ok((await found()).length > 600)
})

t.test('a batch is given up when Kinesis has accepted none of its records for a while', async t => {
  const { proxy } = await startPut(t, 0)
  const clients = createLocalClients({ s3: proxy.url, dynamodb: proxy.url, kinesis: proxy.url })
  t.teardown(() => clients.destroy())
  proxy.inject(
    refuseRecords(({ PartitionKey }) => PartitionKey === 'hot'),
    putRecords,
  )
  let accepted = 0
  let retries = 0
  const send = createSender({
    kinesis: clients.kinesis,
    streamName: STREAM,
    signal: new AbortController().signal,
    onPut: () => accepted++,
    onRetry: () => retries++,
    clock: systemClock,
    random: () => 0,
    patienceMs: 300,
  })
  const batch = ['hot', 'cold', 'hot'].map((partitionKey, i) => ({ line: i + 1, data: Buffer.from('x'), partitionKey }))
  const unsent = await send(batch)
  t.strictSame(unsent?.records, [batch[0], batch[2]])
  t.match(unsent?.reason, /^ProvisionedThroughputExceededException: /)
  t.equal(accepted, 1)
  t.ok(retries >= 2, `${retries} retries`)
})

t.test('Ctrl-C ends headgate put after the request in flight, which counts', async t => {
  const { proxy, file, found, startWith } = await startPut(t, 1_200)
  const released = Promise.withResolvers<void>()
  proxy.inject(exchange => exchange.pass(), { ...putRecords, times: 1 })
  const held = proxy.inject(hold(released.promise), { ...putRecords, times: 1 })
  const program = startWith({ AWS_ENDPOINT_URL_KINESIS: proxy.url }, 'put', STREAM, file)
  await held.reached()
  program.child.kill('SIGINT')
  await until(() => program.stderr().includes('ends after the request in flight'))
  released.resolve()
  t.strictSame(await program.ended, { code: 130, signal: null })
  t.equal(program.stdout(), `Put 1000 records on '${STREAM}', to ${shardId(0)} (1000).\n`)
  t.match(program.stderr(), /\nInterrupted\. No line after 1000 was put\.\n$/)
  t.equal((await found()).length, 1_000)
})

t.test('Ctrl-C ends headgate put while it waits for the rest of a pipe', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const fifo = path.join(t.testdir(), 'fifo')
  t.equal((await stream.shell(`mkfifo '${fifo}'`).ended).code, 0)
  const tail = stream.start('tail', '--limit', '1', '--from', 'trim-horizon')
  const program = stream.start('put', STREAM, fifo)
  const input = createWriteStream(fifo)
  input.write('one\n')
  await tail.ended
  program.child.kill('SIGINT')
  t.strictSame(await program.ended, { code: 130, signal: null })
  t.match(program.stdout(), `Put 1 record on '${STREAM}', to ${shardId(0)}, `)
  t.match(program.stderr(), /\nInterrupted\. No line after 1 was put\.\n$/)
  input.destroy()
})
