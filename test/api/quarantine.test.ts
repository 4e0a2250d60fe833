import t from 'tap'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import { createQuarantineStore } from '../../services/uploads/records/quarantine-store.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { readContract } from './contract.ts'
import { ask, buildTestApi, createTestUser, isProblem, postJson, type TestUser } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const scanned = await buildTestApi(t, aws, { env: { SCANNER: 'clamd' } })
const contract = await readContract(api)
const records = { dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' }
const store = createUploadStore(records)
const results = createResultStore(records)
const quarantine = createQuarantineStore(records)

const failure = { code: 'HEADGATE_MALWARE_FOUND', reason: 'The scan found malware in the file: Eicar.' }
const scan = {
  scanner: 'clamd',
  verdict: 'infected',
  signature: 'Eicar',
  etag: 'abc',
  at: '2026-12-01T00:00:00Z',
} as const

/** Uploads a file, and returns its record. */
async function upload(user: TestUser) {
  const { body } = await postJson(api, user, { filename: 'a.txt', content: 'hello' })
  const record = await store.get({ owner: user.sub, uploadId: String(body.uploadId) })
  if (!record || record.status === 'pending') throw new Error('The upload has no record.')
  return record
}

/** Sends a request whose answer may have no body. */
async function send(url: string, init: RequestInit) {
  const response = await fetch(url, { redirect: 'manual', ...init })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}

const ROUTES = ['content', 'processed', 'outputs/main', 'outputs/small']

t.test('a quarantined upload shows its status and the name of the malware, and cannot be downloaded', async t => {
  const user = await createTestUser(aws)
  const record = await upload(user)
  const outputs = [
    { name: 'main', contentType: 'text/plain', size: 5 },
    { name: 'small', contentType: 'text/plain', size: 1, isItem: true as const },
  ]
  const transform = { name: 'upper-case', version: '1' }
  const { bucket, key } = record
  await store.markProcessed(record, record, { bucket, key }, { outputs, transform })
  for (const route of ROUTES.slice(0, 3)) {
    t.equal((await send(`${api.url}/uploads/${record.uploadId}/${route}`, { headers: user.auth })).status, 302)
  }
  await quarantine.markQuarantined(record, { source: record, failure, scan })

  const shown = await contract.ask(t, 'get /uploads/{id}', `/uploads/${record.uploadId}`, { headers: user.auth })
  t.match(shown.body, {
    status: 'quarantined',
    failure,
    scan: { scanner: 'clamd', verdict: 'infected', signature: 'Eicar' },
  })
  const { outputs: noOutputs, processed, transform: noTransform, scan: report } = shown.body as Record<string, unknown>
  t.strictSame([noOutputs, processed, noTransform], [undefined, undefined, undefined])
  t.notOk('etag' in (report as object), 'internal parts of the report are not shown')

  for (const { url } of [api, scanned]) {
    for (const route of ROUTES) {
      for (const headers of [user.auth, { ...user.auth, accept: 'application/json' }]) {
        const answer = await send(`${url}/uploads/${record.uploadId}/${route}`, { headers })
        isProblem(t, answer, 403, 'quarantined', route)
        t.match(answer.body, { detail: failure.reason })
        t.equal(answer.headers.get('location'), null)
      }
      const head = await send(`${url}/uploads/${record.uploadId}/${route}`, { method: 'HEAD', headers: user.auth })
      t.equal(head.status, 403)
    }
  }
  const events = await fetch(`${api.url}/uploads/${record.uploadId}/events`, { headers: user.auth })
  t.match(await events.text(), /"status":"quarantined"/, 'the stream of events ends')
  const wait = await ask(`${api.url}/uploads/${record.uploadId}?wait=20`, { headers: user.auth })
  t.match(wait.body, { status: 'quarantined' }, 'a request that waits for the end is answered')
})

t.test('quarantined uploads can be listed by their status, without a link', async t => {
  const user = await createTestUser(aws)
  const record = await upload(user)
  await upload(user)
  await quarantine.markQuarantined(record, { source: record, failure, scan })
  const list = await contract.ask(t, 'get /uploads', '/uploads?status=quarantined', { headers: user.auth })
  t.match(list.body, { uploads: [{ uploadId: record.uploadId, status: 'quarantined', scan: { signature: 'Eicar' } }] })
  t.equal((list.body.uploads as unknown[]).length, 1)
})

t.test('the owner can delete a quarantined upload', async t => {
  const user = await createTestUser(aws)
  const record = await upload(user)
  await quarantine.markQuarantined(record, { source: record, failure, scan })
  const path = `${api.url}/uploads/${record.uploadId}`
  t.equal((await send(path, { method: 'DELETE', headers: user.auth })).status, 204)
  isProblem(t, await ask(path, { headers: user.auth }), 404, 'not-found')
  const listed: string[] = []
  for await (const { uploadId } of quarantine.list()) listed.push(uploadId)
  t.notOk(listed.includes(record.uploadId))
})

t.test('no later write changes a quarantined upload to processed or failed', async t => {
  const user = await createTestUser(aws)
  const record = await upload(user)
  await quarantine.markQuarantined(record, { source: record, failure, scan })
  const { bucket, key } = record
  t.equal(await store.markProcessed(record, record, { bucket, key }), 'refused')
  t.equal(await store.markFailed(record, record, { code: 'X', reason: 'x' }), false)
  await store.markProcessing(record, record)
  await quarantine.markScanning(record, record)
  t.equal(await store.markStored(record), false)
  t.match(await store.get(record), { status: 'quarantined' })
})

t.test('with a scanner, a file is not sent before it is scanned', async t => {
  const user = await createTestUser(aws)
  const content = async ({ uploadId }: { uploadId: string }, { url } = scanned) =>
    send(`${url}/uploads/${uploadId}/content`, { headers: user.auth })

  const fresh = await upload(user)
  isProblem(t, await content(fresh), 409, 'content-not-ready')
  await quarantine.markScanning(fresh, fresh)
  isProblem(t, await content(fresh), 409, 'content-not-ready')
  t.equal((await content(fresh, api)).status, 302, 'without a scanner it is sent')

  const unscanned = await upload(user)
  await store.markFailed(unscanned, unscanned, { code: 'HEADGATE_OVERDUE', reason: 'Too old.' })
  isProblem(t, await content(unscanned), 409, 'content-withheld')

  const clean = { scanner: 'clamd', verdict: 'clean', at: '2026-12-01T00:00:00Z' } as const
  const refused = await upload(user)
  await store.markFailed(refused, refused, { code: 'X', reason: 'x' }, undefined, undefined, { scan: clean })
  t.equal((await content(refused)).status, 302, 'it failed after its scan')

  const processed = await upload(user)
  const { bucket, key } = processed
  await store.markProcessed(processed, processed, { bucket, key })
  t.equal((await content(processed)).status, 302, 'it was processed before there was a scanner')

  const infected = await upload(user)
  await quarantine.markQuarantined(infected, { source: infected, failure, scan })
  await quarantine.release(infected, 'alice')
  t.equal((await content(infected)).status, 302, 'an operator has released it')
  const shown = await ask(`${scanned.url}/uploads/${infected.uploadId}`, { headers: user.auth })
  t.match(shown.body, { status: 'stored', scan: { verdict: 'released', signature: 'Eicar' } })
  t.notMatch(JSON.stringify(shown.body), /alice/, 'clients do not see who released it')
  t.equal(await results.get(infected, 'main', infected.uploadId), undefined)
})
