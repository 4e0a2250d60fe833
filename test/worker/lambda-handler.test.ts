import t from 'tap'
import { createLambdaHandler } from '../../services/worker/lambda-handler.ts'
import type { ProcessOptions } from '../../services/worker/processor.ts'
import type { StreamRecord } from '../../services/worker/record.ts'
import { aggregate } from '../support/aggregate.ts'
import { kinesisEvent } from './kinesis-event.ts'
import { createMemoryLog } from './memory-log.ts'

const { log } = createMemoryLog()
const context = { getRemainingTimeInMillis: () => 60_000 }

/** `a1` is a record of the key a with the sequence number 1. */
function record(word: string, options: { shardId?: string; data?: Uint8Array } = {}): StreamRecord {
  const { shardId = 'shardId-000000000000', data = Buffer.from(word) } = options
  return { data, partitionKey: word.charAt(0), sequenceNumber: word.slice(1), shardId }
}

/** A handler whose processor fails for the words it is told to. */
function handlerOf(failing: ReadonlySet<string> = new Set()) {
  const done: StreamRecord[] = []
  const process = async (record: StreamRecord, _options: ProcessOptions) => {
    if (failing.has(Buffer.from(record.data).toString())) throw new Error('trouble')
    done.push(record)
  }
  const words = () => done.splice(0).map(({ data }) => Buffer.from(data).toString())
  return { handler: createLambdaHandler({ processor: { process }, log }), words, done }
}

t.test('the lowest that is not done is answered, by number and not by letter', async t => {
  const { handler } = handlerOf(new Set(['a10', 'b9']))
  t.strictSame(await handler(kinesisEvent([record('c8'), record('b9'), record('a10')]), context), {
    batchItemFailures: [{ itemIdentifier: '9' }],
  })
})

t.test('each shard has its own answer, and an event without records has none', async t => {
  const { handler } = handlerOf(new Set(['a2', 'b3']))
  const other = { shardId: 'shardId-000000000001' }
  const event = kinesisEvent([record('a1'), record('a2'), record('b3', other), record('b4', other), record('c5')])
  t.strictSame(await handler(event, context), { batchItemFailures: [{ itemIdentifier: '2' }, { itemIdentifier: '3' }] })
  t.strictSame(await handler(kinesisEvent([]), context), { batchItemFailures: [] })
})

t.test('when the batch comes again, what was done behind the failure is not done again', async t => {
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

t.test('a batch that fails twice over keeps what was done the first time', async t => {
  const { handler, words } = handlerOf(new Set(['b2']))
  const all = ['b2', 'c3', 'd4'].map(word => record(word))
  for (const expected of [['c3', 'd4'], [], []]) {
    t.strictSame(await handler(kinesisEvent(all), context), { batchItemFailures: [{ itemIdentifier: '2' }] })
    t.strictSame(words(), expected)
  }
})

t.test(
  'aggregated records come one by one, in lanes of their own keys, and the aggregate comes again as a whole',
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

t.test('a record says when it came and which try it is', async t => {
  const seen: unknown[] = []
  const process = async ({ arrivedAt }: StreamRecord, { attempt }: ProcessOptions) =>
    void seen.push([arrivedAt, attempt])
  await createLambdaHandler({ processor: { process }, log })(kinesisEvent([record('a1')]), context)
  t.strictSame(seen, [[new Date(1_795_428_000_123), 1]])
})
