import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createIdempotencyStore } from '../../../services/uploads/records/idempotency-store.ts'
import { startAws } from '../../support/aws.ts'
import { type Answer, ask, buildTestApi, createTestUser, isProblem, type TestUser } from '../support.ts'
import { complete, type GrantBody, partsOf, send } from './support.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)
const api = await buildTestApi(t, aws, { env: { GRANT_PARTS_ABOVE_BYTES: String(8 * MIB) } })

const wanted = { filename: 'a.bin', contentType: 'application/x-test', size: 5 }

function askOnce(user: TestUser, key: string, body: unknown = wanted): Promise<Answer> {
  const headers = { ...user.auth, 'content-type': 'application/json', 'idempotency-key': key }
  return ask(`${api.url}/uploads/grants`, { method: 'POST', headers, body: JSON.stringify(body) })
}

const granted = ({ body }: Answer) => body as unknown as GrantBody

t.test('a repeated grant request with its key returns the same upload with valid URLs', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  const first = await askOnce(user, key)
  t.equal(first.status, 201)
  t.equal(first.headers.get('idempotent-replayed'), null)
  const again = await askOnce(user, key)
  t.match(again, { status: 201, body: { uploadId: first.body.uploadId } })
  t.equal(again.headers.get('idempotent-replayed'), 'true')
  t.equal(again.headers.get('location'), first.headers.get('location'))
  t.equal((await user.traces()).records.length, 1)
  const { put, uploadId } = granted(again)
  t.equal((await send(put ?? { url: '', headers: {} }, Buffer.from('hello'))).status, 200)
  t.match(await complete(api, user, uploadId), { status: 200, body: { size: 5 } })
  const late = await askOnce(user, key)
  isProblem(t, late, 422, 'idempotency-key-reused', 'what was granted has arrived')
  t.match(late.body, { detail: uploadId, uploadId })
  t.match(await complete(api, user, String(late.body.uploadId)), { status: 200, body: { uploadId, size: 5 } })
})

t.test('a repeated grant request returns the parts that are still missing', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  const large = { ...wanted, size: 9 * MIB }
  const first = granted(await askOnce(user, key, large))
  const [part] = first.parts ?? []
  const [bytes] = partsOf(first, Buffer.alloc(large.size))
  if (!part || !bytes) throw new Error('The grant has no parts')
  t.equal((await send(part, bytes)).status, 200)
  const again = granted(await askOnce(user, key, large))
  t.equal(again.uploadId, first.uploadId)
  t.same(
    again.parts?.map(({ partNumber }) => partNumber),
    [2],
  )
})

t.test('the key of a different request is rejected, and the keys of two owners are independent', async t => {
  const [user, other] = [await createTestUser(aws), await createTestUser(aws)]
  const key = randomUUID()
  const first = await askOnce(user, key)
  for (const change of [
    { filename: 'b.bin' },
    { contentType: 'text/plain' },
    { size: 6 },
    { sha256: '0'.repeat(64) },
  ]) {
    const answer = await askOnce(user, key, { ...wanted, ...change })
    isProblem(t, answer, 422, 'idempotency-key-reused', JSON.stringify(change))
    t.notOk('uploadId' in answer.body, 'the key of another request')
  }
  const headers = { ...user.auth, 'content-type': 'application/json', 'idempotency-key': key }
  const upload = await ask(`${api.url}/uploads`, { method: 'POST', headers, body: '{}' })
  isProblem(t, upload, 422, 'idempotency-key-reused', 'an upload')
  t.not((await askOnce(other, key)).body.uploadId, first.body.uploadId)
  isProblem(t, await askOnce(user, 'a,b'), 400, 'invalid-idempotency-key')
})

t.test('a rejected grant request releases its key', async t => {
  const user = await createTestUser(aws)
  const key = randomUUID()
  isProblem(t, await askOnce(user, key, { ...wanted, filename: '../a' }), 400, 'invalid-filename')
  t.equal((await askOnce(user, key)).status, 201)
})

t.test('a concurrent request gets 409, and a request after a crash takes the key over', async t => {
  const user = await createTestUser(aws)
  const [key, died] = [randomUUID(), randomUUID()]
  const table = aws.env.UPLOADS_TABLE ?? ''
  const settings = { dynamodb: aws.dynamodb, table, keepMs: 3_600_000 }
  const reference = await askOnce(user, randomUUID())
  const fingerprint = await fingerprintKept(user, randomUUID())
  const first = { fingerprint, uploadId: String(reference.body.uploadId) }
  await createIdempotencyStore({ ...settings, claimMs: 3_600_000 }).claim({ owner: user.sub, key }, first)
  const inFlight = await askOnce(user, key)
  isProblem(t, inFlight, 409, 'idempotency-key-in-use')
  t.match(inFlight.headers.get('retry-after'), /^\d+$/)
  await createIdempotencyStore({ ...settings, claimMs: -1 }).claim({ owner: user.sub, key: died }, first)
  const taken = await askOnce(user, died)
  t.match(taken, { status: 201, body: { uploadId: first.uploadId } }, 'the promise of the dead one is found')
})

/** Returns the stored fingerprint of a request like `wanted`, which a second claim of its key returns. */
async function fingerprintKept(user: TestUser, key: string): Promise<string> {
  await askOnce(user, key)
  const store = createIdempotencyStore({
    dynamodb: aws.dynamodb,
    table: aws.env.UPLOADS_TABLE ?? '',
    claimMs: 1,
    keepMs: 1,
  })
  const result = await store.claim({ owner: user.sub, key }, { fingerprint: '', uploadId: randomUUID() })
  if (!('entry' in result)) throw new Error('Nothing was kept')
  return result.entry.fingerprint
}
