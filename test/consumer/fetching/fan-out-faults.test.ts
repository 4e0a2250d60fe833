import t from 'tap'
import { fetchByFanOut } from '../../../services/consumer/fetching/fan-out.ts'
import { startStream, textOf } from '../support.ts'
import { fastClock, reading, take, throughProxy } from './support.ts'

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ key: `key-${i % 7}`, data: `${from + i}` }))
const texts = (from: number, to: number) => numbered(from, to).map(record => record.data)

t.test('a broken subscription continues after the last record, without lost or repeated records', async t => {
  const stream = await startStream(t, { shards: 1 })
  const proxy = await throughProxy(t, stream)
  const settings = reading(t, proxy)
  const replies = fetchByFanOut(settings)
  await stream.put(numbered(0, 5))
  const seen = await take(replies, 5)
  proxy.cut()
  await stream.put(numbered(5, 10))
  seen.push(...(await take(replies, 5)))
  t.same(seen.map(textOf), texts(0, 10))
  t.ok(settings.faults.length >= 1, 'and it is told of')
})

t.test('a subscription with only empty events continues after the last continuation', async t => {
  const stream = await startStream(t, { shards: 1 })
  const proxy = await throughProxy(t, stream)
  const from = { sequenceNumber: 'LATEST', subSequenceNumber: 0 }
  const replies = fetchByFanOut(reading(t, proxy, { from }))
  const first = await replies.next()
  t.match(first, { done: false, value: { records: [], millisBehindLatest: 0 } })
  proxy.cut()
  await stream.put(numbered(0, 3)) // Put while nobody is subscribed, so the next LATEST would skip them.
  t.same((await take(replies, 3)).map(textOf), texts(0, 3))
})

t.test('a half-open subscription is closed after a timeout and opened again', async t => {
  const stream = await startStream(t, { shards: 1 })
  const proxy = await throughProxy(t, stream)
  const settings = reading(t, proxy, { clock: fastClock(20) })
  const replies = fetchByFanOut(settings)
  await stream.put(numbered(0, 5))
  await take(replies, 5)
  proxy.hang()
  await stream.put(numbered(5, 10))
  t.same((await take(replies, 5)).map(textOf), texts(5, 10))
  const silent = settings.faults.filter(({ message }) => /silent for 40000 ms/.test(message))
  t.match(silent, [{ code: 'CONSUMER_STREAM_REPLY' }])
})

t.test('SubscribeToShard is retried with backoff while another subscription of the consumer exists', async t => {
  const stream = await startStream(t, { shards: 1 })
  const first = reading(t, stream)
  const second = { ...reading(t, stream), stream: first.stream }
  await stream.put(numbered(0, 5))
  const holding = fetchByFanOut(first)
  await take(holding, 5)
  const refused = Promise.withResolvers<void>()
  const calls: number[] = []
  const onFault = (_: string, error: unknown) => {
    calls.push(second.clock.now())
    t.match(error, { name: 'ResourceInUseException' })
    if (calls.length === 2) refused.resolve()
  }
  const waiting = take(fetchByFanOut({ ...second, onFault }), 5)
  await refused.promise
  const [one = 0, two = 0] = calls
  t.ok(two - one >= 950, 'not faster than one a second')
  first.stop()
  await holding.next()
  t.same((await waiting).map(textOf), texts(0, 5))
})
