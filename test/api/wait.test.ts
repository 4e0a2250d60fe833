import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { names } from '../../services/platform/resources.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { throttled } from '../support/faults/aws-errors.ts'
import { uploadRecord } from '../uploads/examples.ts'
import { type ContractAnswer, readContract } from './contract.ts'
import { buildTestApi, createTestUser, eventually, isProblem, type TestUser } from './support.ts'

const aws = await startAws(t)
const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
const api = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
const contract = await readContract(api)
const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
const reads = operation('GetItem')

async function recorded(user: TestUser): Promise<UploadRecord> {
  const at = new Date().toISOString()
  const record = uploadRecord({ owner: user.sub, uploadedAt: at, updatedAt: at })
  await store.create(record)
  return record
}

function get(t: Test, user: TestUser, { uploadId }: UploadRecord, query = '', etag?: string): Promise<ContractAnswer> {
  const headers = { ...user.auth, ...(etag !== undefined && { 'if-none-match': etag }) }
  return contract.ask(t, 'get /uploads/{id}', `/uploads/${uploadId}${query}`, { headers })
}

const processedAs = ({ key }: UploadRecord) => ({
  bucket: names.processedBucket,
  key: key.replace('uploads/', 'processed/'),
})
const finish = (record: UploadRecord) => store.markProcessed(record, record, processedAs(record))

/** Resolves when a request waits: the api has then read the record again after the first read of each request. */
async function untilWaiting(before: number, requests = 1): Promise<void> {
  await eventually(() => proxy.count(reads) > before + requests)
}

t.test('the ETag is strong and changes with every visible change', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const etags: string[] = []
  const failure = { code: 'X', reason: 'No.' }
  const steps = [
    async () => undefined,
    () => store.markQueued(record),
    () => store.markProcessing(record, record),
    () => store.markFailed(record, record, failure),
    () => store.markFailed(record, record, { ...failure, reason: 'Another reason.' }),
    () => finish(record),
  ]
  const statuses: string[] = []
  for (const step of steps) {
    await step()
    const answer = await get(t, user, record)
    etags.push(answer.headers.get('etag') ?? '')
    statuses.push(answer.body.status)
  }
  t.same(statuses, ['stored', 'queued', 'processing', 'failed', 'failed', 'processed'])
  t.equal(new Set(etags).size, steps.length)
  for (const etag of etags) t.match(etag, /^"[\w-]{22}"$/)
})

t.test('an internal change does not change the ETag', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const before = await get(t, user, record)
  t.ok(await store.claimOutbox(record, { now: Date.now(), until: Date.now() + 60_000 }))
  t.equal((await get(t, user, record)).headers.get('etag'), before.headers.get('etag'))
})

t.test('If-None-Match gets 304 for the current state, and the upload for any other', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const etag = (await get(t, user, record)).headers.get('etag') ?? ''
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const answer = await get(t, user, record, '', known)
    t.equal(answer.status, 304, known)
    t.equal(answer.headers.get('etag'), etag)
    t.equal(answer.headers.get('cache-control'), 'no-store')
  }
  for (const known of ['"x"', etag.slice(1, -1), '', '"', etag.toUpperCase()]) {
    t.equal((await get(t, user, record, '', known)).status, 200, known)
  }
  t.equal((await get(t, user, record, '?wait=25', '"x"')).status, 200, 'no wait if the ETag already differs')
})

t.test('a wait with If-None-Match ends with the next change', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const etag = (await get(t, user, record)).headers.get('etag') ?? ''
  const before = proxy.count(reads)
  const waiting = get(t, user, record, '?wait=25', etag)
  await untilWaiting(before)
  await store.markQueued(record)
  const answer = await waiting
  t.match(answer, { status: 200, body: { status: 'queued' } })
  t.not(answer.headers.get('etag'), etag)
})

t.test('a wait without If-None-Match ends when the upload is final', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const before = proxy.count(reads)
  const waiting = get(t, user, record, '?wait=25')
  await untilWaiting(before)
  await store.markQueued(record)
  await untilWaiting(proxy.count(reads))
  await finish(record)
  t.match(await waiting, { status: 200, body: { status: 'processed', processed: processedAs(record) } })
  t.match(await get(t, user, record, '?wait=25'), { status: 200 }, 'no wait if the upload is already final')
})

t.test('a wait whose time is up gets 304 with If-None-Match, and the upload without', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const etag = (await get(t, user, record)).headers.get('etag') ?? ''
  const started = performance.now()
  const [known, unknown] = await Promise.all([get(t, user, record, '?wait=1', etag), get(t, user, record, '?wait=1')])
  t.ok(performance.now() - started >= 990, 'not before its time')
  t.equal(known.status, 304)
  t.match(unknown, { status: 200, body: { status: 'stored' } })
})

t.test('many requests that wait for one upload cost the reads of one', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const before = proxy.count(reads)
  const waiting = Array.from({ length: 30 }, () => get(t, user, record, '?wait=25'))
  await untilWaiting(before, 30)
  const [first, many] = [proxy.count(reads), 3]
  await eventually(() => proxy.count(reads) >= first + many)
  await finish(record)
  for (const answer of await Promise.all(waiting)) t.match(answer, { status: 200, body: { status: 'processed' } })
  const rest = proxy.count(reads)
  t.ok(rest - before - 30 < 30, `${rest - before} reads, including the first read of each of the 30 requests`)
})

t.test('an upload that is deleted during the wait is 404', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const before = proxy.count(reads)
  const waiting = get(t, user, record, '?wait=25')
  await untilWaiting(before)
  const { status } = await contract.ask(t, 'delete /uploads/{id}', `/uploads/${record.uploadId}`, {
    headers: user.auth,
  })
  t.equal(status, 204)
  isProblem(t, await waiting, 404, 'not-found')
})

t.test('a table that does not respond for a while ends no wait', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const before = proxy.count(reads)
  const waiting = get(t, user, record, '?wait=25')
  await untilWaiting(before)
  const trouble = proxy.inject(throttled('dynamodb'), { when: reads })
  await trouble.reached(3)
  trouble.remove()
  await finish(record)
  t.match(await waiting, { status: 200, body: { status: 'processed' } })
})

t.test('the waiting requests of one owner are limited, without an effect on other owners', async t => {
  const user = await createTestUser(aws)
  const other = await createTestUser(aws)
  const record = await recorded(user)
  const gone = new AbortController()
  const headers = user.auth
  const url = `${api.url}/uploads/${record.uploadId}?wait=25`
  const before = proxy.count(reads)
  const waiting = Array.from({ length: 50 }, () => fetch(url, { headers, signal: gone.signal }))
  await untilWaiting(before, 50)
  const refused = await get(t, user, record, '?wait=25')
  isProblem(t, refused, 429, 'too-many-watches')
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.equal((await get(t, user, record)).status, 200, 'without a wait it is answered')
  const theirs = await recorded(other)
  t.equal((await get(t, other, theirs, '?wait=1')).status, 200)
  gone.abort()
  await Promise.allSettled(waiting)
  await eventually(async () => (await get(t, user, record, '?wait=1')).status === 200)
})

t.test('a wait that is not a number of seconds from 0 to 25 is rejected', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  for (const wait of ['26', '-1', '1.5', '', 'x', '1e1', '5&wait=6']) {
    isProblem(t, await get(t, user, record, `?wait=${wait}`), 400, 'invalid-body', wait)
  }
  t.equal((await get(t, user, record, '?wait=0')).status, 200)
})

t.test('another owner’s upload is 404 at once, with any wait', async t => {
  const record = await recorded(await createTestUser(aws))
  const stranger = await createTestUser(aws)
  isProblem(t, await get(t, stranger, record, '?wait=25'), 404, 'not-found')
  isProblem(t, await get(t, stranger, record, '?wait=25', '*'), 404, 'not-found')
})

t.test('HEAD waits like GET, and has no body', async t => {
  const user = await createTestUser(aws)
  const record = await recorded(user)
  await finish(record)
  const path = `/uploads/${record.uploadId}?wait=25`
  const head = await contract.ask(t, 'get /uploads/{id}', path, { method: 'HEAD', headers: user.auth })
  t.equal(head.status, 200)
  t.equal(head.headers.get('etag'), (await get(t, user, record)).headers.get('etag'))
})

t.test('a process that stops responds to waiting requests at once', async t => {
  const stopping = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const user = await createTestUser(aws)
  const record = await recorded(user)
  const etag = (await get(t, user, record)).headers.get('etag') ?? ''
  const before = proxy.count(reads)
  const ask = (known: Record<string, string>) =>
    fetch(`${stopping.url}/uploads/${record.uploadId}?wait=25`, { headers: { ...user.auth, ...known } })
  const waiting = Promise.all([ask({ 'if-none-match': etag }), ask({})])
  await untilWaiting(before, 2)
  const started = performance.now()
  await stopping.app.close()
  const [known, unknown] = await waiting
  t.ok(performance.now() - started < 20_000, 'and not when the wait would be over')
  t.equal(known.status, 304)
  t.match(await unknown.json(), { status: 'stored' })
  t.equal(unknown.headers.get('connection'), 'close')
})
