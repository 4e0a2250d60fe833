import { once } from 'node:events'
import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import {
  ConsumerAdmin,
  type ConsumerEvents,
  type KinesisConsumer,
  type PauseOptions,
} from '../../../services/consumer/index.ts'
import {
  APPLICATION,
  collector,
  readRow,
  STREAM,
  type StreamFixture,
  shardsOf,
  startStream,
  whenever,
} from '../support.ts'

const adminOf = ({ kinesis, dynamodb }: StreamFixture) =>
  new ConsumerAdmin({ applicationName: APPLICATION, streamName: STREAM, kinesis, dynamodb })

const REQUEST = { by: 'ann', reason: 'the database is migrated' }

/** Resolves with the next event of that name. */
async function next<Name extends keyof ConsumerEvents>(
  { events }: KinesisConsumer,
  name: Name,
): Promise<ConsumerEvents[Name][0]> {
  const [event] = (await once(events, name)) as ConsumerEvents[Name]
  return event
}

const records = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ key: `key-${(from + n) % 10}`, data: String(from + n) }))

for (const fanOut of [undefined, { consumerName: 'pausing' }]) {
  const how = fanOut ? 'fan-out' : 'polling'
  t.test(`a paused application keeps its leases and reads nothing until it is resumed, with ${how}`, async t => {
    const stream = await startStream(t, { shards: 2 })
    const admin = adminOf(stream)
    const { handler, texts, until } = collector()
    const options = { handler, failoverMs: 4_000, ...(fanOut && { fanOut }) }
    const first = stream.consumer({ ...options, workerId: 'first' })
    await first.start()
    await stream.put(records(0, 20))
    await until(() => texts().length === 20)
    await whenever([first], () => first.snapshot().length === 2)

    const paused = next(first, 'paused')
    const outcome = await admin.pause(REQUEST)
    t.match(outcome, { isWorkerKnown: true, pauses: [{ scope: 'application', workerId: undefined, ...REQUEST }] })
    t.match(await paused, { scope: 'application', ...REQUEST })
    t.match(first.metrics().paused, REQUEST)
    const { fetched } = first.metrics().records

    // A worker that starts during the pause says so before anything else, and takes its share of the leases.
    const second = stream.consumer({ ...options, workerId: 'second' })
    const names: string[] = []
    for (const name of ['paused', 'leaseAcquired', 'recordsFetched'] as const)
      second.events.on(name, () => names.push(name))
    await second.start()
    await stream.put(records(20, 20))
    await whenever([first, second], () => shardsOf(first).length === 1 && shardsOf(second).length === 1)
    t.same(names, ['paused', 'leaseAcquired'])
    const counter = async () => (await readRow(stream.dynamodb, shardsOf(first)[0] ?? ''))?.leaseCounter?.N
    const before = await counter()
    await next(first, 'leaseRenewed')
    t.not(await counter(), before, 'the leases are renewed')
    t.equal(texts().length, 20, 'no record is handled')
    t.equal(first.metrics().records.fetched, fetched)
    t.equal(second.metrics().records.fetched, 0)
    t.ok((first.snapshot()[0]?.millisBehindLatest ?? 0) > 500, 'the lag grows with the time')
    t.equal(first.snapshot()[0]?.timeToDrainMs, undefined)

    const resumed = next(second, 'resumed')
    t.same((await admin.resume({ by: 'ben', reason: 'done' })).pauses, [])
    t.match(await resumed, { by: 'ben', pausedForMs: Number })
    await until(() => texts().length === 40)
    t.same(
      texts()
        .map(Number)
        .sort((a, b) => a - b),
      records(0, 40).map((_, n) => n),
      'each record once',
    )
    t.same([shardsOf(first).length, shardsOf(second).length], [1, 1])
  })
}

t.test('running handlers end during a pause, and fetched records wait in memory', async t => {
  const stream = await startStream(t, { shards: 1 })
  const admin = adminOf(stream)
  const handled: string[] = []
  const release = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  const consumer = stream.consumer({
    concurrency: 1,
    failoverMs: 4_000,
    handler: async ({ data }) => {
      started.resolve()
      await release.promise
      handled.push(Buffer.from(data).toString())
    },
  })
  await consumer.start()
  await stream.put(records(0, 5))
  await started.promise
  const paused = next(consumer, 'paused')
  await admin.pause(REQUEST)
  await paused
  release.resolve()
  await whenever([consumer], () => handled.length === 1 && consumer.snapshot()[0]?.pending === 4)
  await next(consumer, 'leaseRenewed')
  t.same(handled, ['0'], 'the running handler has ended, and no other has started')
  t.equal(consumer.metrics().bytes.buffered > 0, true)
  const checkpoint = consumer.snapshot()[0]?.checkpoint ?? ''
  t.match(checkpoint, /^\d+$/, 'its checkpoint is written')

  await consumer.stop() // Does not wait for the pause.
  const { handler, texts, until } = collector()
  const later = stream.consumer({ handler })
  const told = next(later, 'paused')
  await later.start()
  t.match(await told, REQUEST, 'the pause survives a restart')
  await whenever([later], () => shardsOf(later).length === 1)
  await admin.resume(REQUEST)
  await until(() => texts().length === 4)
  t.same(texts(), ['1', '2', '3', '4'])
})

t.test('one worker of two is paused, and stays paused when the application is resumed', async t => {
  const stream = await startStream(t, { shards: 2 })
  const admin = adminOf(stream)
  const [one, two] = [collector(), collector()]
  const first = stream.consumer({ handler: one.handler, workerId: 'first' })
  const second = stream.consumer({ handler: two.handler, workerId: 'second' })
  await Promise.all([first.start(), second.start()])
  await whenever([first, second], () => shardsOf(first).length === 1 && shardsOf(second).length === 1)

  const paused = next(first, 'paused')
  t.match(await admin.pause({ ...REQUEST, workerId: 'first' }), { isWorkerKnown: true })
  t.match(await paused, { scope: 'worker' })
  t.match(await admin.pause({ ...REQUEST, workerId: 'typo' }), { isWorkerKnown: false, wasPaused: false })
  t.match(await admin.pause({ ...REQUEST, workerId: 'typo' }), { isWorkerKnown: false, wasPaused: true })
  const rowBefore = await readRow(stream.dynamodb, shardsOf(first)[0] ?? '')
  t.match(await admin.resume(REQUEST), { wasPaused: false, pauses: [{ workerId: 'first' }, { workerId: 'typo' }] })
  const rowAfter = await readRow(stream.dynamodb, shardsOf(first)[0] ?? '')
  t.equal(rowAfter?.headgatePause?.S, rowBefore?.headgatePause?.S, 'a resume of what is not paused writes nothing')
  await stream.put(records(0, 40))
  await two.until(() => two.records.length > 5)
  t.equal(one.records.length, 0)
  t.equal(second.paused, undefined)
  t.match(await admin.status(), { pauses: [{ workerId: 'first' }, { workerId: 'typo' }] })
  t.match(await admin.resume({ ...REQUEST, workerId: 'first' }), { isWorkerKnown: true, wasPaused: true })
  await one.until(() => one.records.length + two.records.length === 40)
})

t.test('a pause that reached only one row holds, and reaches new and outdated rows through the workers', async t => {
  const stream = await startStream(t, { shards: 2 })
  const admin = adminOf(stream)
  const { handler } = collector()
  const consumer = stream.consumer({ handler, failoverMs: 4_000 })
  await consumer.start()
  await whenever([consumer], () => shardsOf(consumer).length === 2)
  const [one = '', other = ''] = shardsOf(consumer)
  const paused = next(consumer, 'paused')
  await admin.pause(REQUEST)
  await paused

  // As if the pause had been interrupted after its first row.
  const remove = new UpdateItemCommand({
    TableName: APPLICATION,
    Key: { leaseKey: { S: other } },
    UpdateExpression: 'REMOVE headgatePause',
  })
  await stream.dynamodb.send(remove)
  const pauseIn = async (leaseKey: string) => (await readRow(stream.dynamodb, leaseKey))?.headgatePause?.S
  await whenever([consumer], () => consumer.metrics().leases.held === 2)
  while ((await pauseIn(other)) === undefined) await next(consumer, 'leaseRenewed')

  await stream.dynamodb.send(new DeleteItemCommand({ TableName: APPLICATION, Key: { leaseKey: { S: one } } }))
  while ((await readRow(stream.dynamodb, one)) === undefined) await next(consumer, 'leaseRenewed')
  t.equal(await pauseIn(one), await pauseIn(other), 'the row that the worker creates again has the pause')
  t.match(await admin.status(), { pauses: [REQUEST] })
})

t.test('a program pauses and resumes its own worker', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, workerId: 'w', failoverMs: 4_000 })
  const paused = next(consumer, 'paused')
  t.throws(() => consumer.pause({ reasons: 'the cache is cold' } as PauseOptions), {
    code: 'CONSUMER_OPTION',
    message: /Did you mean 'reason'\?/,
  })
  t.equal(consumer.paused, undefined)
  consumer.pause({ reason: 'the cache is cold' })
  consumer.pause()
  t.match(await paused, { scope: 'process', by: 'w', reason: 'the cache is cold' })
  await consumer.start()
  await stream.put(records(0, 3))
  await whenever([consumer], () => shardsOf(consumer).length === 1)
  await next(consumer, 'leaseRenewed')
  t.equal(consumer.metrics().records.fetched, 0)
  const resumed = next(consumer, 'resumed')
  consumer.resume()
  consumer.resume()
  t.match(await resumed, { by: 'w' })
  await until(() => texts().length === 3)
  t.equal(consumer.paused, undefined)
})

t.test('an application without leases cannot be paused, and a pause needs who and why', async t => {
  const stream = await startStream(t, { shards: 1 })
  const admin = adminOf(stream)
  await t.rejects(admin.pause(REQUEST), { code: 'CONSUMER_LEASE_TABLE_MISSING' })
  await stream.createTable(APPLICATION, 'leaseKey')
  await t.rejects(admin.pause(REQUEST), { code: 'CONSUMER_PAUSE', message: /has no leases.*Start a worker first/ })
  await t.rejects(admin.pause({ by: '', reason: 'x' }), { message: /The by of a pause must be a text/ })
  await t.rejects(admin.pause({ by: 'a', reason: ' ' }), { message: /The reason of a pause must be a text/ })
  await t.rejects(admin.resume({ by: 'a', reason: 'b', workerId: 'x'.repeat(256) }), { message: /The workerId of/ })
})
