import type { KinesisStreamEvent } from 'aws-lambda'
import t from 'tap'
import { createLambdaHandler } from '../../services/worker/lambda/handler.ts'
import type { ProcessOptions } from '../../services/worker/processing/processor.ts'
import type { StreamRecord } from '../../services/worker/stream-record.ts'
import { aggregate } from '../support/aggregate.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { kinesisEvent } from './kinesis-event.ts'
import { createMemoryLog } from './memory-log.ts'

const { log } = createMemoryLog()
/** Arrival time of every record, in epoch milliseconds. */
const CAME_AT = 1_795_428_000_123
const context = { getRemainingTimeInMillis: () => 60_000 }

/** Creates a record from its partition key and sequence number: `a1` has the key a and the number 1. */
function record(word: string, options: { shardId?: string; data?: Uint8Array } = {}): StreamRecord {
  const { shardId = 'shardId-000000000000', data = Buffer.from(word) } = options
  return { data, partitionKey: word.charAt(0), sequenceNumber: word.slice(1), shardId }
}

/** Creates a handler whose processor fails for the given words. */
function handlerOf(failing: ReadonlySet<string> = new Set()) {
  const done: StreamRecord[] = []
  const process = async (record: StreamRecord, _options: ProcessOptions) => {
    if (failing.has(Buffer.from(record.data).toString())) throw new Error('trouble')
    done.push(record)
  }
  const words = () => done.splice(0).map(({ data }) => Buffer.from(data).toString())
  return { handler: createLambdaHandler({ processor: { process }, log }), words, done }
}

t.test('the handler returns the lowest sequence number that is not done, in numeric order', async t => {
  const { handler } = handlerOf(new Set(['a10', 'b9']))
  t.strictSame(await handler(kinesisEvent([record('c8'), record('b9'), record('a10')]), context), {
    batchItemFailures: [{ itemIdentifier: '9' }],
  })
})

t.test('the handler returns one sequence number for each shard, and none for an event without records', async t => {
  const { handler } = handlerOf(new Set(['a2', 'b3']))
  const other = { shardId: 'shardId-000000000001' }
  const event = kinesisEvent([record('a1'), record('a2'), record('b3', other), record('b4', other), record('c5')])
  t.strictSame(await handler(event, context), { batchItemFailures: [{ itemIdentifier: '2' }, { itemIdentifier: '3' }] })
  t.strictSame(await handler(kinesisEvent([]), context), { batchItemFailures: [] })
})

t.test('a retried batch skips records after the failure that are done', async t => {
  const failing = new Set(['b2'])
  const { handler, words } = handlerOf(failing)
  const all = ['a1', 'b2', 'c3', 'b4', 'd5'].map(word => record(word))
  t.strictSame(await handler(kinesisEvent(all), context), { batchItemFailures: [{ itemIdentifier: '2' }] })
  t.strictSame(words(), ['a1', 'c3', 'd5'])

  failing.clear()
  const again = [...all.slice(1), record('e6')]
  t.strictSame(await handler(kinesisEvent(again), context), { batchItemFailures: [] })
  t.strictSame(words().sort(), ['b2', 'b4', 'e6'])
})

t.test('a batch that fails repeatedly skips the records that were done the first time', async t => {
  const { handler, words } = handlerOf(new Set(['b2']))
  const all = ['b2', 'c3', 'd4'].map(word => record(word))
  for (const expected of [['c3', 'd4'], [], []]) {
    t.strictSame(await handler(kinesisEvent(all), context), { batchItemFailures: [{ itemIdentifier: '2' }] })
    t.strictSame(words(), expected)
  }
})

t.test(
  'records of an aggregate are processed in lanes of their own keys, and a failed aggregate is retried as a whole',
  async t => {
    const failing = new Set(['two'])
    const { handler, words, done } = handlerOf(failing)
    const packed = aggregate([
      { key: 'k1', data: Buffer.from('one') },
      { key: 'k2', data: Buffer.from('two') },
      { key: 'k3', data: Buffer.from('three') },
    ])
    const event = kinesisEvent([record('a7', { data: packed }), record('b8')])
    t.strictSame(await handler(event, context), { batchItemFailures: [{ itemIdentifier: '7' }] })
    t.match(done[1], { partitionKey: 'k3', sequenceNumber: '7', subSequenceNumber: 2, shardId: 'shardId-000000000000' })
    t.strictSame(words(), ['one', 'three', 'b8'])
    failing.clear()
    t.strictSame(await handler(event, context), { batchItemFailures: [] })
    t.strictSame(words(), ['two'])
  },
)

t.test('a record has its arrival time and the number of its attempt', async t => {
  const seen: unknown[] = []
  const process = async ({ arrivedAt }: StreamRecord, { attempt }: ProcessOptions) =>
    void seen.push([arrivedAt, attempt])
  await createLambdaHandler({ processor: { process }, log })(kinesisEvent([record('a1')]), context)
  t.strictSame(seen, [[new Date(CAME_AT), 1]])
})

t.test(
  'records that arrived before their instance started are suspect for a minute, or in the first batch of a shard',
  async t => {
    const seen: unknown[] = []
    const process = async ({ sequenceNumber }: StreamRecord, { isSuspect }: ProcessOptions) =>
      void seen.push([sequenceNumber, isSuspect])
    const other = { shardId: 'shardId-000000000001' }
    const clock = new FakeClock({ startMs: CAME_AT - 1 })
    const early = createLambdaHandler({ processor: { process }, log, now: clock.now })
    clock.advance(2)
    const late = createLambdaHandler({ processor: { process }, log, now: clock.now })
    await early(kinesisEvent([record('a1')]), context)
    await late(kinesisEvent([record('a2')]), context)
    await late(kinesisEvent([record('a3')]), context)
    clock.advance(60_000)
    await late(kinesisEvent([record('a4')]), context)
    await late(kinesisEvent([record('a5', other)]), context)
    t.strictSame(seen, [
      ['1', false],
      ['2', true],
      ['3', true],
      ['4', false],
      ['5', true],
    ])
  },
)

t.test('only a record that was aborted after nearly the whole time is suspect when it is retried', async t => {
  let left = 1_000
  const seen: unknown[] = []
  const process = async ({ sequenceNumber }: StreamRecord, { isSuspect, hasWholeTime, signal }: ProcessOptions) => {
    seen.push([sequenceNumber, isSuspect, hasWholeTime])
    if (isSuspect || sequenceNumber === '1') return
    if (sequenceNumber === '2') left = 700
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const handler = createLambdaHandler({ processor: { process }, log, now: () => CAME_AT - 1, concurrency: 2 })
  const timed = { getRemainingTimeInMillis: () => left }
  const first = kinesisEvent(['a1', 'b2', 'c3'].map(word => record(word)))
  t.strictSame(await handler(first, timed), { batchItemFailures: [{ itemIdentifier: '2' }] })
  t.strictSame(seen.splice(0), [
    ['1', false, true],
    ['2', false, true],
    ['3', false, false],
  ])
  left = 1_000
  await handler(kinesisEvent(['b2', 'c3'].map(word => record(word))), timed)
  t.strictSame(seen, [
    ['2', true, true],
    ['3', false, true],
  ])
})

t.test('an event without Kinesis records fails its invocation', async t => {
  const { handler, words } = handlerOf()
  for (const event of [
    null,
    'text',
    {},
    { Records: 'none' },
    { Records: [{ body: 'of SQS' }] },
    { httpMethod: 'GET' },
  ]) {
    const invoked = handler(event as unknown as KinesisStreamEvent, context)
    await t.rejects(invoked, { code: 'HEADGATE_NOT_A_KINESIS_EVENT' })
  }
  t.strictSame(words(), [])
})

t.test('a record of an event without a partition key has none', async t => {
  const { handler, done } = handlerOf()
  await handler(kinesisEvent([{ ...record('a1'), partitionKey: undefined }, record('b2')]), context)
  t.strictSame(
    done.map(({ partitionKey }) => partitionKey),
    [undefined, 'b'],
  )
})
