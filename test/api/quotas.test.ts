import { randomUUID } from 'node:crypto'
import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { createQuotas } from '../../services/api/policies/quotas.ts'
import type { ApiServices } from '../../services/api/services.ts'
import { names } from '../../services/platform/resources.ts'
import { createPendingStore } from '../../services/uploads/pending/pending-store.ts'
import { createQuotaStore, type QuotaStore } from '../../services/uploads/quotas/quota-store.ts'
import { startAws } from '../support/aws.ts'
import { form } from './form.ts'
import { ask, buildTestApi, createTestUser, isProblem, NO_TRACES, type Overrides } from './support.ts'

const aws = await startAws(t)
const TUS = { 'tus-resumable': '1.0.0' }
const BYTES = { 'content-type': 'application/offset+octet-stream' }

/** Starts an api with one rule, and returns what a new user of it can do. */
async function open(t: Pick<Test, 'teardown'>, rule: object, overrides: Overrides = {}) {
  const UPLOAD_POLICIES = JSON.stringify([{ name: 'all', ...rule }])
  const { url } = await buildTestApi(t, aws, { ...overrides, env: { UPLOAD_POLICIES } })
  const user = await createTestUser(aws)
  const { auth } = user
  const raw = (body: string | ReadableStream, headers = {}) =>
    ask(`${url}/uploads?filename=a.txt`, {
      method: 'POST',
      headers: { ...auth, 'content-type': 'text/plain', ...headers },
      body,
      ...(body instanceof ReadableStream && { duplex: 'half' as const }),
    })
  const inChunks = (text: string) => raw(new Blob([text]).stream())
  const left = async () => {
    const { body } = await ask(`${url}/uploads/limits`, { headers: auth })
    return (body as { quota?: { bytes?: number; uploads?: number; resetsAt: string } }).quota
  }
  const grant = (size: number, headers = {}) =>
    ask(`${url}/uploads/grants`, {
      method: 'POST',
      headers: { ...auth, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size }),
    })
  const tus = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    fetch(`${url}${path}`, { method, headers: { ...auth, ...TUS, ...headers }, ...(body !== undefined && { body }) })
  return { url, user, auth, raw, inChunks, left, grant, tus }
}

t.test('an upload above the number of a day is refused, with the rule and the time of the next one', async t => {
  const { user, raw, left } = await open(t, { uploadsPerDay: 2 })
  const today = new Date().toISOString().slice(0, 10)
  const tomorrow = new Date(Date.parse(today) + 86_400_000).toISOString()
  t.strictSame(await left(), { uploads: 2, resetsAt: tomorrow })
  t.equal((await raw('a')).status, 200)
  t.equal((await raw('b')).status, 200)
  t.strictSame(await left(), { uploads: 0, resetsAt: tomorrow })
  const refused = await raw('c')
  isProblem(t, refused, 403, 'quota-exceeded')
  t.match(refused.body, { detail: `The rule "all" allows 2 uploads a day, and none is left until ${tomorrow}.` })
  t.equal((await user.traces()).objects.length, 2)
})

t.test('a file that is larger than what is left of the bytes is refused, whether its size is known or not', async t => {
  const { user, raw, inChunks, left } = await open(t, { bytesPerDay: 100 })
  t.equal((await inChunks('x'.repeat(60))).status, 200)
  t.match(await left(), { bytes: 40 })
  for (const answer of [await raw('x'.repeat(41)), await inChunks('x'.repeat(41))]) {
    isProblem(t, answer, 413, 'payload-too-large')
    t.match(answer.body, {
      detail: /^The file is larger than the 40 bytes that the rule "all" leaves you until \S+T00:00:00\.000Z\.$/,
    })
  }
  t.equal((await user.traces()).objects.length, 1, 'none of its bytes are stored')
  t.equal((await raw('x'.repeat(40))).status, 200)
  t.match(await left(), { bytes: 0 })
  t.equal((await raw('')).status, 200, 'an empty file needs no bytes')
})

t.test('concurrent uploads of one owner do not exceed the quota together', async t => {
  const { user, raw, left } = await open(t, { bytesPerDay: 100 })
  const answers = await Promise.all(Array.from({ length: 8 }, () => raw('x'.repeat(30))))
  t.equal(answers.filter(({ status }) => status === 200).length, 3)
  t.equal(answers.filter(({ status }) => status === 413).length, 5)
  t.match(await left(), { bytes: 10 })
  const { objects, records } = await user.traces()
  t.equal(objects.length, 3, 'the objects of the others are deleted')
  t.equal(records.length, 3)
})

t.test('a request that is refused after some of its files were counted gives them back', async t => {
  const { user, auth, url, left } = await open(t, { bytesPerDay: 100, uploadsPerDay: 5 })
  const send = (...values: string[]) => {
    const parts = values.map((value, i) => ({ name: 'f', filename: `${i}.txt`, type: 'text/plain', value }))
    const { body, headers } = form(parts)
    return ask(`${url}/uploads`, { method: 'POST', headers: { ...auth, ...headers }, body })
  }
  isProblem(t, await send('x'.repeat(50), 'x'.repeat(51)), 413, 'payload-too-large')
  t.match(await left(), { bytes: 100, uploads: 5 })
  t.same(await user.traces(), NO_TRACES)
  t.equal((await send('x'.repeat(50), 'x'.repeat(50))).status, 200)
  t.match(await left(), { bytes: 0, uploads: 3 })
})

t.test('an upload whose record could not be written is given back', async t => {
  const error = Object.assign(new Error('refused'), { name: 'ValidationException', $fault: 'client' })
  const { raw, left } = await open(
    t,
    { uploadsPerDay: 2 },
    {
      services: services => ({ ...services, store: { ...services.store, create: () => Promise.reject(error) } }),
    },
  )
  t.equal((await raw('a')).status, 500)
  t.match(await left(), { uploads: 2 })
})

t.test('a repeated request with the same Idempotency-Key counts once', async t => {
  const { raw, grant, left } = await open(t, { bytesPerDay: 100, uploadsPerDay: 5 })
  const key = { 'idempotency-key': randomUUID() }
  t.equal((await raw('hello', key)).status, 200)
  const again = await raw('hello', key)
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.match(await left(), { bytes: 95, uploads: 4 })
  const other = { 'idempotency-key': randomUUID() }
  t.equal((await grant(10, other)).status, 201)
  t.equal((await grant(10, other)).status, 201)
  t.match(await left(), { bytes: 85, uploads: 3 })
})

t.test('a grant counts when it is made, and gives back when its upload is ended or refused', async t => {
  const { url, auth, grant, left } = await open(t, { bytesPerDay: 100, uploadsPerDay: 5 })
  type Granted = {
    put: { url: string; headers: Record<string, string> }
    complete: string
    upload: { uploadId: string }
  }
  const first = (await grant(60)).body as Granted
  t.match(await left(), { bytes: 40, uploads: 4 })
  isProblem(t, await grant(41), 413, 'payload-too-large')
  const path = first.complete.replace('/complete', '')
  t.equal((await fetch(`${url}${path}`, { method: 'DELETE', headers: auth })).status, 204)
  t.match(await left(), { bytes: 100, uploads: 5 })

  const send = async (granted: Granted, body: string) => {
    await fetch(granted.put.url, { method: 'PUT', headers: granted.put.headers, body })
    return ask(`${url}${granted.complete}`, { method: 'POST', headers: auth })
  }
  const second = (await grant(4)).body as Granted
  t.equal((await send(second, 'text')).status, 200)
  t.equal((await ask(`${url}${second.complete}`, { method: 'POST', headers: auth })).status, 200)
  t.match(await left(), { bytes: 96, uploads: 4 }, 'to complete it twice counts once')
  const upload = await ask(`${url}${second.complete.replace('/complete', '')}`, { headers: auth })
  t.notMatch(upload.body, { quotaDay: /./ })
})

t.test('uploads that are ended by several requests at once give back once', async t => {
  const { user, left, grant } = await open(t, { bytesPerDay: 100, uploadsPerDay: 5 })
  const ids: string[] = []
  for (const size of [10, 20, 30]) {
    const { complete } = (await grant(size)).body as { complete: string }
    ids.push(complete.split('/')[2] ?? '')
  }
  t.match(await left(), { bytes: 40, uploads: 2 })
  const pending = createPendingStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
  const ends = Array.from({ length: 8 }, () => ids).flat()
  await Promise.all(ends.map(uploadId => pending.end({ owner: user.sub, uploadId })))
  t.match(await left(), { bytes: 100, uploads: 5 })
  const { Item } = await aws.dynamodb.send(
    new GetItemCommand({
      TableName: names.uploadsTable,
      Key: { owner: { S: `quota#${user.sub}` }, uploadId: { S: new Date().toISOString().slice(0, 10) } },
    }),
  )
  t.match(Item, { bytes: { N: '0' }, uploads: { N: '0' } }, 'nothing is given back twice')
})

t.test('a reservation whose write reached DynamoDB and was reported as failed is given back once', async t => {
  const services = (all: ApiServices): ApiServices => ({
    ...all,
    pending: {
      ...all.pending,
      async create(record) {
        await all.pending.create(record)
        throw new Error('The reply was lost.')
      },
    },
  })
  const { user, grant, tus, left } = await open(t, { bytesPerDay: 100, uploadsPerDay: 5 }, { services })
  t.equal((await grant(60)).status, 500)
  t.match(await left(), { bytes: 100, uploads: 5 })
  t.equal((await tus('POST', '/uploads/tus', { 'upload-length': '60' })).status, 500)
  const key = { owner: { S: `quota#${user.sub}` }, uploadId: { S: new Date().toISOString().slice(0, 10) } }
  const { Item } = await aws.dynamodb.send(new GetItemCommand({ TableName: names.uploadsTable, Key: key }))
  t.match(Item, { bytes: { N: '0' }, uploads: { N: '0' } })
  t.strictSame((await user.traces()).records, [], 'and no reservation is left, which would be given back again')
})

t.test('a tus upload counts when it is created, and gives back when it is ended', async t => {
  const { tus, left } = await open(t, { bytesPerDay: 100, uploadsPerDay: 5 })
  const made = await tus('POST', '/uploads/tus', { 'upload-length': '60' })
  t.equal(made.status, 201)
  t.match(await left(), { bytes: 40, uploads: 4 })
  t.equal((await tus('POST', '/uploads/tus', { 'upload-length': '41' })).status, 413)
  const location = made.headers.get('location') ?? ''
  const sent = await tus('PATCH', location, { 'upload-offset': '0', ...BYTES }, 'x'.repeat(60))
  t.equal(sent.status, 204, 'its own bytes are not counted against it')
  t.match(await left(), { bytes: 40, uploads: 4 })
  const other = await tus('POST', '/uploads/tus', { 'upload-length': '40' })
  t.equal((await tus('DELETE', other.headers.get('location') ?? '', {})).status, 204)
  t.match(await left(), { bytes: 40, uploads: 4 })
})

t.test('a tus upload without a length is bound while it grows, and counts its bytes once they are known', async t => {
  const { tus, left } = await open(t, { bytesPerDay: 100, uploadsPerDay: 2 })
  const made = await tus('POST', '/uploads/tus', { 'upload-defer-length': '1' })
  const location = made.headers.get('location') ?? ''
  t.match(await left(), { bytes: 100, uploads: 1 })
  t.equal((await tus('PATCH', location, { 'upload-offset': '0', ...BYTES }, 'x'.repeat(101))).status, 413)
  const { headers } = await tus('HEAD', location, {})
  const at = Number(headers.get('upload-offset'))
  const rest = 'x'.repeat(70 - at)
  const last = { 'upload-offset': String(at), 'upload-length': '70', ...BYTES }
  t.equal((await tus('PATCH', location, last, rest)).status, 204)
  t.match(await left(), { bytes: 30, uploads: 1 })

  const next = await tus('POST', '/uploads/tus', { 'upload-defer-length': '1' })
  const nextLocation = next.headers.get('location') ?? ''
  const tooLong = await tus('PATCH', nextLocation, { 'upload-offset': '0', 'upload-length': '31', ...BYTES }, 'x')
  t.equal(tooLong.status, 413)
  t.match(await tooLong.json(), { detail: /larger than the 30 bytes that the rule "all" leaves you/ })
  t.match(await left(), { bytes: 30, uploads: 0 })
})

t.test('without a quota, no request is made for it', async t => {
  const never = () => Promise.reject(new Error('The quota was used.'))
  const quotas = { used: never, charge: never, refund: never }
  const { raw, grant, left, tus } = await open(t, { maxBytes: 100 }, { services: all => ({ ...all, quotas }) })
  t.equal((await raw('a')).status, 200)
  t.equal((await grant(1)).status, 201)
  t.equal((await tus('POST', '/uploads/tus', { 'upload-length': '1' })).status, 201)
  t.equal(await left(), undefined)
})

t.test('an upload in one request takes a read and a write, and a grant or a tus upload takes a write', async t => {
  const calls: string[] = []
  const counting =
    <A extends unknown[], R>(name: string, call: (...args: A) => R) =>
    (...args: A) => {
      calls.push(name)
      return call(...args)
    }
  const counted = ({ used, charge, refund }: QuotaStore): QuotaStore => ({
    used: counting('read', used),
    charge: counting('write', charge),
    refund: counting('refund', refund),
  })
  const services = (all: ApiServices) => ({ ...all, quotas: counted(all.quotas) })
  const { raw, grant, tus } = await open(t, { uploadsPerDay: 10 }, { services })
  t.equal((await raw('a')).status, 200)
  t.strictSame(calls.splice(0), ['read', 'write'])
  t.equal((await grant(1)).status, 201)
  t.strictSame(calls.splice(0), ['write'])
  t.equal((await tus('POST', '/uploads/tus', { 'upload-length': '1' })).status, 201)
  t.strictSame(calls.splice(0), ['write'])
})

const store = createQuotaStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })

t.test('a charge or a refund whose reply was lost, and which is repeated, counts once', async t => {
  const place = { owner: randomUUID(), day: '2026-12-01' }
  const change = { id: 'u', bytes: 10, uploads: 1 }
  t.equal(await store.charge(place, change, { bytesPerDay: 15 }), true)
  t.equal(await store.charge(place, change, { bytesPerDay: 15 }), true)
  t.strictSame(await store.used(place), { bytes: 10, uploads: 1 })
  t.equal(await store.charge(place, { ...change, id: 'v' }, { bytesPerDay: 15 }), false)
  t.equal(await store.charge(place, { ...change, id: 'v' }, { uploadsPerDay: 1 }), false)
  await store.refund(place, change)
  await store.refund(place, change)
  t.strictSame(await store.used(place), { bytes: 0, uploads: 0 })
  t.equal(await store.charge(place, change, { bytesPerDay: 15 }), true, 'the same upload may be charged again')
  t.strictSame(await store.used(place), { bytes: 10, uploads: 1 })
})

t.test('a refund of a day whose item is gone does not create it again', async t => {
  const place = { owner: randomUUID(), day: '2026-01-01' }
  await store.refund(place, { id: 'u', bytes: 10, uploads: 1 })
  t.strictSame(await store.used(place), { bytes: 0, uploads: 0 })
})

t.test('a length that is announced again with another value is charged again', async t => {
  const quotas = createQuotas({ store, now: () => Date.parse('2026-12-31T12:00:00Z') })
  const owner = randomUUID()
  const limits = { maxBytes: 100, rule: 'r', quota: { bytesPerDay: 100 } }
  const day = (await quotas.charge({ owner, uploadId: 'a', bytes: 0, limits })) ?? 'not charged'
  // The lock was lost before the first length was recorded.
  await quotas.chargeLength({ owner, uploadId: 'a', bytes: 1, limits }, day)
  await quotas.chargeLength({ owner, uploadId: 'a', bytes: 60, limits }, day)
  await quotas.chargeLength({ owner, uploadId: 'a', bytes: 60, limits }, day)
  t.match(await quotas.left(owner, limits.quota, day), { bytes: 39 })
})

t.test('the quota is whole again with the next day in UTC', async t => {
  let now = Date.parse('2026-12-31T23:59:59.999Z')
  const quotas = createQuotas({ store, now: () => now })
  const owner = randomUUID()
  const limits = { maxBytes: 100, rule: 'r', quota: { uploadsPerDay: 1 } }
  t.equal(await quotas.charge({ owner, uploadId: 'a', bytes: 1, limits }), '2026-12-31')
  await t.rejects(quotas.charge({ owner, uploadId: 'b', bytes: 1, limits }), { message: /none is left/ })
  now += 1
  t.equal(await quotas.charge({ owner, uploadId: 'b', bytes: 1, limits }), '2027-01-01')
  const ofYesterday = { day: '2026-12-31' }
  const bytes = { ...limits, quota: { bytesPerDay: 10 } }
  t.match(await quotas.roomFor(owner, bytes, ofYesterday), { maxBytes: 9, resetsAt: '2027-01-01T00:00:00.000Z' })
})
