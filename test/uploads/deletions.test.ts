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

/** An upload with its object, and its processed object where it is processed. */
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

/** What a worker makes besides the main one: one that the record tells of, one that it does not, and a result. */
async function madeMore(record: UploadRecord): Promise<void> {
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

t.test('a deleted upload is nowhere, and what stays says nothing that its owner put in', async t => {
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
    'for longer than any event is kept',
  )
  t.ok(Number(item[uploadsTable.timeToLive]) < NOW.getTime() / 1_000 + 500 * 86_400)
})

t.test('from the first step on it is hidden, and its mark says that it is not finished', async t => {
  const record = await uploaded({}, true)
  const deleted = await deletions.begin(record)
  t.strictSame(deleted?.objects, [{ bucket: record.bucket, key: record.key }, processedOf(record)])
  t.equal(await store.get(record), undefined)
  t.equal((await itemOf(record))?.outboxPartition, outboxPartition(record.uploadId))
  t.strictSame(await deletions.begin(record), deleted, 'beginning again comes to the same')
  if (deleted) await deletions.complete(deleted)
  t.notOk((await itemOf(record))?.outboxPartition)
  t.match(await deletions.begin(record), { objects: [] }, 'and then there is nothing left to do')
  if (deleted) await deletions.complete(deleted)
  t.notOk((await itemOf(record))?.outboxPartition, 'also not for whoever comes too late')
})

t.test('nothing brings a deleted upload back', async t => {
  for (const steps of [1, 2]) {
    const record = await uploaded()
    if (steps === 1) await deletions.begin(record)
    else await remove(record)
    // A late write of the record is refused: whoever took the upload for recorded would lose it.
    await t.rejects(store.create(record), { code: 'HEADGATE_UPLOAD_GIVEN_UP' })
    await store.markQueued(record)
    await store.markProcessing(record, record)
    t.equal(await store.markProcessed(record, record, processedOf(record)), 'refused')
    t.equal(await store.markFailed(record, record, { code: 'X', reason: 'No.' }), false)
    t.equal(await store.get(record), undefined)
    t.equal((await itemOf(record))?.status, 'deleted')
  }
})

t.test('a deletion is known by the upload and its object together, before and after it is finished', async t => {
  const record = await uploaded()
  const other = await uploaded()
  t.equal(await deletions.has(record, record), false, 'not while it is there')
  for (const step of [() => deletions.begin(record), () => remove(record)]) {
    await step()
    t.equal(await deletions.has(record, record), true)
    t.equal(await deletions.has(record, other), false, 'an event that names another object is none of it')
    t.equal(await deletions.has({ ...record, owner: other.owner }, record), false)
  }
  t.equal(await deletions.has(uploadRecord(), record), false)
})

t.test('what this owner never had, or what is on its way, is not deleted here', async t => {
  const record = await uploaded()
  t.equal(await deletions.begin({ ...record, owner: 'somebody-else' }), undefined)
  t.equal(await deletions.begin(uploadRecord()), undefined)
  t.match(await store.get(record), { status: 'stored' })
  // As the store of pending uploads has it: what deletes must not take it for an upload that has arrived.
  const pending = { ...uploadRecord(), status: 'pending' } as unknown as UploadRecord
  await store.create(pending)
  t.equal(await deletions.begin(pending), undefined)
  t.match(await store.get(pending), { status: 'pending' })
})

t.test('under a flat template an object that is another upload’s by now stays', async t => {
  const key = 'uploads/shared.txt'
  const first = await uploaded({ key }, true)
  const second = await uploaded({ key }, true)
  await remove(first)
  t.equal((await objectsOf(second)).length, 2)
  await remove(second)
  t.strictSame(await objectsOf(second), [])
})

t.test(
  'an object that is overwritten between the look and the deletion is not taken for the one that was seen',
  async t => {
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
    await t.rejects(createRemoveObject(clients.s3)(record, record.uploadId), 'what S3 refuses is not hidden')
    t.equal(gone.hits, 1)
  },
)

t.test('a reply that is lost at either write changes nothing', async t => {
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

t.test('all outputs go, those that the record does not tell of too, and those of no other upload', async t => {
  const record = await uploaded({}, true)
  // Its key goes on where the other's ends, and so do its outputs.
  const deeper = await uploaded({ owner: record.owner, key: `${record.key}/deeper` }, true)
  for (const one of [record, deeper]) await madeMore(one)
  const deleted = await deletions.begin(record)
  if (deleted) await deletions.complete(deleted)
  t.strictSame(await furtherOf(record), ['deeper/known.json', 'deeper/unknown.json'])
  t.equal(await results.get(record, 'item', record.uploadId), undefined)
  t.match(await results.get(deeper, 'item', deeper.uploadId), { contentType: 'a/b' })
  t.match(await itemOf(record), { status: 'deleted' })
  t.notOk('outputs' in ((await itemOf(record)) ?? {}), 'and nothing is remembered of them')
})

t.test('under a flat template the outputs that another upload has replaced stay', async t => {
  const key = 'uploads/flat.csv'
  const first = await uploaded({ key }, true)
  await madeMore(first)
  const second = await uploaded({ key }, true)
  await madeMore(second)
  const deleted = await deletions.begin(first)
  if (deleted) await deletions.complete(deleted)
  t.strictSame(await furtherOf(second), ['known.json', 'unknown.json'])
  t.match(await results.get(second, 'item', second.uploadId), { madeOf: second.uploadId })
  t.equal(await results.get(second, 'item', first.uploadId), undefined, 'and it is not the first one’s')
})
