import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { decodeEvent } from '../../services/uploads/events/decode-event.ts'
import { startAws } from '../support/aws.ts'
import { operation } from '../support/fault-proxy.ts'
import { hold, pass, silence } from '../support/faults/faults.ts'
import type { PutRecordsEntry } from '../support/faults/refuse-records.ts'
import { readStream } from '../support/stream.ts'
import { events, startPublisher, timesOnStream } from './publishing.ts'

const aws = await startAws(t)
const isPut = operation('PutRecords')

t.test('an event is on the stream when publish resolves, with its upload id as the partition key', async t => {
  const { publisher, proxy } = await startPublisher(t, aws)
  const [event] = events(1)
  if (!event) return t.fail()
  await publisher.publish(event)
  const records = await readStream(aws.kinesis, names.stream)
  const [record] = records.filter(({ PartitionKey }) => PartitionKey === event.uploadId)
  t.strictSame(decodeEvent(record?.Data ?? new Uint8Array()), event)
  t.same(proxy.counts(), { 'Kinesis_20131202.PutRecords': 1 })
})

t.test('events that are published together are sent in requests of up to 500', async t => {
  const { publisher, proxy } = await startPublisher(t, aws)
  const published = events(1_200)
  await Promise.all(published.map(event => publisher.publish(event)))
  t.equal(proxy.count(isPut), 3)
  t.same(await timesOnStream(aws, published), { 1: 1_200 })
})

t.test('events that arrive while all requests are in flight share the next request', async t => {
  const { publisher, proxy } = await startPublisher(t, aws, { maxRequests: 1 })
  const gate = Promise.withResolvers<void>()
  const held = proxy.inject(hold(gate.promise), { times: 1 })
  const published = events(101)
  const settled = published.slice(0, 1).map(event => publisher.publish(event))
  await held.reached()
  for (const event of published.slice(1)) {
    settled.push(publisher.publish(event))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(proxy.count(isPut), 1, 'one request is in flight')
  gate.resolve()
  await Promise.all(settled)
  t.equal(proxy.count(isPut), 2)
  t.same(await timesOnStream(aws, published), { 1: 101 })
})

t.test('at most maxRequests requests are in flight', async t => {
  const { publisher, proxy } = await startPublisher(t, aws, { maxRequests: 3 })
  let now = 0
  let max = 0
  proxy.inject(async exchange => {
    max = Math.max(max, ++now)
    await pass(exchange)
    now--
  })
  await Promise.all(events(1_600).map(event => publisher.publish(event)))
  t.equal(proxy.count(isPut), 4)
  t.equal(max, 3)
})

t.test('a request has at most 5 MiB, and larger events make smaller batches', async t => {
  const { publisher, proxy } = await startPublisher(t, aws, { timeoutMs: 3_000 })
  const sizes: number[] = []
  // The embedded Kinesis would take seconds for 10 MB. The test only needs the requests.
  proxy.inject(async exchange => {
    const { Records } = JSON.parse((await exchange.body()).toString()) as { Records: PutRecordsEntry[] }
    sizes.push(
      Records.reduce((sum, { Data, PartitionKey }) => sum + Buffer.byteLength(Data, 'base64') + PartitionKey.length, 0),
    )
    await silence(exchange)
  })
  const large = events(100).map(event => ({ ...event, requestId: 'x'.repeat(100_000) }))
  await Promise.allSettled(large.map(event => publisher.publish(event)))
  t.equal(sizes.length, 2, '10 MB')
  t.ok(Math.max(...sizes) <= 5 * 1024 ** 2, 'no larger')
  t.ok(Math.max(...sizes) > 5_000_000, 'and filled')
})

t.test('an event that is too large for any request fails and does not delay others', async t => {
  const { publisher } = await startPublisher(t, aws, { timeoutMs: 2_000 })
  const [large, ...others] = events(4)
  if (!large) return t.fail()
  const refused = publisher.publish({ ...large, requestId: 'x'.repeat(6 * 1024 ** 2) })
  const rejected = t.rejects(refused, { code: 'HEADGATE_EVENT_NOT_PUBLISHED' })
  await Promise.all(others.map(event => publisher.publish(event)))
  await rejected
})
