import t from 'tap'
import {
  type BatchHandler,
  type ConsumerOptions,
  type ConsumerRecord,
  DecodeError,
  type RecordHandler,
} from '../../../services/consumer/index.ts'
import { collector, startStream, textOf } from '../support.ts'
import { processorOf, recordOf } from './support.ts'

interface Order {
  readonly id: number
}

/** Fails for every text that is not JSON. */
const decode = (data: Uint8Array): Order => JSON.parse(Buffer.from(data).toString())
const order = (number: number, key = `k${number}`) => recordOf(number, key, { data: Buffer.from(`{"id":${number}}`) })
const broken = (number: number, key = `k${number}`) => recordOf(number, key, { data: Buffer.from('not json') })

t.test('a handler gets the decoded value beside the fields of the record, from a decoder of either kind', async t => {
  for (const decoder of [decode, async (data: Uint8Array) => decode(data)]) {
    const seen: unknown[] = []
    const { processor } = processorOf({
      decode: decoder,
      handler: record => {
        const { id }: Order = record.value
        seen.push([id, record.partitionKey, textOf(record)])
      },
    })
    processor.add([order(1), order(2)])
    await processor.whenDrained()
    t.same(seen, [
      [1, 'k1', '{"id":1}'],
      [2, 'k2', '{"id":2}'],
    ])
  }
})

t.test('a record that cannot be decoded is retried, keeps its key waiting, and ends as a dead letter', async t => {
  const seen: number[] = []
  const letters: unknown[] = []
  const { processor, clock, emitted, progress } = processorOf({
    decode,
    handler: record => void seen.push(record.value.id),
    retry: { firstMs: 100, maxMs: 100, maxAttempts: 2 },
    deadLetter: async (record, { error, attempts }) => void letters.push([textOf(record), error, attempts]),
  })
  processor.add([broken(1, 'a'), order(2, 'a'), order(3, 'b')])
  await Promise.resolve()
  t.same(seen, [3])
  t.match(emitted.find(({ name }) => name === 'recordFailed')?.event, {
    error: {
      name: 'DecodeError',
      code: 'CONSUMER_DECODE',
      message: /^The record 1 of shard could not be decoded: /,
      cause: { name: 'SyntaxError' },
    },
  })
  t.not(progress().sequenceNumber, '3', 'the checkpoint waits')
  clock.advance(1_000)
  await processor.whenDrained()
  t.same(seen, [3, 2])
  t.match(letters, [['not json', DecodeError, 2]])
})

t.test('a record that cannot be decoded fails its batch until it is alone, and the order of its key stays', async t => {
  const handled: number[][] = []
  const { processor, clock } = processorOf({
    decode: async (data: Uint8Array) => decode(data),
    batchHandler: async records => void handled.push(records.map(record => record.value.id)),
    retry: { firstMs: 100, maxMs: 100, maxAttempts: 1 },
    deadLetter: async () => undefined,
  })
  processor.add([order(1, 'a'), broken(2, 'a'), order(3, 'a'), order(4, 'a')])
  const drained = processor.whenDrained()
  let isDrained = false
  void drained.then(() => {
    isDrained = true
  })
  while (!isDrained) {
    await new Promise(setImmediate)
    clock.advance(1_000)
  }
  t.same(handled.flat(), [1, 3, 4])
})

t.test('no handler starts for a record whose lease expired while it was decoded', async t => {
  const decoding = Promise.withResolvers<void>()
  const slowly = async (data: Uint8Array) => {
    await decoding.promise
    return decode(data)
  }
  const started: string[] = []
  const ofRecords = processorOf({ decode: slowly, handler: () => void started.push('handler') })
  const ofBatches = processorOf({ decode: slowly, batchHandler: async () => void started.push('batch handler') })
  for (const { processor } of [ofRecords, ofBatches]) processor.add([order(1)])
  await new Promise(setImmediate)
  for (const { expire } of [ofRecords, ofBatches]) expire()
  decoding.resolve()
  await new Promise(setImmediate)
  t.same(started, [])
  for (const { processor, progress } of [ofRecords, ofBatches]) {
    await processor.close()
    t.equal(progress().sequenceNumber, 'TRIM_HORIZON')
  }
})

t.test('a handler whose timeout passed while its record was decoded does not start beside the retry', async t => {
  const decodings: Array<() => void> = []
  const slowly = async (data: Uint8Array) => {
    await new Promise<void>(resolve => decodings.push(resolve))
    return decode(data)
  }
  const attempts: number[] = []
  const { processor, clock } = processorOf({
    decode: slowly,
    handler: (_, { attempt }) => void attempts.push(attempt),
    handlerTimeoutMs: 1_000,
  })
  processor.add([order(1)])
  await clock.until(() => decodings.length === 2)
  for (const finish of decodings) finish()
  await clock.until(() => processor.pending === 0)
  t.same(attempts, [2])
})

t.test('a decoder that is not a function is rejected', async t => {
  t.throws(() => processorOf({ decode: 'json' as never, handler: () => undefined }), {
    message: "The option 'decode' is 'json' but must be a function.",
  })
})

t.test('the type of the value comes from the decoder, and without a decoder a record has none', async t => {
  const withDecoder: RecordHandler<Order> = ({ value }: ConsumerRecord<Order>) => void value.id
  const ofBatch: BatchHandler<Order> = async ([first]) => void first?.value.id
  const options: Array<Partial<ConsumerOptions<Order>>> = [
    { decode, handler: withDecoder },
    { decode, batchHandler: ofBatch },
  ]
  // @ts-expect-error a record without a decoder has no value
  const raw: RecordHandler = ({ value }) => value
  const wrong = () =>
    // @ts-expect-error the handler expects a value that no decoder returns
    processorOf({ handler: withDecoder })
  t.equal(options.length, 2)
  t.type(raw, 'function')
  t.type(wrong, 'function')
})

t.test('a consumer decodes the records of a stream', async t => {
  const { consumer: create, put } = await startStream(t, { shards: 1 })
  const { handler, records, until } = collector()
  const ids: number[] = []
  const consumer = create<Order>({
    decode,
    handler: async record => {
      ids.push(record.value.id)
      await handler(record)
    },
  })
  await put([{ key: 'a', data: '{"id":7}' }])
  await consumer.start()
  await until(() => records.length === 1)
  t.same(ids, [7])
})
