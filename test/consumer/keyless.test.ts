import t, { type Test } from 'tap'
import { type ConsumerOptions, KinesisConsumer } from '../../services/consumer/index.ts'
import { aggregate } from '../support/aggregate.ts'
import { AUTO_SHARD, type AutoStreamSettings, startAutoStream } from '../support/auto-stream.ts'
import { APPLICATION, collector, readRow, STREAM, startStream, textOf, whenever } from './support.ts'

const account = 'arn:aws:kinesis:us-east-1:000000000000:stream'
const fanOut = { consumerArn: `${account}/${STREAM}/consumer/c:1700000000` }

/** The three ways to read records, each over a real connection. */
const ways: Record<string, AutoStreamSettings & Pick<ConsumerOptions, 'fanOut'>> = {
  'polled in CBOR': {},
  'polled in JSON': { speaksCbor: false },
  'pushed by enhanced fan-out': { fanOut },
}

async function start(t: Pick<Test, 'teardown'>, settings: AutoStreamSettings = {}) {
  const { dynamodb } = await startStream(t, { shards: 1 })
  const stream = await startAutoStream(t, settings)
  const create = (options: Partial<ConsumerOptions> & Pick<ConsumerOptions, 'handler'>) => {
    const clients = { kinesis: stream.kinesis, dynamodb }
    const consumer = new KinesisConsumer({
      ...{ applicationName: APPLICATION, streamName: STREAM, ...clients, scanIntervalMs: 200, idleIntervalMs: 200 },
      ...options,
    })
    t.teardown(() => consumer.stop())
    return consumer
  }
  return { ...stream, dynamodb, create }
}

for (const [way, { fanOut, ...settings }] of Object.entries(ways)) {
  t.test(`a record without a partition key has none when it is ${way}`, async t => {
    const { put, putBytes, create, requests } = await start(t, settings)
    const { handler, records, until } = collector()
    put('no key')
    put('a key', 'a')
    putBytes(aggregate([{ key: 'inner', data: Buffer.from('in an aggregate') }]), undefined)
    const consumer = create({ handler, ...(fanOut && { fanOut }) })
    const outside: unknown[] = []
    consumer.events.on('aggregateOutsideShard', event => outside.push(event))
    await consumer.start()
    await until(() => records.length === 3)
    t.strictSame(
      records.map(record => [textOf(record), record.partitionKey]).sort(),
      [
        ['a key', 'a'],
        ['in an aggregate', 'inner'],
        ['no key', undefined],
      ],
      'the record inside an aggregate keeps its own key',
    )
    t.same(outside, [])
    t.equal(
      requests.some(({ operation }) => operation === 'SubscribeToShard'),
      fanOut !== undefined,
    )
  })
}

t.test('a poison record without a key blocks no other record, and the checkpoint waits for it', async t => {
  const { put, create, dynamodb } = await start(t)
  const poison = put('poison')
  for (let i = 1; i < 100; i++) put(`record ${i}`)
  const { handler, texts, until } = collector()
  let isMended = false
  let running = 0
  let maxRunning = 0
  const gate = Promise.withResolvers<void>()
  const consumer = create({
    retry: { firstMs: 20, maxMs: 50 },
    handler: async record => {
      if (textOf(record) === 'poison' && !isMended) throw new Error('poison')
      maxRunning = Math.max(maxRunning, ++running)
      if (running === 15) gate.resolve()
      await gate.promise
      running--
      await handler(record)
    },
  })
  await consumer.start()
  await until(() => texts().length === 99)
  t.ok(maxRunning >= 15, `${maxRunning} records of the shard ran at once`)
  t.notOk(texts().includes('poison'))
  t.equal(consumer.snapshot()[0]?.checkpoint, 'TRIM_HORIZON')
  isMended = true
  await until(() => texts().length === 100)
  const last = String(BigInt(poison.SequenceNumber) + 99n)
  await whenever([consumer], () => consumer.snapshot()[0]?.checkpoint === last)
  t.match(await readRow(dynamodb, AUTO_SHARD), { checkpoint: { S: last } })
})
