import t, { type Test } from 'tap'
import { createMetrics } from '../../services/api/admin/metrics.ts'
import { names } from '../../services/platform/resources.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { uploadRecord } from '../uploads/examples.ts'
import { readContract } from './contract.ts'
import { listen } from './event-source.ts'
import { buildTestApi, createTestUser, eventually, isProblem, type TestUser } from './support.ts'

const aws = await startAws(t)
const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url }, metrics: createMetrics() })
const contract = await readContract(api)
const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })

async function recorded(user: TestUser): Promise<UploadRecord> {
  const at = new Date().toISOString()
  const record = uploadRecord({ owner: user.sub, uploadedAt: at, updatedAt: at })
  await store.create(record)
  return record
}

const pathOf = ({ uploadId }: UploadRecord) => `/uploads/${uploadId}/events`
const finish = (record: UploadRecord) =>
  store.markProcessed(record, record, { bucket: names.processedBucket, key: 'processed/x' })

function open(t: Test, user: TestUser, record: UploadRecord, lastEventId?: string) {
  const headers = { ...user.auth, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) }
  return listen(t, api.url + pathOf(record), headers)
}

t.test(
  'a client gets an upload at once, after every change, and in its final state, which ends the stream',
  async t => {
    const user = await createTestUser(aws)
    const record = await recorded(user)
    const events = await open(t, user, record)
    t.equal(events.status, 200)
    t.equal(events.headers.get('content-type'), 'text/event-stream')
    t.equal(events.headers.get('cache-control'), 'no-store')
    t.equal(events.headers.get('x-accel-buffering'), 'no')
    const first = await events.next()
    const seen = await contract.ask(t, 'get /uploads/{id}', `/uploads/${record.uploadId}`, { headers: user.auth })
    t.same(first, { id: seen.headers.get('etag')?.slice(1, -1), event: 'upload', data: seen.body })
    await store.markQueued(record)
    t.match(await events.next(), { event: 'upload', data: { status: 'queued' } })
    await store.markProcessing(record, record)
    t.match(await events.next(), { event: 'upload', data: { status: 'processing' } })
    await finish(record)
    const { events: last, retry } = await events.rest()
    t.match(last, [{ event: 'upload', data: { status: 'processed', processed: { key: 'processed/x' } } }])
    t.equal(retry, 2_000)
  },
)

t.test('the event of a failed upload has the reason', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const events = await open(t, user, record)
  await events.next()
  const failure = { code: 'HEADGATE_TRANSFORM_REFUSED', reason: 'The text is not UTF-8.' }
  await store.markFailed(record, record, failure)
  t.match((await events.rest()).events, [{ data: { status: 'failed', failure } }])
})

t.test('a client that reconnects gets what it missed, and nothing twice', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const before = await open(t, user, record)
  const { id } = await before.next()
  before.leave()
  await store.markQueued(record)
  const after = await open(t, user, record, id)
  const missed = await after.next()
  t.equal(missed.data.status, 'queued')
  after.leave()
  const again = await open(t, user, record, missed.id)
  await finish(record)
  t.match((await again.rest()).events, [{ data: { status: 'processed' } }])
})

t.test('a client that got the final state gets 204', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  await finish(record)
  const [last] = (await (await open(t, user, record)).rest()).events
  t.match(last, { data: { status: 'processed' } })
  const headers = { ...user.auth, 'last-event-id': last?.id ?? '' }
  const again = await contract.ask(t, 'get /uploads/{id}/events', pathOf(record), { headers })
  t.equal(again.status, 204)
})

t.test('a deletion is an event, and the next request is 404', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const events = await open(t, user, record)
  await events.next()
  await contract.ask(t, 'delete /uploads/{id}', `/uploads/${record.uploadId}`, { headers: user.auth })
  t.match((await events.rest()).events, [{ event: 'deleted' }])
  const gone = await contract.ask(t, 'get /uploads/{id}/events', pathOf(record), { headers: user.auth })
  isProblem(t, gone, 404, 'not-found')
})

t.test('many clients of one upload cost the reads of one, and no reads after they have disconnected', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const clients = await Promise.all(Array.from({ length: 40 }, () => open(t, user, record)))
  await Promise.all(clients.map(client => client.next()))
  const reads = proxy.count(operation('GetItem'))
  await eventually(() => proxy.count(operation('GetItem')) >= reads + 5)
  await store.markQueued(record)
  for (const client of clients) t.equal((await client.next()).data.status, 'queued')
  t.ok(proxy.count(operation('GetItem')) - reads < 40)
  for (const client of clients) client.leave()
  await eventually(() => endedStreams(record) === 40)
})

/** Counts the ended requests for an upload's events. */
function endedStreams({ uploadId }: UploadRecord): number {
  return api.log.filter(line => isRequest(line) && line.includes(`${uploadId}/events`)).length
}

function isRequest(line: string): boolean {
  return line.includes('"msg":"request"') || line.includes('"msg":"request broken off"')
}

t.test('the streams of one owner are limited, and a stream that ends makes room', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const clients = await Promise.all(Array.from({ length: 50 }, () => open(t, user, record)))
  const refused = await contract.ask(t, 'get /uploads/{id}/events', pathOf(record), { headers: user.auth })
  isProblem(t, refused, 429, 'too-many-watches')
  const before = endedStreams(record)
  clients[0]?.leave()
  await eventually(() => endedStreams(record) === before + 1)
  const next = await open(t, user, record)
  t.equal(next.status, 200)
})

t.test('another owner’s upload is 404, and a token is required', async t => {
  const record = await recorded(await createTestUser(aws))
  const stranger = await createTestUser(aws)
  const ask = (init?: RequestInit) => contract.ask(t, 'get /uploads/{id}/events', pathOf(record), init)
  isProblem(t, await ask({ headers: stranger.auth }), 404, 'not-found')
  isProblem(t, await ask(), 401, 'missing-token')
})

t.test('HEAD has the headers of the stream and ends', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const init = { method: 'HEAD', headers: user.auth }
  const head = await contract.ask(t, 'get /uploads/{id}/events', pathOf(record), init)
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-type'), 'text/event-stream')
})

t.test('a process that stops ends its streams cleanly, and their clients reconnect elsewhere', async t => {
  const stopping = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const events = await listen(t, stopping.url + pathOf(record), user.auth)
  const { id } = await events.next()
  await stopping.app.close()
  t.same((await events.rest()).events, [])
  await store.markQueued(record)
  const elsewhere = await open(t, user, record, id)
  t.equal((await elsewhere.next()).data.status, 'queued')
})

for (const [where, whole] of Object.entries({
  Lambda: { isBuffered: true },
  'a gateway that waits for the whole': { env: { EVENT_STREAMS: 'whole' } },
})) {
  t.test(`behind ${where} a response has the current state and the time to reconnect`, async t => {
    const buffered = await buildTestApi(t, aws, whole)
    const user = await createTestUser(aws)
    const record = await recorded(user)
    const ask = (lastEventId = '') =>
      listen(t, buffered.url + pathOf(record), { ...user.auth, 'last-event-id': lastEventId })
    const first = await (await ask()).rest()
    t.match(first, { retry: 5_000, events: [{ event: 'upload', data: { status: 'stored' } }] })
    t.same(await (await ask(first.events[0]?.id)).rest(), { retry: 5_000, events: [] }, 'nothing new')
    await finish(record)
    const last = await (await ask(first.events[0]?.id)).rest()
    t.match(last.events, [{ data: { status: 'processed' } }])
    t.equal((await ask(last.events[0]?.id)).status, 204)
  })
}

t.test('clients that disconnect before their response do not count against the limit', async t => {
  const found = Promise.withResolvers<void>()
  let looks = 0
  const slow = await buildTestApi(t, aws, {
    services: services => {
      const { store } = services
      const get: typeof store.get = async (...args) => {
        looks++
        await found.promise
        return store.get(...args)
      }
      return { ...services, store: { ...store, get } }
    },
  })
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const gone = new AbortController()
  const left = Array.from({ length: 50 }, (_, index) => {
    const path = index % 2 === 0 ? pathOf(record) : `/uploads/${record.uploadId}?wait=25`
    return fetch(slow.url + path, { headers: user.auth, signal: gone.signal }).catch(() => 'gone')
  })
  await eventually(() => looks === left.length)
  gone.abort()
  t.same(new Set(await Promise.all(left)), new Set(['gone']))
  found.resolve()
  await eventually(() => slow.log.filter(isRequest).length === left.length)
  for (let count = 0; count < 50; count++) {
    const events = await listen(t, slow.url + pathOf(record), user.auth)
    t.equal(events.status, 200)
  }
})

t.test('a stream of an api with metrics causes no warning about listeners', async t => {
  const warnings: Error[] = []
  const keep = (warning: Error) => void warnings.push(warning)
  process.on('warning', keep)
  t.teardown(() => process.off('warning', keep))
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const events = await open(t, user, record)
  await events.next()
  t.strictSame(warnings, [])
})
