import { DeleteStreamCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { createFaults } from '../../../services/cli/commands/stream/read-faults.ts'
import { STREAM } from '../../consumer/support.ts'
import { operation, startFaultProxy } from '../../support/fault-proxy.ts'
import { awsError, throttled } from '../../support/faults/aws-errors.ts'
import { reset, silence } from '../../support/faults/faults.ts'
import { headgateHere } from '../program.ts'
import { environment, isReading, startStreamTest } from './support.ts'

const records = (count: number) => Array.from({ length: count }, (_, i) => ({ key: 'key', data: `record ${i}` }))
const getRecords = { when: operation('GetRecords') }

t.test('headgate tail prints each record once after throttling, an expired iterator and a lost connection', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const proxy = await startFaultProxy(t, stream.urls.kinesis)
  const headgate = headgateHere(t, environment(proxy.url))
  await stream.put(records(30))
  const expired = awsError('kinesis', { status: 400, code: 'ExpiredIteratorException' })

  const tail = headgate('tail', '--json', '--from', 'trim-horizon', '--limit', '60')
  const before = proxy.inject(throttled('kinesis'), { ...getRecords, times: 2 })
  await before.reached(2)
  t.equal(proxy.count(operation('GetShardIterator')), 1, 'a throttled iterator is used again')
  // The first reply with records.
  const later = proxy.inject(exchange => exchange.pass(), { ...getRecords, times: 2 })
  await later.reached(2)
  const end = proxy.inject(expired, { ...getRecords, times: 1 })
  await end.reached()
  const lost = proxy.inject(reset, { ...getRecords, times: 2 })
  await lost.reached(2)
  await stream.put(records(60).slice(30))
  const { code, lines, stderr } = await tail
  t.equal(code, 0, stderr)
  t.strictSame(
    lines().map(row => row.data),
    records(60).map(({ data }) => data),
  )
  t.equal(proxy.count(operation('PutRecords')), 0)
  t.strictSame(Object.keys(proxy.counts()).sort(), [
    'Kinesis_20131202.GetRecords',
    'Kinesis_20131202.GetShardIterator',
    'Kinesis_20131202.ListShards',
  ])
})

t.test('headgate tail notes an outage once, and a throttled shard once', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const proxy = await startFaultProxy(t, stream.urls.kinesis)
  const headgate = headgateHere(t, environment(proxy.url))
  proxy.inject(throttled('kinesis'), { ...getRecords, times: 2 })
  const failing = proxy.inject(awsError('kinesis', { status: 500, code: 'InternalFailure' }), {
    ...getRecords,
    times: 2,
  })
  await stream.put(records(1))
  const { code, stderr } = await headgate('tail', '--from', 'trim-horizon', '--limit', '1')
  t.equal(code, 0)
  t.equal(failing.hits, 2)
  t.match(
    stderr,
    /^Reading 1 shard .*\n\S+ is throttled, .*\n(?!.*throttled)\S+ cannot be read: InternalFailure: .*\n$/,
  )
})

t.test('headgate tail asks an idle shard about once a second', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const proxy = await startFaultProxy(t, stream.urls.kinesis)
  const headgate = headgateHere(t, environment(proxy.url))
  const times: number[] = []
  const polls = proxy.inject(
    async exchange => {
      times.push(performance.now())
      await exchange.pass()
    },
    { ...getRecords, times: 5 },
  )
  const tail = headgate('tail', '--limit', '1')
  await polls.reached(5)
  await stream.put(records(1))
  await tail
  const shortest = Math.min(...times.slice(1).map((time, index) => time - (times[index] ?? 0)))
  t.ok(shortest > 800, `the shortest interval is ${shortest} ms`)
})

t.test('headgate tail ends with the error of a read that cannot succeed', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const proxy = await startFaultProxy(t, stream.urls.kinesis)
  const headgate = headgateHere(t, environment(proxy.url))
  const denied = awsError('kinesis', { status: 400, code: 'AccessDeniedException', message: 'not allowed' })
  const injected = proxy.inject(denied, getRecords)
  const { code, stderr } = await headgate('tail')
  t.equal(code, 1)
  t.match(stderr, /^The request to AWS failed: AccessDeniedException: not allowed\n.*operate\.md/m)
  injected.remove()
})

t.test('Ctrl-C ends headgate tail while Kinesis does not reply', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const proxy = await startFaultProxy(t, stream.urls.kinesis)
  for (const name of ['ListShards', 'GetShardIterator', 'GetRecords']) {
    const silent = proxy.inject(silence, { when: operation(name) })
    const program = stream.startWith({ AWS_ENDPOINT_URL_KINESIS: proxy.url }, 'tail')
    await silent.reached()
    program.child.kill('SIGINT')
    t.strictSame(await program.ended, { code: 0, signal: null }, name)
    t.equal(program.stdout(), '')
    silent.remove()
  }
  t.equal(proxy.count(operation('ListShards')), 3, 'no request is retried')
})

t.test('reading up to now gives up when a shard has failed for a minute, and following does not', t => {
  const error = Object.assign(new Error('internal'), { name: 'InternalFailure' })
  for (const follow of [false, true]) {
    let now = 0
    const notes: string[] = []
    const final: unknown[] = []
    const faults = createFaults({
      streamName: STREAM,
      follow,
      clock: { now: () => now, sleep: async () => undefined },
      onNote: text => notes.push(text),
      onFinal: error => final.push(error),
    })
    for (now = 0; now <= 50_000; now += 10_000) faults.failed('shard', 'GetRecords', error)
    faults.succeeded('shard')
    for (now = 100_000; now < 160_000; now += 10_000) faults.failed('shard', 'GetRecords', error)
    t.strictSame(final, [])
    t.strictSame(notes, Array(2).fill('shard cannot be read: InternalFailure: internal. Reading is retried.'))
    faults.failed('shard', 'GetRecords', error)
    t.strictSame(final, follow ? [] : [error])
  }
  t.end()
})

// The last test of this file, because kinesis-local may lose a stream of the same name that is created afterwards.
t.test('headgate tail ends with an error when its stream is deleted', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const program = stream.start('tail')
  await isReading(program)
  await stream.kinesis.send(new DeleteStreamCommand({ StreamName: STREAM }))
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), `There is no stream '${STREAM}'.`)
})
