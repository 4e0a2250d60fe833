import { randomUUID } from 'node:crypto'
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { CreateMultipartUploadCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createLocalClients } from '../../../services/local/clients.ts'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../../services/platform/config/worker.ts'
import { processedKey } from '../../../services/uploads/objects/keys.ts'
import { toObjectMetadata } from '../../../services/uploads/objects/metadata.ts'
import type { UploadRecord } from '../../../services/uploads/records/record.ts'
import { itemKey } from '../../../services/uploads/records/store.ts'
import { createListUploadObjects, sections } from '../../../services/worker/orphans/list-upload-objects.ts'
import { createOrphanSweep, createWorkerOrphanSweep } from '../../../services/worker/orphans/sweep.ts'
import { createSweepClaims } from '../../../services/worker/orphans/sweep-claim.ts'
import { createUploadBucket } from '../../../services/worker/orphans/upload-bucket.ts'
import { operation, startFaultProxy } from '../../support/fault-proxy.ts'
import { hold, pass } from '../../support/faults/faults.ts'
import { startPipeline, uploadRecord } from '../pipeline.ts'

const HOUR = 3_600_000

const pipeline = await startPipeline(t)
const { aws, store, deletions, upload, lines } = pipeline
const { s3, dynamodb } = aws
const config = loadConfig(workerConfigSchema, aws.env)
const bucket = createUploadBucket(s3, config.UPLOAD_BUCKET)

/** Empties the bucket, and runs the first pass. */
async function reset(): Promise<void> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: config.UPLOAD_BUCKET }))
  for (const { Key = '' } of Contents) await bucket.remove(Key)
  await forgetSweeps()
  await sweep(0)
}

/** Makes the next pass the first one. */
async function forgetSweeps(): Promise<void> {
  for (const name of ['sweep', ...sections.map(({ index }) => `sweep-${index}`)]) {
    const Key = itemKey({ owner: '#strays', uploadId: name })
    await dynamodb.send(new DeleteItemCommand({ TableName: config.UPLOADS_TABLE, Key }))
  }
}

/** Runs a pass of a worker whose clock is some hours ahead. */
function sweep(hours = 26, clients: Parameters<typeof createWorkerOrphanSweep>[1] = aws) {
  return createWorkerOrphanSweep(config, clients, pipeline.log, () => Date.now() + hours * HOUR).runOnce()
}

function record(change: Partial<UploadRecord> = {}): UploadRecord {
  return uploadRecord({ uploadId: uuidv7(), owner: randomUUID(), ...change })
}

async function putAlone(upload: UploadRecord, metadata = toObjectMetadata(upload)): Promise<void> {
  const { bucket: Bucket, key: Key } = upload
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Metadata: metadata }))
}

const isThere = async ({ bucket: Bucket, key: Prefix }: { bucket: string; key: string }) =>
  (await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).KeyCount === 1

t.beforeEach(reset)

t.test('an object without a record is removed after the maximum age', async t => {
  const orphan = record()
  await putAlone(orphan)
  const prefixed = record()
  prefixed.key = prefixed.key.replace('uploads/', 'uploads/invoices/eu/')
  await putAlone(prefixed)
  t.same(await sweep(1), undefined, 'no pass is due')
  t.same(await sweep(7), { requeued: 0, removed: 0 })
  t.ok(await isThere(orphan))
  t.same(await sweep(26), { requeued: 0, removed: 2 })
  t.notOk(await isThere(prefixed), 'an object below the key prefix of a rule, too')
  t.notOk(await isThere(orphan))
  await t.rejects(store.create(orphan), { code: 'HEADGATE_UPLOAD_GIVEN_UP' }, 'its upload can not be recorded any more')
  t.equal(await store.get(orphan), undefined)
})

t.test('an upload that is recorded during the sweep keeps its object', async t => {
  const late = record({ status: 'queued' })
  await putAlone(late)
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const clients = createLocalClients({ ...aws.endpoints, dynamodb: proxy.url })
  t.teardown(() => clients.destroy())
  const gate = Promise.withResolvers<void>()
  const tombstone = proxy.inject(hold(gate.promise, pass), { when: operation('PutItem') })
  const sweeping = sweep(26, clients)
  await tombstone.reached()
  await store.create(late)
  gate.resolve()
  t.same(await sweeping, { requeued: 0, removed: 0 })
  t.ok(await isThere(late))
  t.match(await store.get(late), { status: 'queued' })
})

t.test(
  'an upload that is queued or processing for too long returns to the outbox, and others do not change',
  async t => {
    const before = new Date(Date.now() - HOUR).toISOString()
    const waiting = await upload('a', { ...record({ status: 'queued' }), updatedAt: before })
    const stuck = await upload('b', { ...record({ status: 'processing' }), updatedAt: before })
    const done = await upload('c', record({ status: 'processed' }))
    const failed = await upload('d', record({ status: 'failed' }))
    const deleted = await upload('e', record({ status: 'processed' }))
    await deletions.begin(deleted)
    t.same(await sweep(), { requeued: 2, removed: 0 })
    const outbox = async (one: UploadRecord) => (await store.get(one))?.status
    t.same(await Promise.all([waiting, stuck, done, failed].map(outbox)), ['stored', 'stored', 'processed', 'failed'])
    t.ok(await store.claimOutbox(waiting, { now: Date.now(), until: Date.now() + 1 }), 'it has its outbox mark')
    t.ok(await isThere(deleted), 'the relay finishes a deletion in progress')
    t.equal(await sweep(), undefined, 'the next pass is not due yet')
    t.same(await sweep(26 + 7), { requeued: 0, removed: 0 }, 'the next pass reads only later objects')
  },
)

t.test('an object is removed if its upload is deleted or has another object', async t => {
  const deleted = await upload('a', record({ status: 'processed' }))
  const tombstone = await deletions.begin(deleted)
  if (tombstone) await deletions.complete(tombstone)
  await putAlone(deleted)
  const renamed = await upload('b', record({ status: 'processed' }))
  const first = { ...renamed, key: renamed.key.replace('demo.txt', 'old.txt') }
  await putAlone(first)
  t.same(await sweep(), { requeued: 0, removed: 2 })
  t.same(await Promise.all([deleted, first, renamed].map(isThere)), [false, false, true])
})

t.test('an object that may not be an orphan of the api is not removed', async t => {
  const foreign = record()
  await putAlone(foreign, {})
  const others = record()
  await putAlone(others, toObjectMetadata({ ...others, owner: 'somebody-else' }))
  const flat = record({ key: `uploads/${randomUUID()}.txt` })
  await putAlone(flat)
  const lost = record()
  await putAlone(lost)
  const processed = { Bucket: config.PROCESSED_BUCKET, Key: processedKey(lost.key), Body: 'X' }
  await s3.send(new PutObjectCommand(processed))
  t.same(await sweep(), { requeued: 0, removed: 0 })
  t.same(await Promise.all([foreign, others, flat, lost].map(isThere)), [true, true, true, true])
  t.match(
    lines.filter(({ level }) => level === 'error'),
    [{ msg: /UPLOADS_TABLE/, uploadId: lost.uploadId }],
    'lost records of the table are logged',
  )
})

t.test('objects from before the first pass are not removed, because another table may have their records', async t => {
  const orphan = record()
  await putAlone(orphan)
  await forgetSweeps()
  t.same(await sweep(40), { requeued: 0, removed: 0 })
  t.same(await sweep(80), { requeued: 0, removed: 0 })
  t.ok(await isThere(orphan))
})

t.test('abandoned multipart uploads and tails are removed', async t => {
  const { key: Key, bucket: Bucket, owner, uploadId } = record()
  await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const tail = { bucket: Bucket, key: `tails/${owner}/${uploadId}/8` }
  await s3.send(new PutObjectCommand({ Bucket, Key: tail.key, Body: 'x' }))
  t.same(await sweep(7), { requeued: 0, removed: 0 })
  t.same(await sweep(26), { requeued: 0, removed: 2 })
  t.notOk(await isThere(tail))
  for await (const page of bucket.multiparts(new AbortController().signal)) t.same(page, [])
})

t.test('old uploads of an owner with many uploads are skipped', async t => {
  const [day, now] = [86_400_000, Date.now()]
  const owners = ['a', 'b'].map(letter => `${letter}-${randomUUID()}`)
  const at = (owner: string, msecs: number) => {
    const made = record({ owner, uploadId: uuidv7({ msecs }) })
    // The second owner's rule has a key prefix.
    return owner.startsWith('b') ? { ...made, key: made.key.replace('uploads/', 'uploads/folder/') } : made
  }
  const old = owners.flatMap(owner => Array.from({ length: 7 }, (_, n) => at(owner, now - 30 * day + n)))
  const recent = owners.flatMap(owner => Array.from({ length: 3 }, (_, n) => at(owner, now + n)))
  for (const one of [...old, ...recent]) await putAlone(one)
  const list = createListUploadObjects(s3, config.UPLOAD_BUCKET, 3)
  const seen: string[] = []
  for (let after: string | undefined = 'uploads/'; after !== undefined; ) {
    const page = await list({ after, since: now - day })
    seen.push(...page.objects.map(({ key }) => key))
    after = page.next
  }
  for (const { key } of recent) t.ok(seen.includes(key))
  t.ok(old.filter(({ key }) => seen.includes(key)).length <= 6, 'at most one page of each owner')
  t.equal(new Set(seen).size, seen.length, 'no key is listed twice')
})

t.test('one worker at a time holds the sweep claim, and the next continues at its cursor', async t => {
  await reset()
  const resources = { dynamodb, table: config.UPLOADS_TABLE }
  const claims = createSweepClaims(resources)
  const now = Date.now() + 100 * HOUR
  const taken = await Promise.all(
    Array.from({ length: 5 }, () => createSweepClaims(resources).take(3, { now, until: now + 1_000, to: now - HOUR })),
  )
  const [claim, ...more] = taken.filter(one => one !== undefined)
  t.ok(claim)
  t.same(more, [])
  if (!claim) return
  t.ok(await claims.advance(claim, { cursor: 'uploads/m', pages: 7, until: now + 2_000 }))
  t.equal(await claims.take(3, { now: now + 1_500, until: now + 3_000, to: now }), undefined, 'the claim was extended')
  const next = await claims.take(3, { now: now + 2_500, until: now + 9_000, to: now })
  t.match(next, { cursor: 'uploads/m', pages: 7, to: now - HOUR, from: claim.from }, 'the same pass')
  t.notOk(
    await claims.advance(claim, { cursor: 'uploads/n', pages: 8, until: now + 9_999 }),
    'the expired claim can not be advanced',
  )
  if (next) await claims.finish(next, now + 6 * HOUR)
  t.equal(await claims.take(3, { now: now + HOUR, until: now + 2 * HOUR, to: now }), undefined)
  const later = now + 7 * HOUR
  t.match(await claims.take(3, { now: later, until: later + 1, to: later - HOUR }), {
    from: now - HOUR,
    to: later - HOUR,
  })
})

t.test('a pass that is stopped half way does not fail, and releases its claim', async t => {
  const listing = Promise.withResolvers<void>()
  const ends: string[] = []
  const nothing = async () => ({ requeued: 0, removed: 0 })
  const sweep = createOrphanSweep({
    claims: {
      take: async section => (section === 5 ? { section, token: 'claim', from: 0, to: 1, pages: 0 } : undefined),
      advance: async () => true,
      finish: async () => void ends.push('finished'),
      release: async () => void ends.push('released'),
    },
    list(_query, signal) {
      listing.resolve()
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    pass: { unfinished: nothing, objects: nothing },
    afterMs: HOUR,
    log: pipeline.log,
  })
  const pass = sweep.runOnce()
  await listing.promise
  await sweep.stop()
  t.same(await pass, { requeued: 0, removed: 0 })
  t.same(ends, ['released'])
})

t.test('the sections have every key of an upload, each once', async t => {
  await reset()
  const owners = [...'0123456789abcdefgzAFÅ_-'].map(first => `${first}-${randomUUID()}`)
  const uploads = owners.flatMap(owner => [record({ owner }), record({ owner })])
  for (const one of uploads) await putAlone(one)
  const list = createListUploadObjects(s3, config.UPLOAD_BUCKET, 3)
  const seen: string[] = []
  for (const { after: start, end } of sections) {
    for (let after: string | undefined = start; after !== undefined; ) {
      const page = await list({ after, end, since: 0 })
      seen.push(...page.objects.map(({ key }) => key))
      after = page.next
    }
  }
  t.same(seen.toSorted(), uploads.map(({ key }) => key).toSorted())
})

t.test('a sweep of sections begins where the sweep of the whole bucket by an earlier version ended', async t => {
  await forgetSweeps()
  const now = Date.now()
  const key = itemKey({ owner: '#strays', uploadId: 'sweep' })
  await dynamodb.send(
    new PutItemCommand({ TableName: config.UPLOADS_TABLE, Item: { ...key, coveredTo: { N: String(now - 9 * HOUR) } } }),
  )
  const claims = createSweepClaims({ dynamodb, table: config.UPLOADS_TABLE })
  for (const section of [0, 15]) {
    const claim = await claims.take(section, { now, until: now + HOUR, to: now - HOUR })
    t.match(claim, { section, from: now - 9 * HOUR, to: now - HOUR })
  }
})

t.test('several workers share the sections of a bucket', async t => {
  await reset()
  for (let count = 0; count < 64; count++) await putAlone(record())
  const workers = Array.from({ length: 4 }, () => sweep())
  const results = (await Promise.all(workers)).filter(result => result !== undefined)
  t.ok(results.length > 1, 'more than one worker had a section')
  t.equal(
    results.reduce((sum, { removed }) => sum + removed, 0),
    64,
    'each object was removed by one of them',
  )
})
