import t from 'tap'
import { EventNotPublishedError } from '../../services/uploads/errors.ts'
import { startAws } from '../support/aws.ts'
import { operation } from '../support/fault-proxy.ts'
import { internalError, throttled } from '../support/faults/aws-errors.ts'
import { loseReply, reset, silence } from '../support/faults/faults.ts'
import { type PutRecordsEntry, refuseRecords } from '../support/faults/refuse-records.ts'
import { events, startPublisher, timesOnStream } from './publishing.ts'

const aws = await startAws(t)
const isPut = operation('PutRecords')

t.test('only the entries that Kinesis rejects are sent again, until it accepts them', async t => {
  const { publisher, proxy } = await startPublisher(t, aws)
  const published = events(60)
  const busy = new Set(published.filter((_, index) => index % 3 === 0).map(({ uploadId }) => uploadId))
  const sent: string[] = []
  const isRefused = ({ PartitionKey }: PutRecordsEntry) => {
    sent.push(PartitionKey)
    return busy.has(PartitionKey) && sent.filter(key => key === PartitionKey).length <= 2
  }
  proxy.inject(refuseRecords(isRefused), { when: isPut })
  await Promise.all(published.map(event => publisher.publish(event)))
  t.same(await timesOnStream(aws, published), { 1: 60 })
  const tries = published.map(({ uploadId }) => sent.filter(key => key === uploadId).length)
  t.same(
    tries,
    published.map(({ uploadId }) => (busy.has(uploadId) ? 3 : 1)),
  )
})

t.test('publish resolves for accepted entries while rejected entries of the same request are retried', async t => {
  const { publisher, proxy } = await startPublisher(t, aws)
  const [lucky, unlucky] = events(2)
  if (!lucky || !unlucky) return t.fail()
  const busy = proxy.inject(refuseRecords(({ PartitionKey }) => PartitionKey === unlucky.uploadId))
  let settled = false
  const late = publisher.publish(unlucky).then(() => {
    settled = true
  })
  await publisher.publish(lucky)
  await busy.reached(2)
  t.notOk(settled)
  busy.remove()
  await late
  t.same(await timesOnStream(aws, [lucky, unlucky]), { 1: 2 })
})

for (const [name, fault, times] of [
  ['throttled', throttled('kinesis'), 5],
  ['answered with an internal error', internalError('kinesis'), 5],
  ['reset', reset, 5],
] as const) {
  t.test(`a request that is ${name} is retried more often than by the SDK`, async t => {
    const { publisher, proxy } = await startPublisher(t, aws)
    const injected = proxy.inject(fault, { when: isPut, times })
    const published = events(20)
    await Promise.all(published.map(event => publisher.publish(event)))
    t.equal(injected.hits, times)
    t.same(await timesOnStream(aws, published), { 1: 20 })
  })
}

t.test('after a lost response events are sent again, so they may be on the stream twice', async t => {
  const { publisher, proxy } = await startPublisher(t, aws)
  const lost = proxy.inject(loseReply, { when: isPut, times: 1 })
  const published = events(5)
  await Promise.all(published.map(event => publisher.publish(event)))
  t.equal(lost.hits, 1)
  t.equal(proxy.count(isPut), 2)
  t.same(await timesOnStream(aws, published), { 2: 5 })
})

t.test(
  'if an outage of Kinesis lasts longer than the timeout, publish rejects after the timeout with the cause',
  async t => {
    const timeoutMs = 1_000
    const faults = [
      [throttled('kinesis'), { name: 'ProvisionedThroughputExceededException' }],
      [reset, { code: 'ECONNRESET' }],
      [refuseRecords(() => true), { message: /^ProvisionedThroughputExceededException: Rate exceeded/ }],
    ] as const
    for (const [fault, cause] of faults) {
      const { publisher, proxy } = await startPublisher(t, aws, { timeoutMs })
      const gone = proxy.inject(fault)
      const started = performance.now()
      const [event] = events(1)
      if (!event) return t.fail()
      const error: unknown = await publisher.publish(event).catch((reason: unknown) => reason)
      const took = performance.now() - started
      t.ok(error instanceof EventNotPublishedError)
      t.match(error, { code: 'HEADGATE_EVENT_NOT_PUBLISHED', message: /within 1000 ms/, cause })
      t.ok(took >= timeoutMs - 5 && took < timeoutMs + 500, `${took} ms`)
      gone.remove()
      await t.resolves(publisher.publish(event), 'events are published after the outage')
    }
  },
)

t.test('a request without a response frees its place after the timeout', async t => {
  const { publisher, proxy } = await startPublisher(t, aws, { timeoutMs: 400, maxRequests: 1 })
  const silent = proxy.inject(silence)
  const [event, next] = events(2)
  if (!event || !next) return t.fail()
  await t.rejects(publisher.publish(event), { code: 'HEADGATE_EVENT_NOT_PUBLISHED' })
  t.equal(silent.hits, 1)
  silent.remove()
  await publisher.publish(next)
  t.same(await timesOnStream(aws, [event, next]), { 0: 1, 1: 1 })
})

t.test('an event that times out while it waits for a request is not sent', async t => {
  const { publisher, proxy } = await startPublisher(t, aws, { timeoutMs: 500, maxRequests: 1 })
  proxy.inject(silence, { times: 1 })
  const [later, ...published] = events(602)
  if (!later) return t.fail()
  const outcomes = await Promise.allSettled(published.map(event => publisher.publish(event)))
  t.strictSame(new Set(outcomes.map(({ status }) => status)), new Set(['rejected']))
  await publisher.publish(later)
  t.equal(proxy.count(isPut), 2)
  t.same(await timesOnStream(aws, published), { 0: 601 })
})

t.test('an event beyond the maximum number of waiting events is rejected at once', async t => {
  for (const [name, fault] of [
    ['a response', silence],
    ['a retry', refuseRecords(() => true)],
  ] as const) {
    const { publisher, proxy } = await startPublisher(t, aws, { maxWaiting: 10, timeoutMs: 1_000, maxRequests: 1 })
    const gone = proxy.inject(fault)
    const accepted = Promise.allSettled(events(10).map(event => publisher.publish(event)))
    await gone.reached(name === 'a response' ? 1 : 2)
    const started = performance.now()
    const [event] = events(1)
    if (!event) return t.fail()
    await t.rejects(publisher.publish(event), {
      code: 'HEADGATE_EVENT_NOT_PUBLISHED',
      message: /^10 events are already waiting/,
    })
    t.ok(performance.now() - started < 100, `while the others wait for ${name}`)
    for (const { status } of await accepted) t.equal(status, 'rejected')
    gone.remove()
    await t.resolves(publisher.publish(event), 'there is room again')
  }
})

t.test('drain resolves after every event is published or has failed', async t => {
  const { publisher, proxy } = await startPublisher(t, aws, { timeoutMs: 1_500 })
  await publisher.drain()
  const published = events(20)
  const doomed = new Set(published.slice(0, 5).map(({ uploadId }) => uploadId))
  proxy.inject(refuseRecords(({ PartitionKey }) => doomed.has(PartitionKey)))
  const outcomes: string[] = []
  for (const event of published) {
    publisher.publish(event).then(
      () => outcomes.push('published'),
      () => outcomes.push('failed'),
    )
  }
  await publisher.drain()
  t.equal(outcomes.length, 20)
  t.equal(outcomes.filter(outcome => outcome === 'failed').length, 5)
  t.same(await timesOnStream(aws, published), { 0: 5, 1: 15 })
})
