import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names, uploadsTable } from '../../services/platform/resources.ts'
import { outputsPrefix } from '../../services/uploads/objects/keys.ts'
import { toObjectMetadata } from '../../services/uploads/objects/metadata.ts'
import { createRemoveObject } from '../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import { createDeletions } from '../../services/uploads/records/deletions.ts'
import { outboxPartition, type UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore, type UploadKey } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { operation, startFaultProxy, to } from '../support/fault-proxy.ts'
import { answer, loseReply } from '../support/faults/faults.ts'
import { uploadRecord } from './examples.ts'

const aws = await startAws(t)
const { dynamodb, s3 } = aws
const table = names.uploadsTable
const NOW = new Date('2026-11-02T00:00:00.000Z')
const store = createUploadStore({ dynamodb, table })
const results = createResultStore({ dynamodb, table })
const removeOutputs = createRemoveOutputs(s3, results)
const deletions = createDeletions({
  dynamodb,
  table,
  removeObject: createRemoveObject(s3),
  removeOutputs,
  now: () => NOW,
})

const processedOf = ({ key }: UploadRecord) => ({
  bucket: names.processedBucket,
  key: key.replace('uploads/', 'processed/'),
})

async function put(bucket: string, key: string, uploadId: string): Promise<void> {
  const Metadata = { ...toObjectMetadata({ uploadId, owner: 'o', filename: 'x' }), 'upload-id': uploadId }
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x', Metadata }))
}

/** Creates an upload with its object, and with its processed object if `isProcessed` is true. */
async function uploaded(change: Partial<UploadRecord> = {}, isProcessed = false): Promise<UploadRecord> {
  const record = uploadRecord(change)
  await put(record.bucket, record.key, record.uploadId)
  await store.create(record)
  if (isProcessed) {
    const processed = processedOf(record)
    await put(processed.bucket, processed.key, record.uploadId)
    await store.markProcessed(record, record, processed)
  }
  return record
}

/** Adds the further outputs of an upload: an object that is in the record, an object that is not, and an item. */
async function addFurtherOutputs(record: UploadRecord): Promise<void> {
  const further = { bucket: names.processedBucket, key: `${outputsPrefix(record.key)}known.json` }
  for (const name of ['known.json', 'unknown.json']) {
    await put(names.processedBucket, outputsPrefix(record.key) + name, record.uploadId)
  }
  const transform = { name: 'own', version: '1' }
  const of = { madeOf: record.uploadId, source: record, transform }
  await results.put({ name: 'item', contentType: 'a/b', body: Buffer.from('x'), ...of })
  await store.markProcessed(record, record, processedOf(record), {
    outputs: [
      { name: 'main', contentType: 'a/b', size: 1 },
      { name: 'known.json', contentType: 'a/b', size: 1, s3: further },
      { name: 'item', contentType: 'a/b', size: 1, isItem: true },
    ],
    transform,
  })
}

async function furtherOf({ key }: UploadRecord): Promise<string[]> {
  const { Contents = [] } = await s3.send(
    new ListObjectsV2Command({ Bucket: names.processedBucket, Prefix: outputsPrefix(key) }),
  )
  return Contents.map(({ Key = '' }) => Key.slice(outputsPrefix(key).length))
}

async function itemOf({ owner, uploadId }: UploadKey): Promise<Record<string, unknown> | undefined> {
  const Key = { owner: { S: owner }, uploadId: { S: uploadId } }
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }))
  return Item && unmarshall(Item)
}

async function objectsOf({ key }: UploadRecord): Promise<string[]> {
  const found: string[] = []
  for (const Bucket of [names.uploadBucket, names.processedBucket]) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }))
    found.push(...Contents.flatMap(({ Key = '' }) => (Key.endsWith(key.replace('uploads/', '/')) ? [Key] : [])))
  }
  return found
}

async function remove(key: UploadKey): Promise<void> {
  const deleted = await deletions.begin(key)
  if (!deleted) throw new Error('There is no such upload')
  await deletions.complete(deleted)
}

t.test('a deleted upload leaves a tombstone without any data of its owner', async t => {
  const record = await uploaded({ filename: 'private-name.txt' }, true)
  t.equal((await objectsOf(record)).length, 2)
  await remove(record)
  t.strictSame(await objectsOf(record), [])
  t.equal(await store.get(record), undefined)
  const item = (await itemOf(record)) ?? {}
  const { owner, uploadId } = record
  t.match(item, { owner, uploadId, status: 'deleted', sourceDigest: /^[0-9a-f]{64}$/ })
  const kept = ['forgetAt', 'owner', 'sourceDigest', 'status', 'updatedAt', 'uploadId']
  t.strictSame(Object.keys(item).sort(), kept)
  t.ok(
    Number(item[uploadsTable.timeToLive]) > NOW.getTime() / 1_000 + 365 * 86_400,
    'longer than the stream keeps any event',
  )
  t.ok(Number(item[uploadsTable.timeToLive]) < NOW.getTime() / 1_000 + 500 * 86_400)
})

t.test(
  'an upload is hidden when its deletion begins, and stays in the outbox until the deletion is finished',
  async t => {
    const record = await uploaded({}, true)
    const deleted = await deletions.begin(record)
    t.strictSame(deleted?.objects, [{ bucket: record.bucket, key: record.key }, processedOf(record)])
    t.equal(await store.get(record), undefined)
    t.equal((await itemOf(record))?.outboxPartition, outboxPartition(record.uploadId))
    t.strictSame(await deletions.begin(record), deleted, 'a second begin returns the same')
    if (deleted) await deletions.complete(deleted)
    t.notOk((await itemOf(record))?.outboxPartition)
    t.match(await deletions.begin(record), { objects: [] }, 'nothing is left to delete')
    if (deleted) await deletions.complete(deleted)
    t.notOk((await itemOf(record))?.outboxPartition, 'a second completion does not mark it again')
  },
)

t.test('a deleted upload stays deleted after any late write', async t => {
  for (const steps of [1, 2]) {
    const record = await uploaded()
    if (steps === 1) await deletions.begin(record)
    else await remove(record)
    // A late creation must fail. If it seemed to succeed, the api would accept an upload that does not exist.
    await t.rejects(store.create(record), { code: 'HEADGATE_UPLOAD_GIVEN_UP' })
    await store.markQueued(record)
    await store.markProcessing(record, record)
    t.equal(await store.markProcessed(record, record, processedOf(record)), 'refused')
    t.equal(await store.markFailed(record, record, { code: 'X', reason: 'No.' }), false)
    t.equal(await store.get(record), undefined)
    t.equal((await itemOf(record))?.status, 'deleted')
  }
})

t.test('has() finds an unfinished or finished deletion only by its upload and its object together', async t => {
  const record = await uploaded()
  const other = await uploaded()
  t.equal(await deletions.has(record, record), false, 'not before the deletion')
  for (const step of [() => deletions.begin(record), () => remove(record)]) {
    await step()
    t.equal(await deletions.has(record, record), true)
    t.equal(await deletions.has(record, other), false, 'not with another object')
    t.equal(await deletions.has({ ...record, owner: other.owner }, record), false)
  }
  t.equal(await deletions.has(uploadRecord(), record), false)
})

t.test('neither another owner’s upload nor a pending upload is deleted', async t => {
  const record = await uploaded()
  t.equal(await deletions.begin({ ...record, owner: 'somebody-else' }), undefined)
  t.equal(await deletions.begin(uploadRecord()), undefined)
  t.match(await store.get(record), { status: 'stored' })
  // The record of a pending upload. Its deletion belongs to the store of pending uploads.
  const pending = { ...uploadRecord(), status: 'pending' } as unknown as UploadRecord
  await store.create(pending)
  t.equal(await deletions.begin(pending), undefined)
  t.match(await store.get(pending), { status: 'pending' })
})

t.test('with a flat template, a deletion keeps an object that another upload has replaced', async t => {
  const key = 'uploads/shared.txt'
  const first = await uploaded({ key }, true)
  const second = await uploaded({ key }, true)
  await remove(first)
  t.equal((await objectsOf(second)).length, 2)
  await remove(second)
  t.strictSame(await objectsOf(second), [])
})

t.test('an object that is overwritten during its deletion is not deleted', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const clients = createLocalClients({ ...aws.endpoints, s3: proxy.url })
  t.teardown(() => clients.destroy())
  const error = '<Error><Code>PreconditionFailed</Code><Message>It is another.</Message></Error>'
  const refused = proxy.inject(answer(412, { 'content-type': 'application/xml' }, error), { when: to('DELETE') })
  const record = await uploaded({ key: 'uploads/overwritten.txt' })
  await createRemoveObject(clients.s3)(record, record.uploadId)
  t.equal(refused.hits, 1)
  refused.remove()
  await createRemoveObject(clients.s3)({ bucket: record.bucket, key: 'uploads/never.txt' }, record.uploadId)
  const gone = proxy.inject(answer(403, {}, ''), { when: to('HEAD') })
  await t.rejects(createRemoveObject(clients.s3)(record, record.uploadId), 'an error of S3 is thrown')
  t.equal(gone.hits, 1)
})

t.test('a deletion succeeds if the response to either write is lost', async t => {
  for (const write of ['UpdateItem', 'PutItem']) {
    const proxy = await startFaultProxy(t, aws.endpoints.dynamodb)
    const clients = createLocalClients({ ...aws.endpoints, dynamodb: proxy.url })
    t.teardown(() => clients.destroy())
    const records = { dynamodb: clients.dynamodb, table }
    const through = createDeletions({ ...records, removeObject: createRemoveObject(s3), removeOutputs })
    const record = await uploaded({}, true)
    const lost = proxy.inject(loseReply, { when: operation(write), times: 1 })
    const deleted = await through.begin(record)
    t.equal(deleted?.objects.length, 2)
    if (deleted) await through.complete(deleted)
    t.equal(lost.hits, 1)
    t.strictSame(await objectsOf(record), [])
    t.notOk((await itemOf(record))?.outboxPartition)
  }
})

t.test(
  'a deletion removes all outputs of the upload, including unrecorded ones, and none of another upload',
  async t => {
    const record = await uploaded({}, true)
    // The key of this upload, and those of its outputs, begin with the key of the first one.
    const deeper = await uploaded({ owner: record.owner, key: `${record.key}/deeper` }, true)
    for (const one of [record, deeper]) await addFurtherOutputs(one)
    const deleted = await deletions.begin(record)
    if (deleted) await deletions.complete(deleted)
    t.strictSame(await furtherOf(record), ['deeper/known.json', 'deeper/unknown.json'])
    t.equal(await results.get(record, 'item', record.uploadId), undefined)
    t.match(await results.get(deeper, 'item', deeper.uploadId), { contentType: 'a/b' })
    t.match(await itemOf(record), { status: 'deleted' })
    t.notOk('outputs' in ((await itemOf(record)) ?? {}), 'the tombstone does not list them')
  },
)

t.test('with a flat template, a deletion keeps outputs that another upload has replaced', async t => {
  const key = 'uploads/flat.csv'
  const first = await uploaded({ key }, true)
  await addFurtherOutputs(first)
  const second = await uploaded({ key }, true)
  await addFurtherOutputs(second)
  const deleted = await deletions.begin(first)
  if (deleted) await deletions.complete(deleted)
  t.strictSame(await furtherOf(second), ['known.json', 'unknown.json'])
  t.match(await results.get(second, 'item', second.uploadId), { madeOf: second.uploadId })
  t.equal(await results.get(second, 'item', first.uploadId), undefined, 'the result of the first upload is gone')
})
