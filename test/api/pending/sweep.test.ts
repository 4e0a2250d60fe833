import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createCleanUp } from '../../../services/api/pending/end-pending.ts'
import { createSweep } from '../../../services/api/pending/sweep.ts'
import { pendingPartitions } from '../../../services/uploads/pending/pending.ts'
import { createPendingStore, type OldReservation } from '../../../services/uploads/pending/pending-store.ts'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy } from '../../support/fault-proxy.ts'
import { throttled } from '../../support/faults/aws-errors.ts'
import { complete, grant, send } from '../grants/support.ts'
import { ask, buildTestApi, createTestUser, isProblem, NO_TRACES } from '../support.ts'
import { tusClient, uploadIdOf } from '../tus/client.ts'

const MIB = 1024 ** 2
const HOUR = 3_600_000

const aws = await startAws(t)
const api = await buildTestApi(t, aws)
const pending = createPendingStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
const silent = { info: () => undefined, error: () => undefined }

/** Creates a sweep of a process whose clock is some hours ahead. */
function sweepIn(hours: number) {
  const now = () => new Date(Date.now() + hours * HOUR)
  return createSweep({ pending, cleanUp: createCleanUp(aws.s3), lifetimeMs: 24 * HOUR, log: silent, now })
}

async function leaveEverything() {
  const user = await createTestUser(aws)
  const { put, uploadId } = await grant(api, user, { size: 1 })
  if (put) await send(put, Buffer.from('x'))
  const { parts: [first] = [] } = await grant(api, user, { size: 11 * MIB })
  if (first) await send(first, randomBytes(8 * MIB))
  const client = tusClient(api, user)
  const url = await client.begin(20 * MIB)
  await client.patch(url, 0, randomBytes(9 * MIB))
  return { user, uploadId, url }
}

t.test('the sweep ends expired pending uploads after a grace period and removes everything of them', async t => {
  const { user, uploadId, url } = await leaveEverything()
  t.match(await user.traces(), { openUploads: 2, records: { length: 3 }, objects: { length: 1 } })
  t.equal(await sweepIn(24).runOnce(), 0)
  t.match((await user.traces()).records, { length: 3 })
  t.equal(await sweepIn(25.1).runOnce(), 3)
  t.same(await user.traces(), NO_TRACES)
  isProblem(t, await complete(api, user, uploadId), 404, 'not-found')
  t.match(await tusClient(api, user).head(url), { status: 404 })
  t.equal(await sweepIn(25.1).runOnce(), 0, 'nothing is left to end')
})

t.test('the sweep ignores completed uploads, and may run concurrently with another sweep', async t => {
  const { user, uploadId } = await leaveEverything()
  t.match(await complete(api, user, uploadId), { status: 200 })
  const [some, others] = await Promise.all([sweepIn(26).runOnce(), sweepIn(26).runOnce()])
  t.ok(some + others >= 2)
  t.match(await user.traces(), { openUploads: 0, objects: { length: 1 }, records: [{ uploadId, status: 'queued' }] })
})

t.test('the sweep removes an object that arrived by a URL after its upload was ended', async t => {
  const user = await createTestUser(aws)
  const { put, uploadId } = await grant(api, user, { size: 1 })
  if (!put) throw new Error('It has no put.')
  await send({ ...put, headers: { ...put.headers, 'content-type': 'text/wrong' } }, Buffer.from('x'))
  isProblem(t, await complete(api, user, uploadId), 422, 'arrival-refused')
  t.same(await user.traces(), NO_TRACES)
  await send(put, Buffer.from('x'))
  t.match(await user.traces(), { objects: { length: 1 } })
  isProblem(t, await complete(api, user, uploadId), 404, 'not-found')
  await sweepIn(26).runOnce()
  t.same(await user.traces(), NO_TRACES)
})

t.test('the sweep finishes the end of an upload after a crash', async t => {
  const user = await createTestUser(aws)
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const failing = await buildTestApi(t, aws, { endpoints: { dynamodb: proxy.url } })
  const client = tusClient(failing, user)
  const url = await client.begin(20 * MIB)
  await client.patch(url, 0, randomBytes(9 * MIB))
  const fault = proxy.inject(throttled('dynamodb'), { when: operation('DeleteItem') })
  t.match(await client.request('DELETE', url), { status: 503 })
  t.ok(fault.hits > 0)
  t.match((await user.traces()).records, [{ uploadId: uploadIdOf(url), status: 'pending' }], 'it is still there')
  await sweepIn(26).runOnce()
  t.same(await user.traces(), NO_TRACES)
})

t.test('a pending upload is shown to its owner with its expiry', async t => {
  const user = await createTestUser(aws)
  const { uploadId, expiresAt } = await grant(api, user, { size: 1 })
  const seen = await ask(`${api.url}/uploads/${uploadId}`, { headers: user.auth })
  t.match(seen, { status: 200, body: { status: 'pending', expiresAt } })
})

t.test('a pass ends if the index keeps listing ended uploads', async t => {
  const old = { owner: 'o', uploadId: 'i', expiresAt: '2020-01-01T00:00:00Z' } as OldReservation
  let listed = 0
  const sweep = createSweep({
    pending: {
      listOld: async ({ limit }) => {
        listed++
        return Array.from({ length: limit }, (_, index) => ({ ...old, uploadId: `i${index}` }))
      },
      end: async promised => promised as OldReservation,
      forget: async () => undefined,
    },
    cleanUp: async () => undefined,
    ...{ lifetimeMs: HOUR, log: silent },
  })
  t.equal(await sweep.runOnce(), 50 * pendingPartitions.length)
  t.equal(listed, 2 * pendingPartitions.length)
})
