import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import {
  BatchFailure,
  type ConsumerRecord,
  type RecordContext,
  type RecordFailure,
} from '../../services/consumer/index.ts'
import { APPLICATION, collector, readRow, shardsOf, startStream, textOf, whenever } from './support.ts'

const SHARD = 'shardId-000000000000'
const retry = { firstMs: 20, maxMs: 40 }
const numbered = (count: number, keys = count) =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i % keys}`, data: `${i}` }))

t.test('a record that keeps failing becomes a complete dead letter, and then the checkpoint passes it', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, records, until } = collector()
  const letters: Array<{ record: ConsumerRecord; failure: RecordFailure }> = []
  let storeIsDown = true
  const consumer = stream.consumer({
    handler: async record => {
      if (textOf(record) === 'poison') throw new Error('never')
      await handler(record)
    },
    retry: { ...retry, maxAttempts: 2 },
    deadLetter: async (record, failure) => {
      if (storeIsDown) throw new Error('the store is down')
      letters.push({ record, failure })
    },
  })
  await stream.put([
    { key: 'a', data: 'first' },
    { key: 'b', data: 'poison' },
    { key: 'c', data: 'last' },
  ])
  await consumer.start()
  let deadLetterFailures = 0
  consumer.events.on('deadLetterFailed', () => deadLetterFailures++)
  await whenever([consumer], () => deadLetterFailures >= 3)
  await until(() => records.length === 2)
  t.equal(consumer.snapshot()[0]?.pending, 2, 'the poison and what came after it')
  storeIsDown = false
  await whenever([consumer], () => letters.length === 1)
  const [letter] = letters
  t.match(letter?.failure, { attempts: 2, reason: 'too many attempts', error: { message: 'never' } })
  t.match(letter?.record, { partitionKey: 'b', shardId: SHARD })
  t.equal(letter && textOf(letter.record), 'poison')
  t.match(consumer.metrics(), { records: { handled: 2, retries: 1, deadLetters: 1 } })
  await consumer.stop()
  const row = await readRow(stream.dynamodb, SHARD)
  t.equal(row?.checkpoint?.S, records.find(record => textOf(record) === 'last')?.sequenceNumber)
})

t.test('batches of every shard are handled, and failed records are handled again', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler, texts, until } = collector()
  const sizes: number[] = []
  const failedOnce = new Set<string>()
  const consumer = stream.consumer({
    batchHandler: async (records, { shardId }) => {
      sizes.push(records.length)
      if (new Set(records.map(record => record.shardId)).size > 1) t.fail('a batch is of one shard')
      const failed = records.filter(record => Number(textOf(record)) % 10 === 3 && !failedOnce.has(textOf(record)))
      for (const record of records) if (!failed.includes(record)) await handler(record)
      for (const record of failed) failedOnce.add(textOf(record))
      if (failed.length > 0) throw new BatchFailure(failed, { cause: new Error(`in ${shardId}`) })
    },
    batch: { maxRecords: 25 },
    retry,
  })
  await stream.put(numbered(200))
  await consumer.start()
  await until(() => texts().length === 200)
  t.equal(new Set(texts()).size, 200, 'each of them once')
  t.ok(Math.max(...sizes) <= 25)
  t.ok(sizes.length < 60, `in ${sizes.length} batches`)
})

t.test('a failing dependency stops all shards until it recovers', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler, texts, until } = collector()
  let down = true
  let calls = 0
  const consumer = stream.consumer({
    handler: async record => {
      calls++
      if (down) throw Object.assign(new Error('Please reduce your request rate.'), { name: 'SlowDown' })
      await handler(record)
    },
    retry: { ...retry, maxAttempts: 1 },
    deadLetter: () => Promise.reject(new Error('a throttled store makes no record poison')),
    breaker: { failures: 5, firstMs: 100, maxMs: 200 },
  })
  let openings = 0
  consumer.events.on('breakerOpened', () => openings++)
  await stream.put(numbered(100))
  const opened = new Promise(resolve => consumer.events.once('breakerOpened', resolve))
  await consumer.start()
  await opened
  // Records started before come to their end. From then on, each opening admits one call.
  await new Promise(resolve => consumer.events.once('breakerOpened', resolve))
  const [before, openingsBefore] = [calls, openings]
  for (let i = 0; i < 3; i++) await new Promise(resolve => consumer.events.once('breakerOpened', resolve))
  t.equal(calls - before, openings - openingsBefore)
  t.match(consumer.metrics(), { breaker: { openings }, records: { handled: 0, deadLetters: 0 } })
  down = false
  await until(() => texts().length === 100)
  t.equal(consumer.metrics().breaker.state, 'closed')
})

t.test('the fencing token of a shard grows with each owner', async t => {
  const stream = await startStream(t, { shards: 1 })
  const tokens: number[] = []
  for (let owner = 0; owner < 3; owner++) {
    const handled = Promise.withResolvers<number>()
    const consumer = stream.consumer({
      handler: async (_, { fencingToken }) => handled.resolve(fencingToken),
    })
    await stream.put(numbered(1))
    await consumer.start()
    const token = await handled.promise
    t.equal(consumer.snapshot()[0]?.fencingToken, token)
    tokens.push(token)
    await consumer.stop()
  }
  t.ok((tokens[0] ?? 0) < (tokens[1] ?? 0) && (tokens[1] ?? 0) < (tokens[2] ?? 0), `${tokens}`)
})

t.test('takenOverAt is set after a takeover from a worker that did not release the shard', async t => {
  const stream = await startStream(t, { shards: 1 })
  const emitted: Array<Date | undefined> = []
  for (const before of ['nobody', 'gave up', 'died', 'crashed']) {
    if (before === 'died') {
      const died = {
        TableName: APPLICATION,
        Key: { leaseKey: { S: SHARD } },
        UpdateExpression: 'SET leaseOwner = :owner',
        ExpressionAttributeValues: { ':owner': { S: 'a worker that died' } },
      }
      await stream.dynamodb.send(new UpdateItemCommand(died))
    }
    const handled = Promise.withResolvers<Date | undefined>()
    const handler = async (record: ConsumerRecord, { takenOverAt }: RecordContext) => {
      if (takenOverAt) t.ok(record.arrivedAt <= takenOverAt, 'by a clock that the record’s own can be compared with')
      handled.resolve(takenOverAt)
    }
    const consumer = stream.consumer({ handler, failoverMs: 2_000 })
    await stream.put(numbered(1))
    await consumer.start()
    emitted.push(await handled.promise)
    await consumer.stop({ isCrash: before === 'died' })
  }
  t.match(emitted, [undefined, undefined, Date, Date])
})

t.test('a crash waits for a hanging handler for at most half of the failover time', async t => {
  const stream = await startStream(t, { shards: 1 })
  const began = Promise.withResolvers<void>()
  const handler = () => {
    began.resolve()
    return new Promise<void>(() => undefined)
  }
  const consumer = stream.consumer({ handler, failoverMs: 2_000, drainTimeoutMs: 60_000 })
  await stream.put(numbered(1))
  await consumer.start()
  await began.promise
  const stoppedAt = performance.now()
  await consumer.stop({ isCrash: true })
  const tookMs = performance.now() - stoppedAt
  t.ok(tookMs >= 900 && tookMs < 20_000, `${tookMs} ms`)
})

t.test('events report what happens to leases, shards and records', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler } = collector()
  const seen: string[] = []
  const names = ['leaseAcquired', 'recordsFetched', 'recordStarted', 'recordHandled', 'checkpointed', 'leaseLost']
  const onMessage = (message: unknown, name: string | symbol) => {
    t.match(message, { workerId: 'watched', applicationName: String, streamName: String, shardId: SHARD })
    seen.push(String(name).replace('headgate:consumer:', ''))
  }
  for (const name of names) subscribe(`headgate:consumer:${name}`, onMessage)
  t.teardown(() => names.forEach(name => void unsubscribe(`headgate:consumer:${name}`, onMessage)))
  const consumer = stream.consumer({ handler, workerId: 'watched', failoverMs: 3_000 })
  consumer.events.on('recordsFetched', () => {
    throw new Error('a listener that is broken')
  })
  await stream.put(numbered(3, 1))
  await consumer.start()
  await whenever([consumer], () => seen.includes('checkpointed'))
  await whenever([consumer], () => consumer.leases()[0]?.owner === 'watched')
  t.match(consumer.leases(), [{ shardId: SHARD, leaseCounter: Number, checkpoint: String }])
  t.match(consumer.metrics(), {
    workerId: 'watched',
    leases: { held: 1, acquired: 1, lost: 0 },
    records: { fetched: 3, handled: 3, pending: 0 },
    bytes: { fetched: 3, handled: 3, buffered: 0, maxBuffered: 64 * 1024 ** 2 },
    millisBehindLatest: Number,
    shards: [{ shardId: SHARD, checkpointAgeMs: Number, bufferedBytes: 0 }],
  })
  await consumer.stop()
  t.same(shardsOf(consumer), [])
  t.same(
    names.filter(name => !seen.includes(name)),
    [],
  )
  t.equal(seen.filter(name => name === 'recordHandled').length, 3)
})

t.test('a busy worker writes the lease table no more often than KCL', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler } = collector()
  const failoverMs = 1_500
  const consumer = stream.consumer({ handler, failoverMs })
  await consumer.start()
  let kept = 0
  let takenAt: number | undefined
  consumer.events.on('leaseAcquired', () => {
    takenAt ??= performance.now()
  })
  consumer.events.on('checkpointed', () => kept++)
  consumer.events.on('leaseRenewed', () => kept++)
  while (kept < 16) await stream.put(numbered(10))
  const { leaseTable } = consumer.metrics()
  const elapsed = performance.now() - (takenAt ?? 0)
  const plannedByKcl = 2 * (elapsed / (failoverMs / 3 - 25))
  // Two leases created, two taken; the rest are renewals.
  t.ok(leaseTable.writes - 4 <= plannedByKcl + 1, `${leaseTable.writes - 4} writes, KCL ${plannedByKcl}`)
})
