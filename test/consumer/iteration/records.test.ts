import t from 'tap'
import { DecodeError, type IteratedRecord, LeaseLostError } from '../../../services/consumer/index.ts'
import { APPLICATION, collector, readRow, shardsOf, startStream, textOf, whenever } from '../support.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `key-${i % 3}`, data: `${i}` }))

t.test('a loop reads every record, and after a break a new worker continues after the committed ones', async t => {
  const stream = await startStream(t, { shards: 2 })
  await stream.put(numbered(30))
  const first = stream.consumer({})
  const seen: string[] = []
  for await (const record of first.records()) {
    seen.push(textOf(record))
    if (seen.length === 20) break // This record is not committed.
    t.equal(record.commit(), true)
  }
  t.equal(first.state, 'stopped', 'leaving the loop has stopped the consumer')
  t.same(shardsOf(first), [])

  const rest: string[] = []
  for await (const record of stream.consumer({}).records()) {
    rest.push(textOf(record))
    record.commit()
    if (rest.length === 11) break
  }
  const committed = seen.slice(0, 19)
  t.same(
    rest.filter(text => committed.includes(text)),
    [],
    'no committed record comes again',
  )
  t.ok(rest.includes(seen[19] ?? ''), 'the uncommitted record comes again')
  for (const all of [seen, rest]) {
    for (const key of [0, 1, 2]) {
      const ofKey = all.map(Number).filter(n => n % 3 === key)
      t.same(
        ofKey,
        ofKey.toSorted((a, b) => a - b),
        'in order within the key',
      )
    }
  }
})

t.test('a stop ends the loop after the record in work', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put(numbered(3))
  const consumer = stream.consumer({})
  const seen: string[] = []
  let stopping: Promise<void> | undefined
  for await (const record of consumer.records()) {
    seen.push(textOf(record))
    stopping = consumer.stop()
    await new Promise(setImmediate)
    t.equal(record.commit(), true, 'the stop waits for it')
  }
  await stopping
  t.same(seen, ['0'])
  t.match(await readRow(stream.dynamodb, 'shardId-000000000000'), { checkpoint: { S: /^\d+$/ } })
})

t.test('checkpoint writes the progress at once, from a loop and from a handler', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put(numbered(3))
  const written = async () => (await readRow(stream.dynamodb, 'shardId-000000000000'))?.checkpoint?.S
  const loop = stream.consumer({ failoverMs: 300_000 }) // The next renewal is far away.
  for await (const record of loop.records()) {
    record.commit()
    await Promise.all([record.checkpoint(), record.checkpoint()])
    t.equal(await written(), record.sequenceNumber)
    if (textOf(record) === '2') break
  }

  await stream.put(numbered(2))
  const { handler, records, until } = collector()
  const found: unknown[] = []
  const consumer = stream.consumer({
    failoverMs: 300_000,
    concurrency: 1,
    handler: async (record, context) => {
      await context.checkpoint()
      found.push(await written())
      await handler(record)
    },
  })
  await consumer.start()
  await until(() => records.length === 2)
  t.equal(found[1], records[0]?.sequenceNumber, 'the progress before the second record')
})

t.test('a checkpoint after the lease was lost rejects', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put(numbered(1))
  const consumer = stream.consumer({})
  for await (const record of consumer.records()) {
    await stream.deleteRow('shardId-000000000000')
    await whenever([consumer], () => true)
    await consumer.stop({ isCrash: true })
    t.equal(record.signal.aborted, true)
    t.equal(record.commit(), false)
    await t.rejects(record.checkpoint(), LeaseLostError)
  }
})

t.test('a record that cannot be decoded throws where its value is read, and can be committed', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put([
    { key: 'a', data: 'broken' },
    { key: 'a', data: '{"id":7}' },
  ])
  const consumer = stream.consumer({ decode: (data): { id: number } => JSON.parse(Buffer.from(data).toString()) })
  const ids: number[] = []
  for await (const record of consumer.records()) {
    if (textOf(record) === 'broken') t.throws(() => record.value, DecodeError)
    else ids.push(record.value.id)
    record.commit()
    if (ids.length > 0) break
  }
  t.same(ids, [7])
})

t.test('an error in the loop, a stream that does not exist and wrong calls reject clearly', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put(numbered(1))
  const failing = stream.consumer({})
  const loop = async (records: AsyncIterable<IteratedRecord>) => {
    for await (const record of records) throw new Error(`cannot handle ${textOf(record)}`)
  }
  await t.rejects(loop(failing.records()), /cannot handle 0/)
  t.equal(failing.state, 'stopped')

  await t.rejects(loop(stream.consumer({ streamName: 'no-such-stream' }).records()), {
    code: 'CONSUMER_STREAM_MISSING',
  })

  const consumer = stream.consumer({})
  await t.rejects(consumer.start(), { code: 'CONSUMER_USAGE', message: /has no handler\. Pass 'handler'/ })
  consumer.records()
  t.throws(() => consumer.records(), { code: 'CONSUMER_USAGE', message: /called before/ })
  const handling = stream.consumer({ handler: async () => undefined, applicationName: APPLICATION })
  t.throws(() => handling.records(), { code: 'CONSUMER_USAGE', message: /has a handler/ })
})

t.test('a duplicate worker ends the loop with its error', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler } = collector()
  const first = stream.consumer({ handler, workerId: 'the same', failoverMs: 2_000 })
  await first.start()
  await whenever([first], () => shardsOf(first).length === 1)
  const second = stream.consumer({ workerId: 'the same', failoverMs: 2_000 })
  const loop = async () => {
    for await (const record of second.records()) record.commit()
  }
  await t.rejects(loop(), { code: 'CONSUMER_DUPLICATE_WORKER' })
})
