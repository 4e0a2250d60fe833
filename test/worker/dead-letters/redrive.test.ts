import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { createDeadLetterArchive, type DeadLetterArchive } from '../../../services/worker/dead-letters/archive.ts'
import { createRedrive } from '../../../services/worker/dead-letters/redrive.ts'
import type { StreamRecord } from '../../../services/worker/stream-record.ts'
import { startAutoStream } from '../../support/auto-stream.ts'
import { deadLetterOf, going, putUpload, startPipeline, streamRecord, uploadRecord } from '../pipeline.ts'

const pipeline = await startPipeline(t, { shards: 1 })
const { aws, store, read, keys } = pipeline
const { kinesis } = aws
const archive = createDeadLetterArchive({ s3: aws.s3, bucket: names.processedBucket, stream: names.stream })
const redrive = createRedrive({ archive, kinesis, store })

const { ShardIterator } = await kinesis.send(
  new GetShardIteratorCommand({
    StreamName: names.stream,
    ShardId: 'shardId-000000000000',
    ShardIteratorType: 'TRIM_HORIZON',
  }),
)
let iterator = ShardIterator

/** Returns the records that arrived on the stream since the last call. */
async function arrived(): Promise<StreamRecord[]> {
  const reply = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }))
  iterator = reply.NextShardIterator
  return (reply.Records ?? []).map(record => ({
    data: record.Data ?? new Uint8Array(),
    partitionKey: record.PartitionKey ?? '',
    sequenceNumber: record.SequenceNumber ?? '',
    shardId: 'shardId-000000000000',
  }))
}

/** Creates an upload that failed because its object is missing. Returns it with the key of its dead letter. */
async function failedUpload() {
  const upload = uploadRecord()
  await store.create(upload)
  const record = streamRecord(upload)
  await pipeline.processor().process(record, going)
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_OBJECT_MISSING' } })
  return { upload, record, key: deadLetterOf(record), processed: `processed/${upload.key.slice('uploads/'.length)}` }
}

const letterAt = async (key: string, from: DeadLetterArchive = archive) => {
  const found = await from.get(key)
  if (!found?.letter) throw new Error(`no dead letter at ${key}`)
  return found
}

t.test('a failed upload is queued and then processed, and a second redrive does nothing', async t => {
  const { upload, record, key, processed } = await failedUpload()
  await putUpload(aws.s3, upload, 'mended')
  const result = await redrive(await letterAt(key))
  t.match(result, { outcome: 'redriven', isUploadQueued: true })
  t.match(await store.get(upload), { status: 'queued', failure: undefined })

  t.match(await redrive(await letterAt(key)), { outcome: 'already redriven', redriven: { shardId: /^shardId/ } })
  const records = await arrived()
  t.equal(records.length, 1)
  t.match(records[0], { partitionKey: record.partitionKey, data: Buffer.from(record.data) })
  for (const again of records) await pipeline.processor().process(again, going)
  t.match(await store.get(upload), { status: 'processed', failure: undefined })
  t.equal((await read(processed)).text, 'MENDED')

  t.match(await redrive(await letterAt(key), { again: true }), { outcome: 'redriven', isUploadQueued: false })
  for (const again of await arrived()) await pipeline.processor().process(again, going)
  t.match(await store.get(upload), { status: 'processed' })
  t.equal((await read(processed)).text, 'MENDED')
})

t.test('a record that is not JSON is redriven with its bytes and its partition key', async t => {
  const poison = { ...streamRecord('x'), data: Uint8Array.of(0, 255, 10, 0x7b), partitionKey: 'ключ' }
  await pipeline.processor().process(poison, going)
  t.match(await redrive(await letterAt(deadLetterOf(poison))), { outcome: 'redriven', isUploadQueued: false })
  const records = await arrived()
  t.match(records, [{ partitionKey: 'ключ', data: Buffer.from(poison.data) }])
  // The redriven record fails again and becomes a second dead letter.
  const [again] = records
  if (again) await pipeline.processor().process(again, going)
  t.match(
    (await keys()).filter(key => key.startsWith('dead-letters/')),
    { length: 3 },
  )
})

t.test('if a redrive dies after it put the record on the stream, the next redrive repeats it without harm', async t => {
  const { upload, key, processed } = await failedUpload()
  await putUpload(aws.s3, upload, 'once')
  const dying = createRedrive({
    archive: { markRedriven: () => Promise.reject(new Error('killed')) },
    kinesis,
    store,
  })
  await t.rejects(dying(await letterAt(key)), { message: 'killed' })
  t.match(await store.get(upload), { status: 'failed' }, 'the status has not changed yet')
  t.match(await redrive(await letterAt(key)), { outcome: 'redriven', isUploadQueued: true })
  const records = await arrived()
  t.equal(records.length, 2)
  for (const record of records) await pipeline.processor().process(record, going)
  t.match(await store.get(upload), { status: 'processed' })
  t.equal((await read(processed)).text, 'ONCE')
})

t.test('a redrive does not change an upload that was processed or failed again in the meantime', async t => {
  for (const mended of [true, false]) {
    const { upload, key } = await failedUpload()
    if (mended) await putUpload(aws.s3, upload, 'fast')
    const before = await store.get(upload)
    const raced = createRedrive({
      archive: {
        async markRedriven(...letter) {
          for (const record of await arrived()) await pipeline.processor().process(record, going)
          await archive.markRedriven(...letter)
        },
      },
      kinesis,
      store,
    })
    t.match(await raced(await letterAt(key)), { outcome: 'redriven', isUploadQueued: false })
    const after = await store.get(upload)
    t.equal(after?.status, mended ? 'processed' : 'failed')
    t.not(after?.updatedAt, before?.updatedAt)
    t.ok(Math.abs(Date.parse(after?.redrivenAt ?? '') - Date.now()) < 60_000, 'operators see the redrive')
  }
})

t.test('an unreadable dead letter is not redriven', async t => {
  t.strictSame(await redrive({ key: 'k', id: 'i', letter: undefined }), { outcome: 'unreadable' })
})

t.test('a record without a key is redriven without one, or with a random key if the stream requires one', async t => {
  const poison = { ...streamRecord('x'), data: Buffer.from('no key'), partitionKey: undefined }
  await pipeline.processor().process(poison, going)
  const letter = await letterAt(deadLetterOf(poison))
  t.notOk(letter.letter && 'partitionKey' in letter.letter)

  const auto = await startAutoStream(t)
  t.match(await createRedrive({ archive, kinesis: auto.kinesis, store })(letter), { outcome: 'redriven' })
  t.strictSame(
    auto.records.map(({ Data, PartitionKey }) => [Data.toString(), PartitionKey]),
    [['no key', undefined]],
  )

  t.match(await redrive(letter, { again: true }), { outcome: 'redriven' })
  t.match(await arrived(), [{ partitionKey: /^[0-9a-f-]{36}$/, data: poison.data }])
})
