import { randomUUID } from 'node:crypto'
import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import {
  OUTBOX_PARTITIONS,
  outboxPartition,
  outboxPartitionName,
  type UploadRecord,
} from '../../services/uploads/records/record.ts'
import { createUploadStore, type UploadKey } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy } from '../support/fault-proxy.ts'
import { throttled } from '../support/faults/aws-errors.ts'
import { loseReply } from '../support/faults/faults.ts'
import { uploadRecord } from './examples.ts'

const aws = await startAws(t)
const table = names.uploadsTable
const LATER = '2026-11-02T00:00:00.000Z'
const store = createUploadStore({ dynamodb: aws.dynamodb, table, now: () => new Date(LATER) })

const processed = { bucket: names.processedBucket, key: 'processed/x' }
const failure = { code: 'HEADGATE_OBJECT_MISSING', reason: 'There is no object.' }

const sourceOf = ({ bucket, key }: UploadRecord) => ({ bucket, key })

/** Returns the item of a record, including internal attributes. */
async function itemOf({ owner, uploadId }: UploadKey) {
  const Key = { owner: { S: owner }, uploadId: { S: uploadId } }
  return (await aws.dynamodb.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }))).Item
}

/** Returns the ids of all uploads in the outbox. */
async function outbox(before = LATER) {
  const partitions = Array.from({ length: OUTBOX_PARTITIONS }, (_, index) => outboxPartitionName(index))
  const lists = await Promise.all(partitions.map(partition => store.listOutbox({ partition, before, limit: 100 })))
  return lists.flat().map(({ uploadId }) => uploadId)
}

async function created(changes = {}) {
  const record = uploadRecord(changes)
  await store.create(record)
  return record
}

t.test('a record is read as it was written, without its outbox mark', async t => {
  const record = await created({ filename: 'Grüße 👩‍👩‍👧‍👦.txt' })
  t.strictSame(await store.get(record), record)
  t.match(await itemOf(record), { outboxPartition: { S: outboxPartition(record.uploadId) } })
})

t.test('no event changes the status of a pending upload', async t => {
  const record = await created({ status: 'pending' as UploadRecord['status'] })
  t.equal(await store.markProcessed(record, sourceOf(record), processed), 'refused')
  t.equal(await store.markFailed(record, sourceOf(record), { code: 'X', reason: 'No.' }), false)
  t.match(await itemOf(record), { status: { S: 'pending' } })
})

t.test('creating an existing record again changes nothing', async t => {
  const record = await created()
  await store.create({ ...record, size: 6 })
  t.strictSame(await store.get(record), record)
  await store.markProcessed(record, sourceOf(record), processed)
  await store.create(record)
  t.match(await store.get(record), { status: 'processed', processed })
  t.notOk((await itemOf(record))?.outboxPartition)
})

t.test('an upload is found only with its owner and its id', async t => {
  const record = await created()
  t.equal(await store.get({ ...record, owner: randomUUID() }), undefined)
  t.equal(await store.get({ ...record, uploadId: randomUUID() }), undefined)
  const foreign = { owner: randomUUID(), uploadId: record.uploadId }
  t.equal(await store.markProcessed(foreign, sourceOf(record), processed), 'refused')
  t.equal(await store.markFailed(foreign, sourceOf(record), failure), false)
  t.equal(await store.claimOutbox(foreign, { now: 1, until: 2 }), false)
  await store.markQueued(foreign)
  t.equal(await itemOf(foreign), undefined, 'no record is created for the other owner')
  t.strictSame(await store.get(record), record)
})

t.test('a record that is created as queued has no outbox mark, and markStored adds one', async t => {
  const record = await created({ status: 'queued' })
  t.notOk((await itemOf(record))?.outboxPartition)
  for (let time = 0; time < 2; time++) {
    t.equal(await store.markStored(record), true, 'a repeated write also returns true')
    t.strictSame(await store.get(record), { ...record, status: 'stored', updatedAt: LATER })
    t.match(await itemOf(record), { outboxPartition: { S: outboxPartition(record.uploadId) } })
  }
  t.ok((await outbox()).includes(record.uploadId))
})

t.test('markStored does not change a processed upload or create a record', async t => {
  const record = await created({ status: 'queued' })
  await store.markProcessed(record, sourceOf(record), processed)
  t.equal(await store.markStored(record), false)
  t.match(await store.get(record), { status: 'processed' })
  const nobody = uploadRecord()
  t.equal(await store.markStored(nobody), false)
  t.equal(await itemOf(nobody), undefined)
})

t.test('markQueued removes the outbox mark and sets updatedAt', async t => {
  const record = await created()
  await store.claimOutbox(record, { now: 1, until: 2 })
  await store.markQueued(record)
  t.strictSame(await store.get(record), { ...record, status: 'queued', updatedAt: LATER })
  const item = await itemOf(record)
  t.notOk(item?.outboxPartition)
  t.notOk(item?.outboxClaimedUntil)
})

t.test('a late markQueued does not change a processed or failed upload', async t => {
  const done = await created()
  t.equal(await store.markProcessed(done, sourceOf(done), processed), 'first')
  await store.markQueued(done)
  t.strictSame(await store.get(done), { ...done, status: 'processed', processed, updatedAt: LATER })
  t.notOk((await itemOf(done))?.outboxPartition, 'markProcessed removed the mark')

  const failed = await created()
  t.equal(await store.markFailed(failed, sourceOf(failed), failure), true)
  await store.markQueued(failed)
  t.match(await store.get(failed), { status: 'failed', failure })
})

t.test('processed replaces failed, and failed does not replace processed', async t => {
  const record = await created()
  t.equal(await store.markFailed(record, sourceOf(record), failure), true)
  t.equal(await store.markFailed(record, sourceOf(record), { ...failure, reason: 'still' }), true)
  t.match(await store.get(record), { status: 'failed', failure: { reason: 'still' } })
  t.equal(await store.markProcessed(record, sourceOf(record), processed), 'again')
  t.equal(
    await store.markProcessed(record, sourceOf(record), processed),
    'again',
    'for an event that was delivered twice',
  )
  t.equal(await store.markFailed(record, sourceOf(record), failure), false)
  t.strictSame(await store.get(record), { ...record, status: 'processed', processed, updatedAt: LATER })
})

t.test('the trail of the worker is stored with the end of an upload, and replaced with the next end', async t => {
  const record = await created()
  const trail = {
    workerId: 'worker-1',
    shardId: 'shardId-000000000012',
    sequenceNumber: '49656789012345678901234567890123456789012345678901234567',
    attempt: 2,
    arrivedAt: 1_796_000_000_000,
    startedAt: 1_796_000_000_250,
    openedAt: 1_796_000_000_260,
    writtenAt: undefined,
  }
  await store.markFailed(record, sourceOf(record), failure, trail)
  t.match(await store.get(record), { status: 'failed', trail })
  const later = { ...trail, attempt: 1, writtenAt: 1_796_000_009_000 }
  await store.markProcessed(record, sourceOf(record), processed, undefined, later)
  t.match(await store.get(record), { status: 'processed', trail: later })
  await store.markProcessed(record, sourceOf(record), processed)
  t.notOk((await store.get(record))?.trail, 'another worker recorded no trail')
})

t.test('an event of another object does not change an upload', async t => {
  const record = await created()
  const { bucket, key } = record
  const others = [
    { bucket, key: 'uploads/another.txt' },
    { bucket: 'another-bucket', key },
    { bucket, key: `${key}\ud800` },
    { bucket, key: '' },
  ]
  for (const other of others) {
    t.equal(await store.markFailed(record, other, failure), false, JSON.stringify(other))
    t.equal(await store.markProcessed(record, other, processed), 'refused', JSON.stringify(other))
  }
  t.strictSame(await store.get(record), record)
})

t.test('after concurrent changes an upload that was processed once is processed', async t => {
  const record = await created()
  const marks = Array.from({ length: 12 }, (_, index) =>
    [
      () => store.markQueued(record),
      () => store.markFailed(record, sourceOf(record), failure),
      () => store.markProcessed(record, sourceOf(record), processed),
    ][index % 3]?.(),
  )
  await Promise.all(marks)
  t.match(await store.get(record), { status: 'processed', processed })
  t.notOk((await store.get(record))?.failure)
})

t.test('the outbox lists uploads that were recorded before a time and still have their mark', async t => {
  const [first, second, third] = ['2026-10-01T00:00:00.000Z', '2026-10-02T00:00:00.000Z', '2026-10-03T00:00:00.000Z']
  const middle = await created({ uploadedAt: second })
  const last = await created({ uploadedAt: third })
  const oldest = await created({ uploadedAt: first })
  const listed = await outbox(third)
  t.ok(listed.includes(middle.uploadId) && listed.includes(oldest.uploadId))
  t.notOk(listed.includes(last.uploadId), 'an upload that was recorded at that time is not listed')
  await store.markQueued(middle)
  await store.markFailed(oldest, sourceOf(oldest), failure)
  await store.markProcessed(last, sourceOf(last), processed)
  const left = await outbox()
  for (const { uploadId } of [middle, oldest, last]) t.notOk(left.includes(uploadId))
})

t.test('a partition lists its own uploads, oldest first, up to the limit', async t => {
  const partition = 'outbox-3'
  const days = ['05', '03', '04', '01', '02']
  const owner = randomUUID()
  for (const day of days) {
    let record = uploadRecord({ owner, uploadedAt: `2020-01-${day}T00:00:00.000Z` })
    while (outboxPartition(record.uploadId) !== partition)
      record = uploadRecord({ owner, uploadedAt: record.uploadedAt })
    await store.create(record)
  }
  const list = (limit: number) => store.listOutbox({ partition, before: '2020-02-01T00:00:00.000Z', limit })
  t.strictSame(
    (await list(10)).map(entry => entry.status !== 'deleted' && entry.uploadedAt.slice(8, 10)),
    ['01', '02', '03', '04', '05'],
  )
  t.equal((await list(2)).length, 2)
  t.notOk((await list(1)).some(record => 'outboxPartition' in record))
})

t.test('of many concurrent claims of an upload exactly one succeeds', async t => {
  const record = await created()
  for (const now of [1_000, 2_000]) {
    const claims = Array.from({ length: 20 }, () => store.claimOutbox(record, { now, until: now + 500 }))
    t.equal((await Promise.all(claims)).filter(Boolean).length, 1)
  }
})

t.test('a claim lasts until it expires, and an upload without a mark can not be claimed', async t => {
  const record = await created()
  t.equal(await store.claimOutbox(record, { now: 1_000, until: 2_000 }), true)
  t.equal(await store.claimOutbox(record, { now: 1_999, until: 9_000 }), false)
  t.equal(
    await store.claimOutbox(record, { now: 2_000, until: 9_000 }),
    false,
    'the claim is still valid at its expiry time',
  )
  t.equal(await store.claimOutbox(record, { now: 2_001, until: 3_000 }), true)
  t.strictSame(await store.get(record), record, 'the claim is not part of the record')
  await store.markQueued(record)
  t.equal(await store.claimOutbox(record, { now: 10_000, until: 11_000 }), false)
})

t.test('a write whose response was lost is repeated with the same result, and other errors are thrown', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
  const clients = createLocalClients({ ...aws.endpoints, dynamodb: proxy.url })
  t.teardown(() => clients.destroy())
  const through = createUploadStore({ dynamodb: clients.dynamodb, table, now: () => new Date(LATER) })
  const record = uploadRecord()
  const lost = proxy.inject(loseReply, { times: 1 })
  await through.create(record)
  t.equal(lost.hits, 1)
  t.strictSame(await store.get(record), record)
  proxy.inject(loseReply, { when: operation('UpdateItem'), times: 1 })
  t.equal(await through.markFailed(record, sourceOf(record), failure), true)
  proxy.inject(loseReply, { when: operation('UpdateItem'), times: 1 })
  t.equal(
    await through.markProcessed(record, sourceOf(record), processed),
    'again',
    'the repeated write finds the first one',
  )
  proxy.inject(throttled('dynamodb'), { when: operation('UpdateItem') })
  await t.rejects(through.markProcessed(record, sourceOf(record), processed), {
    name: 'ProvisionedThroughputExceededException',
  })
  const missing = createUploadStore({ dynamodb: aws.dynamodb, table: 'no-such-table' })
  await t.rejects(missing.create(record), { name: 'ResourceNotFoundException' })
})
