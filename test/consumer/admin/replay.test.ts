import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { SplitShardCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { prepareApplication } from '../../../services/consumer/admin/replay.ts'
import { isShardEnd } from '../../../services/consumer/checkpoint.ts'
import { ConsumerAdmin, ReplayError } from '../../../services/consumer/index.ts'
import { leaseWith, ModelLeaseStore } from '../leases/support.ts'
import { APPLICATION, collector, STREAM, type StreamFixture, startStream, whenever } from '../support.ts'
import { fakeStream } from './fake-stream.ts'

const adminOf = ({ kinesis, dynamodb }: StreamFixture, applicationName = APPLICATION) =>
  new ConsumerAdmin({ applicationName, streamName: STREAM, kinesis, dynamodb })

const letters = (...keys: string[]) => keys.map(key => ({ key, data: key }))

/** Runs a worker until it has handled this many records, and returns them sorted. */
async function handle(stream: StreamFixture, count: number, applicationName = APPLICATION): Promise<string> {
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, applicationName })
  await consumer.start()
  await until(() => texts().length >= count)
  await consumer.stop()
  return texts().sort().join(' ')
}

/** Returns a time between the earlier and the later records, by the clock of the stream, which is the local one. */
async function moment(): Promise<Date> {
  await wait(20)
  const at = new Date()
  await wait(20)
  return at
}

t.test('a replay delivers all records since a given time to the workers that take the leases', async t => {
  const stream = await startStream(t, { shards: 2 })
  const admin = adminOf(stream)
  await stream.put(letters('a', 'b', 'c', 'd'))
  const at = await moment()
  await stream.put(letters('e', 'f', 'g', 'h'))
  t.equal(await handle(stream, 8), 'a b c d e f g h')

  const plans = await admin.planReplay({ at })
  t.ok(plans.some(({ change }) => change === 'move'))
  for (const plan of plans) t.equal(await admin.replay(plan, at), plan.change === 'move')
  t.equal(await handle(stream, 4), 'e f g h')

  const again = await admin.planReplay({ at })
  for (const plan of again) await admin.replay(plan, at)
  t.notOk(
    (await admin.planReplay({ at })).some(({ change }) => change !== 'none'),
    'put back is put back',
  )
})

t.test(
  'the estimate of a replay counts the records since the given time, and gives a range if it reads only a sample',
  async t => {
    const stream = await startStream(t, { shards: 1 })
    const admin = adminOf(stream)
    await stream.put(letters('a', 'b'))
    const at = await moment()
    await stream.put(letters('c', 'd', 'e'))
    await handle(stream, 5)
    const plans = await admin.planReplay({ at })
    const exact = await admin.estimateReplay(plans)
    t.match([...exact.values()], [{ records: 3, minRecords: 3, maxRecords: 3 }])

    const arrivedAt = await moment()
    for (let batch = 0; batch < 60; batch++) {
      await stream.put(letters(...'abcdefghij'))
      await wait(50)
    }
    // About the same arrives all the time, so a part of the records shows how many there are.
    const later = plans.map(plan => ({ ...plan, first: plan.first && { ...plan.first, arrivedAt } }))
    const [sampled] = (await admin.estimateReplay(later)).values()
    if (!sampled) throw new Error('There is no estimate.')
    const { records, minRecords, maxRecords } = sampled
    t.ok(records > 300 && records < 1_200, `${records} is about 600`)
    t.ok(100 <= minRecords && minRecords < records && records < maxRecords, `${minRecords} to ${maxRecords} is a range`)
    t.ok(sampled.minDurationMs > 0)

    const unmoved = await admin.estimateReplay(await admin.planReplay({ at: new Date() }))
    t.equal(unmoved.size, 0, 'a shard that does not move has no estimate')
  },
)

t.test('a worker loses a lease that is reset, and does not overwrite the new checkpoint', async t => {
  const stream = await startStream(t, { shards: 1 })
  const admin = adminOf(stream)
  const at = await moment()
  await stream.put(letters('a', 'b'))
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, failoverMs: 3_000 })
  const lost = once(consumer.events, 'leaseLost')
  await consumer.start()
  await whenever([consumer], () => /^\d/.test(consumer.snapshot()[0]?.checkpoint ?? '') && texts().length === 2)

  const [plan] = await admin.planReplay({ at })
  t.match(plan, { change: 'move', lease: { leaseOwner: consumer.workerId } })
  t.strictSame(await admin.liveOwners(3_000), new Set(['shardId-000000000000']))
  if (plan) t.ok(await admin.replay(plan, at))
  // This or another worker takes the free lease, and starts at the given time.
  await lost
  await until(() => texts().length >= 4)
  t.equal(texts().slice(0, 4).join(' '), 'a b a b')
})

t.test('a replay delivers shards that have ended in the meantime before their children', async t => {
  const stream = await startStream(t, { shards: 1 })
  const admin = adminOf(stream)
  const at = await moment()
  await stream.put([
    { key: 'k', data: '1 before the split' },
    { key: 'l', data: '1 before the split' },
  ])
  const { handler, until, texts } = collector()
  const consumer = stream.consumer({ handler, shardSyncIntervalMs: 1_000 })
  await consumer.start()
  await until(() => texts().length === 2)
  await stream.kinesis.send(
    new SplitShardCommand({
      StreamName: STREAM,
      ShardToSplit: 'shardId-000000000000',
      NewStartingHashKey: (2n ** 127n).toString(),
    }),
  )
  await whenever([consumer], () => consumer.snapshot().length === 2)
  await stream.put([
    { key: 'k', data: '2 after it' },
    { key: 'l', data: '2 after it' },
  ])
  await until(() => texts().length === 4)
  await consumer.stop()

  for (const plan of await admin.planReplay({ at })) await admin.replay(plan, at)
  t.notOk((await admin.leases()).some(({ checkpoint }) => isShardEnd(checkpoint)))
  const replayed = collector()
  const next = stream.consumer({ handler: replayed.handler })
  await next.start()
  await replayed.until(() => replayed.texts().length === 4)
  for (const key of ['k', 'l']) {
    const order = replayed.records.filter(({ partitionKey }) => partitionKey === key).map(({ data }) => String(data))
    t.strictSame(order, ['1 before the split', '2 after it'])
  }
  await next.stop()
})

t.test(
  'an application that another process creates at the same time is prepared only if it starts at the given time',
  async t => {
    const whole = { startingHashKey: '0', endingHashKey: String(2n ** 128n - 1n), startingSequenceNumber: undefined }
    const listShards = async () => ['1', '2'].map(shardId => ({ shardId, parentShardIds: [], closed: false, ...whole }))
    const at = new Date(1_700_000_000_000)
    for (const other of [at.getTime(), at.getTime() + 1]) {
      const store = new ModelLeaseStore()
      store.list = async () => {
        store.rows.set('1', leaseWith({ leaseKey: '1', startAt: other })) // Created after this read.
        return []
      }
      const { stream, clock } = fakeStream([])
      const preparing = prepareApplication(at, { store, stream: { ...stream, listShards }, clock })
      if (other === at.getTime()) t.same(await preparing, ['1', '2'])
      else await t.rejects(preparing, { code: 'CONSUMER_REPLAY', message: /already has leases/ })
      t.equal(store.rows.has('2'), other === at.getTime())
    }
  },
)

t.test('a prepared application starts at the given time, and the original one is unchanged', async t => {
  const stream = await startStream(t, { shards: 2 })
  await stream.put(letters('a', 'b', 'c'))
  const at = await moment()
  await stream.put(letters('d', 'e'))
  await handle(stream, 5)
  const before = await adminOf(stream).leases()
  const other = adminOf(stream, 'second-application')
  t.equal((await other.prepare(at)).length, 2)
  t.equal(await handle(stream, 2, 'second-application'), 'd e')
  t.strictSame(await adminOf(stream).leases(), before)
  await t.rejects(other.prepare(at), ReplayError)
})

t.test('momentOf returns the time of a record, and rejects for an unknown one', async t => {
  const stream = await startStream(t, { shards: 1 })
  const admin = adminOf(stream)
  await stream.put(letters('a', 'b'))
  const { handler, records, until } = collector()
  const consumer = stream.consumer({ handler })
  await consumer.start()
  await until(() => records.length === 2)
  await consumer.stop()
  const [, second] = records
  t.strictSame(await admin.momentOf('shardId-000000000000', second?.sequenceNumber ?? ''), second?.arrivedAt)
  await t.rejects(admin.momentOf('shardId-000000000000', '7'), { code: 'CONSUMER_REPLAY' })
  await t.rejects(admin.planReplay({ at: new Date(), shardIds: ['shardId-9'] }), {
    message: /does not have the shard 'shardId-9'/,
  })
})
