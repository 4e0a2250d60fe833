import t from 'tap'
import type { RecordHandler } from '../../services/consumer/index.ts'
import { collector, readRow, startStream, textOf, whenever } from './support.ts'

const SHARD = 'shardId-000000000000'
const retry = { firstMs: 20, maxMs: 40 }

t.test('a failed record is retried, later records of its key wait, and other keys continue', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const attempts: number[] = []
  const failing: RecordHandler = async (record, context) => {
    if (textOf(record) === 'poison') attempts.push(context.attempt)
    if (textOf(record) === 'poison' && (attempts.length < 4 || !texts().includes('other'))) throw new Error('not yet')
    await handler(record)
  }
  const consumer = stream.consumer({ handler: failing, retry, concurrency: 1 })
  const failures: unknown[] = []
  consumer.events.on('recordFailed', ({ error }) => failures.push(error))
  await stream.put([
    { key: 'a', data: 'poison' },
    { key: 'a', data: 'behind' },
    { key: 'b', data: 'other' },
  ])
  await consumer.start()
  await until(() => texts().length === 3)
  t.same(texts(), ['other', 'poison', 'behind'])
  t.same(
    attempts,
    attempts.map((_, i) => i + 1),
  )
  t.equal(failures.length, attempts.length - 1, 'every failure is told')
})

t.test('the checkpoint does not pass an unfinished record', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, records, until } = collector()
  const consumer = stream.consumer({
    handler: async record => {
      if (textOf(record) === 'poison') throw new Error('never')
      await handler(record)
    },
    retry,
  })
  await stream.put([{ key: 'a', data: 'first' }])
  await stream.put([
    { key: 'b', data: 'poison' },
    { key: 'c', data: 'last' },
  ])
  await consumer.start()
  await until(() => records.length === 2)
  await consumer.stop()
  const row = await readRow(stream.dynamodb, SHARD)
  t.equal(row?.checkpoint?.S, records.find(record => textOf(record) === 'first')?.sequenceNumber)

  const again = collector()
  await stream.consumer({ handler: again.handler }).start()
  await again.until(() => again.records.length === 2)
  t.same(again.texts(), ['poison', 'last'], 'and both it and what came after it come again')
})

t.test('a slow handler stops the fetching, so that memory stays bounded', async t => {
  const stream = await startStream(t, { shards: 1 })
  const mib = 1024 ** 2
  const release = Promise.withResolvers<void>()
  const { handler, records, until } = collector()
  const consumer = stream.consumer({
    handler: async record => {
      await release.promise
      await handler(record)
    },
    maxBufferedBytes: mib,
    recordsPerFetch: 1,
  })
  let fetched = 0
  consumer.events.on('recordsFetched', ({ bytes }) => {
    fetched += bytes
  })
  // Four of these records fill the budget, with the overhead that each has.
  const bytes = mib / 4 - 1_024
  for (let i = 0; i < 8; i++) await stream.put([{ key: `k${i}`, data: 'x'.repeat(bytes) }])
  await consumer.start()
  await whenever([consumer], () => fetched >= 4 * bytes)
  // Fetches happen every 200 ms while there is room. None may happen now.
  await new Promise(resolve => setTimeout(resolve, 1_000))
  t.equal(fetched, 4 * bytes)
  release.resolve()
  await until(() => records.length === 8)
  t.equal(fetched, 8 * bytes)
})

t.test('a start on a table that is not a lease table fails with the name of the table', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.createTable('not-leases', 'id')
  const { handler } = collector()
  const consumer = stream.consumer({ handler, applicationName: 'not-leases' })
  await t.rejects(consumer.start(), { code: 'CONSUMER_LEASE_TABLE', message: /'not-leases' is not a lease table/ })
})
