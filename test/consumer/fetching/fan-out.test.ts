import { SplitShardCommand, waitUntilStreamExists } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { fetchByFanOut } from '../../../services/consumer/fetching/fan-out.ts'
import { fetchShard } from '../../../services/consumer/fetching/fetch-shard.ts'
import { until } from '../../support/processes.ts'
import { STREAM, type StreamFixture, startStream, textOf } from '../support.ts'
import { fastClock, reading, SHARD, take, throughProxy } from './support.ts'

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ key: `key-${i % 7}`, data: `${from + i}` }))
const texts = (from: number, to: number) => numbered(from, to).map(record => record.data)

async function split({ kinesis }: Pick<StreamFixture, 'kinesis'>): Promise<void> {
  const NewStartingHashKey = String(2n ** 127n)
  await kinesis.send(new SplitShardCommand({ StreamName: STREAM, ShardToSplit: SHARD, NewStartingHashKey }))
  await waitUntilStreamExists(
    { client: kinesis, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 },
    { StreamName: STREAM },
  )
}

t.test('fan-out and polling return the same records from every position', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put(numbered(0, 30))
  const all = await take(fetchShard(reading(t, stream)), 30)
  await new Promise(resolve => setTimeout(resolve, 5)) // Kinesis has times in milliseconds.
  const startAt = Date.now()
  await stream.put(numbered(30, 40))

  const from = { sequenceNumber: all[10]?.sequenceNumber ?? '', subSequenceNumber: 0 }
  const timestamp = { from: { sequenceNumber: 'AT_TIMESTAMP', subSequenceNumber: 0 }, startAt }
  for (const [place, count] of [
    [{}, 40],
    [{ from }, 30],
    [timestamp, 10],
  ] as const) {
    const polled = await take(fetchShard(reading(t, stream, place)), count)
    const pushed = await take(fetchByFanOut(reading(t, stream, place)), count)
    t.same(pushed, polled)
    t.same(pushed.map(textOf), texts(40 - count, 40))
  }
})

t.test('nothing is read without room in the budget, and a subscription that stays unread is closed', async t => {
  const stream = await startStream(t, { shards: 1 })
  const proxy = await throughProxy(t, stream)
  const settings = reading(t, proxy, { clock: fastClock(15) })
  const replies = fetchByFanOut(settings)
  await stream.put(numbered(0, 5))
  await take(replies, 5)
  settings.budget.add(2 ** 30)
  const opened = proxy.opened()
  let came = false
  const next = take(replies, 5).then(records => {
    came = true
    return records
  })
  await stream.put(numbered(5, 10))
  await until(() => proxy.open() === 0, { what: 'the end of the connection' })
  t.equal(proxy.opened(), opened)
  t.notOk(came)
  settings.budget.free(2 ** 30)
  t.same((await next).map(textOf), texts(5, 10))
})

t.test('the signal closes the connection at once, also while no event is requested', async t => {
  const stream = await startStream(t, { shards: 1 })
  await stream.put(numbered(0, 1))
  for (const asked of [true, false]) {
    const proxy = await throughProxy(t, stream)
    const settings = reading(t, proxy, { clock: fastClock(4) })
    const replies = fetchByFanOut(settings)
    await take(replies, 1)
    const pending = asked ? replies.next() : undefined
    t.ok(proxy.open() > 0)
    settings.stop()
    await until(() => proxy.open() === 0, { what: 'the end of the connection' })
    t.same(await (pending ?? replies.next()), { done: true, value: undefined })
    t.same(settings.faults, [])
  }
})

t.test('a closed shard returns its children after its last record', async t => {
  for (const before of [true, false]) {
    const stream = await startStream(t, { shards: 1 })
    const settings = reading(t, stream, { clock: fastClock(10) })
    const replies = fetchByFanOut(settings)
    await stream.put(numbered(0, 20))
    const seen: string[] = []
    if (!before) seen.push(...(await take(replies, 20)).map(textOf))
    await split(stream)
    let next = await replies.next()
    for (; !next.done; next = await replies.next()) seen.push(...next.value.records.map(textOf))
    t.same(seen, texts(0, 20))
    t.same(
      next.value?.map(child => child.shardId),
      ['shardId-000000000001', 'shardId-000000000002'],
    )
  }
})
