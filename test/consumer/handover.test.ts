import { setTimeout as pass } from 'node:timers/promises'
import { ConditionalCheckFailedException, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import type { ConsumerEvents, KinesisConsumer } from '../../services/consumer/index.ts'
import { APPLICATION, collector, readRow, shardsOf, startStream, textOf, whenever } from './support.ts'

const numbered = (count: number, keys: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i % keys}`, data: `${i % keys}:${i}` }))

/** The reasons for which a worker has lost leases so far. */
function lossesOf(consumer: KinesisConsumer): string[] {
  const reasons: string[] = []
  consumer.events.on('leaseLost', ({ reason }: ConsumerEvents['leaseLost'][0]) => reasons.push(reason))
  return reasons
}

t.test('a new worker receives its share of leases, and no record is handled twice', async t => {
  const stream = await startStream(t, { shards: 4 })
  const { handler, records, texts, until } = collector()
  const sent = numbered(200, 20)
  await stream.put(sent)
  const a = stream.consumer({
    handler: async record => {
      await pass(5) // A record is always in flight.
      await handler(record)
    },
  })
  const losses = lossesOf(a)
  await a.start()
  await until(() => records.length >= 40)
  const b = stream.consumer({ handler })
  await b.start()
  await whenever([a, b], () => shardsOf(a).length === 2 && shardsOf(b).length === 2)
  await stream.put(numbered(100, 20).map(({ key, data }) => ({ key, data: `more:${data}` })))
  await until(() => new Set(texts()).size === 300)
  t.same(losses, ['released', 'released'], 'they were given, not taken')
  t.equal(records.length, 300, 'no record came twice')
})

t.test('a handover waits for the running handler, and the new worker continues after it', async t => {
  const stream = await startStream(t, { shards: 2 })
  const running = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const first = collector()
  const a = stream.consumer({
    handler: async record => {
      running.resolve()
      await finish.promise
      await first.handler(record)
    },
    concurrency: 1,
    failoverMs: 20_000,
  })
  await stream.put(Array.from({ length: 20 }, (_, i) => ({ key: `key-${i}`, data: `${i}` })))
  await a.start()
  await running.promise
  await whenever([a], () => shardsOf(a).length === 2)
  const second = collector()
  const b = stream.consumer({ handler: second.handler, failoverMs: 20_000 })
  await b.start()
  await pass(500)
  t.same(shardsOf(b), [], 'it has asked, and waits')
  finish.resolve()
  await whenever([b], () => shardsOf(b).length === 1)
  await second.until(() => first.records.length + second.records.length >= 20)
  const all = [...first.records, ...second.records].map(textOf)
  t.equal(new Set(all).size, 20)
  t.equal(all.length, 20, 'no record came twice')
})

t.test('an owner that scans rarely sees a request when it renews the lease', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler } = collector()
  const failoverMs = 2_000
  const owner = stream.consumer({ handler, failoverMs, scanIntervalMs: 60_000 })
  const losses = lossesOf(owner)
  await owner.start()
  await whenever([owner], () => shardsOf(owner).length === 2)
  const b = stream.consumer({ handler, failoverMs })
  await b.start()
  await whenever([b, owner], () => shardsOf(b).length === 1 && shardsOf(owner).length === 1)
  t.same(losses, ['released'])
})

t.test('an owner that ignores a request, as a KCL worker does, loses the lease after the failover time', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler } = collector()
  const failoverMs = 2_000
  const a = stream.consumer({ handler, failoverMs })
  await a.start()
  await whenever([a], () => shardsOf(a).length === 2)
  const leaseKeys = shardsOf(a)
  await a.stop()
  // KCL takes and renews a lease by these attributes, and keeps the others.
  const renew = (leaseKey: string, condition: string) =>
    stream.dynamodb.send(
      new UpdateItemCommand({
        TableName: APPLICATION,
        Key: { leaseKey: { S: leaseKey } },
        UpdateExpression: 'SET leaseOwner = :java, leaseCounter = leaseCounter + :one',
        ConditionExpression: condition,
        ExpressionAttributeValues: { ':java': { S: 'java' }, ':one': { N: '1' } },
      }),
    )
  for (const leaseKey of leaseKeys) await renew(leaseKey, 'attribute_not_exists(leaseOwner)')
  const isLost = (error: unknown) => t.ok(error instanceof ConditionalCheckFailedException, 'the lease was taken')
  const renewing = setInterval(() => {
    for (const leaseKey of leaseKeys) renew(leaseKey, 'leaseOwner = :java').catch(isLost)
  }, failoverMs / 5)
  t.teardown(() => clearInterval(renewing))
  const b = stream.consumer({ handler, failoverMs })
  const from: unknown[] = []
  b.events.on('leaseAcquired', event => void from.push(event.from))
  await b.start()
  await whenever([b], () => shardsOf(b).length === 1)
  clearInterval(renewing)
  t.same(from, ['java'], 'one of the two')
})

t.test('the owner of a deleted row writes it again with its progress', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler, texts, until } = collector()
  const consumer = stream.consumer({ handler, scanIntervalMs: 200 })
  await stream.put(numbered(10, 2))
  await consumer.start()
  await until(() => texts().length === 10)
  await stream.deleteRow('shardId-000000000000')
  await stream.put([{ key: 'a', data: 'later' }])
  await until(() => texts().includes('later'))
  await consumer.stop()
  t.equal(texts().length, 11, 'nothing came twice')
  t.ok(await readRow(stream.dynamodb, 'shardId-000000000000'))
})
